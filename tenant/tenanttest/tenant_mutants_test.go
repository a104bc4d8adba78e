package tenanttest

import (
	"context"
	"errors"
	"sync"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func tenantMutants() []mutant {
	m := func(rule string, breaks func(top, dry *puppet.Puppet)) mutant {
		return mutant{"Tenants", rule, breaks}
	}
	unprotected := func(reason error) func(top, _ *puppet.Puppet) {
		return func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnNamespace, func(_ string, ns *topology.Namespace, _ *error) {
				ns.Protected = ns.Protected && reason != topology.ErrProtected //nolint:errorlint // which sentinel, not whether it is wrapped
				ns.Managed = ns.Managed || reason == topology.ErrConflict      //nolint:errorlint // likewise
			})
			puppet.Before(&top.OnDeleteNamespace, func(context.Context, string) (topology.Change, error, bool) { return topology.Change{}, nil, true })
			top.OnAwaitNamespaceGone = func(context.Context, string) error { return nil }
		}
	}
	return []mutant{
		m("A plan lists what the run then does, and the second run changes nothing", func(_, dry *puppet.Puppet) {
			puppet.Change(&dry.OnEnsureQuota, func(c *topology.Change) { c.Action = topology.Unchanged })
		}),
		m("A Score with only a name provisions a tenant without members", func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnAccess, func(_ string, _ *topology.Access, err *error) { *err = nil })
		}),
		m("Drift is repaired and named", func(top, _ *puppet.Puppet) {
			puppet.Change(&top.OnEnsureNetworkRules, func(c *topology.Change) { c.Fields = nil })
		}),
		m("Rights that the Score no longer gives are withdrawn", func(top, _ *puppet.Puppet) {
			puppet.Before(&top.OnEnsureAccess, func(_ context.Context, want topology.Access) (topology.Change, error, bool) {
				return topology.Change{Kind: "Access", Name: want.Namespace, Action: topology.Deleted}, nil, len(want.Grants) == 0
			})
		}),
		m("A developer may write workloads in the own namespace, but not the objects that isolate it, and nothing elsewhere", func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnAuthorize, func(q rbac.Question, a *rbac.Answer, _ *error) {
				a.Allowed = a.Allowed || q.Resource == "serviceaccounts" && q.Subresource == "token"
			})
		}),
		m("A foreign namespace is refused and stays untouched, and the other tenant is provisioned nevertheless", func(top, _ *puppet.Puppet) {
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				want.Adopt = true
				return ensure(ctx, want)
			}
		}),
		m("Two runs of one Score at the same time converge", func(top, _ *puppet.Puppet) {
			var once sync.Once
			puppet.After(&top.OnEnsureQuota, func(_ topology.Quota, _ *topology.Change, err *error) { once.Do(func() { *err = errBroken }) })
		}),
		m("An unknown storage class is refused before anything is written", func(top, _ *puppet.Puppet) {
			platform := top.OnPlatform
			top.OnPlatform = func(ctx context.Context) (topology.Platform, error) {
				p, err := platform(ctx)
				p.StorageClasses = append(p.StorageClasses, topology.StorageClass{Name: "no-such-class"})
				return p, err
			}
		}),
		m("Off-boarding removes everything, and may be repeated", func(top, _ *puppet.Puppet) {
			top.OnDeleteClusterReaders = func(_ context.Context, name string) (topology.Change, error) {
				return topology.Change{Kind: "ClusterReaders", Name: name, Action: topology.Deleted}, nil
			}
		}),
		m("Off-boarding refuses a protected tenant and writes nothing", unprotected(topology.ErrProtected)),
		m("Off-boarding refuses a foreign namespace and writes nothing", unprotected(topology.ErrConflict)),
		m("Off-boarding deletes no volume that is not named", func(top, _ *puppet.Puppet) {
			top.OnVolumes = func(context.Context, string) ([]topology.Volume, error) { return nil, nil }
		}),
		m("Off-boarding names the finalizer that holds a namespace, and the next run continues", func(top, _ *puppet.Puppet) {
			top.OnAwaitNamespaceGone = func(context.Context, string) error { return nil }
		}),
	}
}

var errBroken = errors.New("broken")
