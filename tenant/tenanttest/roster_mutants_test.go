package tenanttest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
)

func rosterMutants() []mutant {
	m := func(rule string, breaks func(top, dry *puppet.Puppet)) mutant {
		return mutant{"RosterRuns", rule, breaks}
	}
	listing := func(rule string, alter func(all *[]topology.Namespace)) mutant {
		return m(rule, func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnTenants, func(_ string, all *[]topology.Namespace, _ *error) { alter(all) })
		})
	}
	ensuring := func(rule string, other func(want *topology.Namespace)) mutant {
		return m(rule, func(top, _ *puppet.Puppet) {
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				other(&want)
				return ensure(ctx, want)
			}
		})
	}
	changing := func(rule string, alter func(want topology.Namespace, change *topology.Change)) mutant {
		return m(rule, func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnEnsureNamespace, func(want topology.Namespace, change *topology.Change, _ *error) { alter(want, change) })
		})
	}
	unlocked := func(top *puppet.Puppet) {
		top.OnHoldLease = func(ctx context.Context, _ topology.Lease) (puppet.HeldLease, error) {
			return puppet.HeldLease{Held: ctx, Release: func() {}}, nil
		}
	}
	return []mutant{
		ensuring("A tenant of another roster is ErrConflict and stays untouched", func(want *topology.Namespace) { want.Roster = "" }),
		changing("A Score without a roster leaves the tenant on its roster", func(want topology.Namespace, change *topology.Change) {
			if want.Roster == "" {
				change.Action = topology.Updated
			}
		}),
		ensuring("A roster takes over tenants that are on no roster", func(want *topology.Namespace) { want.Roster = "" }),
		changing("A second run of a roster changes nothing", func(_ topology.Namespace, change *topology.Change) { change.Action = topology.Updated }),
		m("A tenant that fails does not stop the others", func(top, _ *puppet.Puppet) {
			var failed atomic.Value
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				if err, ok := failed.Load().(error); ok {
					return topology.Change{}, err
				}
				change, err := ensure(ctx, want)
				if err != nil {
					failed.Store(err)
				}
				return change, err
			}
		}),
		listing("A tenant that is no longer on the roster stays and is named, unless Prune is set", forgetRosters),
		listing("Pruning more than a tenth is refused, unless Prune allows it", forgetRosters),
		listing("An empty roster prunes no tenant, unless Prune allows it", forgetRosters),
		m("Pruning leaves tenants of other rosters and of none", func(top, _ *puppet.Puppet) {
			var last atomic.Value
			puppet.Before(&top.OnEnsureNamespace, func(_ context.Context, want topology.Namespace) (topology.Change, error, bool) {
				last.Store(want.Roster)
				return topology.Change{}, nil, false
			})
			puppet.After(&top.OnTenants, func(_ string, all *[]topology.Namespace, _ *error) {
				for i := range *all {
					(*all)[i].Roster, _ = last.Load().(string)
				}
			})
		}),
		m("Pruning deletes no volume that is not named", func(top, _ *puppet.Puppet) {
			puppet.After(&top.OnVolumes, func(_ string, all *[]topology.Volume, _ *error) { *all = nil })
		}),
		m("A plan changes nothing, and applying it makes exactly its changes", func(top, dry *puppet.Puppet) { dry.OnEnsureNamespace = top.OnEnsureNamespace }),
		m("A plan is refused once the tenants differ from it", func(_, dry *puppet.Puppet) {
			plansCreation(&dry.OnEnsureNamespace)
			plansCreation(&dry.OnEnsureNetworkRules)
			plansCreation(&dry.OnEnsureQuota)
			plansCreation(&dry.OnEnsureLimitRange)
			plansCreation(&dry.OnEnsureAccess)
		}),
		m("A plan names its risks first", func(_, dry *puppet.Puppet) {
			puppet.After(&dry.OnEnsureNetworkRules, func(_ topology.NetworkRules, change *topology.Change, _ *error) { change.Action = topology.Unchanged })
		}),
		m("A run waits for another of the same roster, and takes over from one that has died", func(top, _ *puppet.Puppet) { unlocked(top) }),
		m("A run that waited too long fails, and names the holder", func(top, _ *puppet.Puppet) { unlocked(top) }),
		m("Two runs of one roster at the same time converge", func(top, _ *puppet.Puppet) {
			unlocked(top)
			var busy atomic.Bool
			ensure := top.OnEnsureNamespace
			top.OnEnsureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				if busy.Swap(true) {
					return topology.Change{}, errBroken
				}
				defer busy.Store(false)
				time.Sleep(time.Millisecond) // so that the calls overlap
				return ensure(ctx, want)
			}
		}),
	}
}

func forgetRosters(all *[]topology.Namespace) {
	for i := range *all {
		(*all)[i].Roster = ""
	}
}

// plansCreation breaks a dry run: its Ensure always plans to create the value.
func plansCreation[V any](ensure *func(context.Context, V) (topology.Change, error)) {
	puppet.After(ensure, func(want V, change *topology.Change, _ *error) {
		change.Action, change.Fields, change.Before, change.After = topology.Created, nil, nil, want
	})
}
