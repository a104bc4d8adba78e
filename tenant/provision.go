package tenant

import (
	"context"
	"time"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

// quotaWait is how long a stored quota may take to be in force. It takes a fraction of a second where the controllers are well.
const quotaWait = time.Minute

// desired is the tenant as the topology receives it.
type desired struct {
	namespace  topology.Namespace
	quota      topology.Quota
	limitRange topology.LimitRange
	network    topology.NetworkRules
	access     topology.Access
	readers    topology.ClusterReaders // no groups: none
	notes      []string
}

// desired translates the Score for a platform, and refuses what cannot be there. Nothing has been touched yet.
func (s TenantScore) desired(p topology.Platform) (desired, error) {
	name := s.TenantConfig.Name
	notes, err := s.StorageAccess.fits(p)
	if err != nil {
		return desired{}, err
	}
	network, err := s.NetworkIsolation.rules(name, p)
	if err != nil {
		return desired{}, err
	}
	want := desired{
		namespace:  s.TenantConfig.namespace(s.StorageAccess.DefaultClass),
		quota:      topology.Quota{Namespace: name, Hard: s.ResourceQuotas.hard(p, s.StorageAccess)},
		limitRange: topology.LimitRange{Namespace: name, Limits: s.ResourceQuotas.bounds(s.StorageAccess)},
		network:    network,
		access:     s.RBAC.access(name),
		readers:    topology.ClusterReaders{Tenant: name},
		notes:      notes,
	}
	if s.RBAC.ReadVisibility == VisibilityCluster {
		want.readers.Groups = s.RBAC.groups()
	}
	return want, nil
}

// provision keeps to one order: the boundary, what fences it in, access last. Whoever dies in the middle leaves a tenant that is closed.
// The quota is waited for, since until it is in force it does not bound anything.
func (s TenantScore) provision(ctx context.Context, t Topology) (interpret.Outcome, error) {
	var want desired
	out, err := interpret.Run(ctx,
		interpret.Step{Name: "platform", Do: func(ctx context.Context) (none topology.Change, err error) {
			p, err := t.Platform(ctx)
			if err == nil {
				want, err = s.desired(p)
			}
			return none, err
		}},
		interpret.Step{Name: "namespace", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureNamespace(ctx, want.namespace)
		}},
		interpret.Step{Name: "network", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureNetworkRules(ctx, want.network)
		}},
		interpret.Step{Name: "quota", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureQuota(ctx, want.quota)
		}},
		interpret.Step{Name: "limits", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureLimitRange(ctx, want.limitRange)
		}},
		interpret.Step{Name: "quota in force", Do: func(ctx context.Context) (none topology.Change, err error) {
			ctx, cancel := context.WithTimeout(ctx, quotaWait)
			defer cancel()
			return none, t.AwaitQuota(ctx, s.TenantConfig.Name)
		}},
		interpret.Step{Name: "access", Do: func(ctx context.Context) (topology.Change, error) {
			if len(want.access.Grants) == 0 {
				return t.DeleteAccess(ctx, s.TenantConfig.Name)
			}
			return t.EnsureAccess(ctx, want.access)
		}},
		interpret.Step{Name: "read visibility", Do: func(ctx context.Context) (topology.Change, error) {
			if len(want.readers.Groups) == 0 {
				return t.DeleteClusterReaders(ctx, s.TenantConfig.Name)
			}
			return t.EnsureClusterReaders(ctx, want.readers)
		}},
	)
	out.Notes = want.notes
	return out, err
}
