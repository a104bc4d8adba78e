package tenant

import "github.com/polyphony-go/polyphony/topology"

// Desired is what a topology gets for a Score: complete values, with every default filled in.
type Desired struct {
	Namespace  topology.Namespace
	Quota      topology.Quota
	LimitRange topology.LimitRange
	Network    topology.NetworkRules
	Access     topology.Access
	Readers    topology.ClusterReaders

	// Notes say what a person should know, although nothing is wrong.
	Notes []string
}

// Desired translates a valid Score for a platform, and refuses what the platform cannot satisfy. It
// sends no request.
func (s TenantScore) Desired(p topology.Platform) (Desired, error) {
	name := s.TenantConfig.Name
	if err := s.TenantConfig.notAPlace(p); err != nil {
		return Desired{}, err
	}
	notes, err := s.StorageAccess.fits(p)
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
