package tenant

import "github.com/polyphony-go/polyphony/topology"

// Desired is what a topology receives for a Score: complete values, with every default filled in.
type Desired struct {
	Namespace  topology.Namespace      // the boundary, and what guardrails allow in it
	Quota      topology.Quota          // totals of resources and objects
	LimitRange topology.LimitRange     // bounds and defaults of one container, pod or claim
	Network    topology.NetworkRules   // allowed connections
	Access     topology.Access         // rights in the namespace
	Readers    topology.ClusterReaders // read visibility beyond the namespace

	// Notes are sentences for people about conditions that are no errors.
	Notes []string
}

// Desired translates a valid Score for a platform. It sends no request.
//
// The error wraps [topology.ErrUnsupported] if the platform lacks something that the Score asks
// for, [topology.ErrInvalid] if a peer's CIDR lies within the platform, and [topology.ErrConflict]
// if the name or labels of the tenant are those of a part of the platform.
func (s TenantScore) Desired(p topology.Platform) (Desired, error) {
	name := s.TenantConfig.Name
	if err := s.TenantConfig.refusePlatformPlace(p); err != nil {
		return Desired{}, err
	}
	notes, err := s.StorageAccess.check(p)
	if err != nil {
		return Desired{}, err
	}
	network, err := s.NetworkIsolation.rules(name, p)
	if err != nil {
		return Desired{}, err
	}
	namespace := s.TenantConfig.namespace(s.StorageAccess.DefaultClass)
	namespace.Allowed = s.allowances(p)
	return Desired{
		Namespace:  namespace,
		Quota:      topology.Quota{Namespace: name, Hard: s.ResourceQuotas.hard(p, s.StorageAccess)},
		LimitRange: topology.LimitRange{Namespace: name, Limits: s.ResourceQuotas.bounds(s.StorageAccess)},
		Network:    network,
		Access:     s.RBAC.access(name),
		Readers:    s.RBAC.readers(name),
		Notes:      notes,
	}, nil
}
