package topologytest

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

func rosterMutants() []mutant {
	m := func(rule string, breaks func(top, dry *puppet)) mutant {
		return mutant{"RosterRuns", rule, func(top, dry *puppet, _ *brokenOutsider) { breaks(top, dry) }}
	}
	listing := func(rule string, alter func(all *[]topology.Namespace)) mutant {
		return m(rule, func(top, _ *puppet) {
			after(&top.tenants, func(_ string, all *[]topology.Namespace, _ *error) { alter(all) })
		})
	}
	ensuring := func(rule string, other func(want *topology.Namespace)) mutant {
		return m(rule, func(top, _ *puppet) {
			ensure := top.ensureNamespace
			top.ensureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				other(&want)
				return ensure(ctx, want)
			}
		})
	}
	changing := func(rule string, alter func(want topology.Namespace, change *topology.Change)) mutant {
		return m(rule, func(top, _ *puppet) {
			after(&top.ensureNamespace, func(want topology.Namespace, change *topology.Change, _ *error) { alter(want, change) })
		})
	}
	unlocked := func(top *puppet) {
		top.holdLease = func(ctx context.Context, _ topology.Lease) (heldLease, error) { return heldLease{ctx, func() {}}, nil }
	}
	return []mutant{
		ensuring("A tenant of another roster is ErrConflict and stays untouched", func(want *topology.Namespace) { want.Roster = "" }),
		changing("A Score without a roster leaves the tenant on its roster", func(want topology.Namespace, change *topology.Change) {
			if want.Roster == "" {
				change.Action = topology.Updated
			}
		}),
		ensuring("A roster adopts tenants that are on no roster", func(want *topology.Namespace) { want.Roster = "" }),
		changing("A second run of a roster changes nothing", func(_ topology.Namespace, change *topology.Change) { change.Action = topology.Updated }),
		m("A tenant that fails does not stop the others", func(top, _ *puppet) {
			var failed atomic.Value
			ensure := top.ensureNamespace
			top.ensureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
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
		listing("A tenant that left the roster stays and is named, unless Prune is set", forgetRosters),
		listing("Pruning more than a tenth is refused, unless Prune allows it", forgetRosters),
		listing("An empty roster prunes no tenant, unless Prune allows it", forgetRosters),
		m("Pruning leaves tenants of other rosters and of none", func(top, _ *puppet) {
			var last atomic.Value
			before(&top.ensureNamespace, func(_ context.Context, want topology.Namespace) (topology.Change, error, bool) {
				last.Store(want.Roster)
				return topology.Change{}, nil, false
			})
			after(&top.tenants, func(_ string, all *[]topology.Namespace, _ *error) {
				for i := range *all {
					(*all)[i].Roster, _ = last.Load().(string)
				}
			})
		}),
		m("Pruning deletes no volume that is not named", func(top, _ *puppet) {
			after(&top.volumes, func(_ string, all *[]topology.Volume, _ *error) { *all = nil })
		}),
		m("A plan changes nothing, and is applied as it was made", func(top, dry *puppet) { dry.ensureNamespace = top.ensureNamespace }),
		m("A plan is refused once the tenants differ from it", func(_, dry *puppet) {
			after(&dry.ensureNamespace, func(_ topology.Namespace, change *topology.Change, _ *error) {
				change.Action, change.Fields = topology.Created, nil
			})
			after(&dry.ensureNetworkRules, func(_ topology.NetworkRules, change *topology.Change, _ *error) {
				change.Action, change.Fields = topology.Created, nil
			})
			after(&dry.ensureQuota, func(_ topology.Quota, change *topology.Change, _ *error) {
				change.Action, change.Fields = topology.Created, nil
			})
			after(&dry.ensureLimitRange, func(_ topology.LimitRange, change *topology.Change, _ *error) {
				change.Action, change.Fields = topology.Created, nil
			})
			after(&dry.ensureAccess, func(_ topology.Access, change *topology.Change, _ *error) {
				change.Action, change.Fields = topology.Created, nil
			})
		}),
		m("A plan names its risks first", func(_, dry *puppet) {
			after(&dry.ensureNetworkRules, func(_ topology.NetworkRules, change *topology.Change, _ *error) { change.Action = topology.Unchanged })
		}),
		m("A run waits for another of the same roster, and takes over from one that has died", func(top, _ *puppet) { unlocked(top) }),
		m("A run that waited too long fails, and names the holder", func(top, _ *puppet) { unlocked(top) }),
		m("Two runs of one roster at the same time converge", func(top, _ *puppet) {
			unlocked(top)
			var busy atomic.Bool
			ensure := top.ensureNamespace
			top.ensureNamespace = func(ctx context.Context, want topology.Namespace) (topology.Change, error) {
				if busy.Swap(true) {
					return topology.Change{}, errBroken
				}
				defer busy.Store(false)
				time.Sleep(time.Millisecond) // so that they really meet
				return ensure(ctx, want)
			}
		}),
	}
}

func rosterListMutants() []mutant {
	m := func(rule string, alter func(all *[]topology.Namespace)) mutant {
		return mutant{"Rosters", rule, func(top, _ *puppet, _ *brokenOutsider) {
			after(&top.tenants, func(_ string, all *[]topology.Namespace, _ *error) { alter(all) })
		}}
	}
	const listed = "Tenants are listed by name, with their rosters, and without foreign namespaces"
	return []mutant{
		m(listed, func(all *[]topology.Namespace) { slices.Reverse(*all) }),
		m(listed, forgetRosters),
		m(listed, func(all *[]topology.Namespace) {
			*all = append(*all, topology.Namespace{Name: "zzz", Owner: "somebody"})
		}),
		m(listed, func(all *[]topology.Namespace) {
			*all = slices.DeleteFunc(*all, func(ns topology.Namespace) bool { return ns.Roster == "" })
		}),
		{"Rosters", "A cancelled context gets no answer", func(top, _ *puppet, _ *brokenOutsider) { uncancelled(&top.tenants) }},
	}
}

func forgetRosters(all *[]topology.Namespace) {
	for i := range *all {
		(*all)[i].Roster = ""
	}
}
