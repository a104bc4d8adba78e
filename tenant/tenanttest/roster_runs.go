package tenanttest

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// RosterRuns checks that the capabilities work together for a roster: ownership, pruning, plans and
// leases.
func RosterRuns[P roster.Topology](t *testing.T, h topologytest.Harness[P]) {
	topologytest.RunCases(t, rosterRunCases(h))
}

// planned is the topology with its dry run, which plans need.
type planned struct {
	roster.Topology

	dry roster.Topology
}

func (p planned) DryRun() roster.Topology { return p.dry }

// rostering is the fixture of one case: its own roster, with its own tenants.
type rostering struct {
	t   topologytest.T
	top planned
	out topologytest.Outsider
	roster.Score
}

func newRostering[P roster.Topology](t topologytest.T, h topologytest.Harness[P], tenants int) rostering {
	r := rostering{t, planned{h.Topology, h.DryRun}, h.Outsider, roster.Score{ID: topologytest.NewName()}}
	for range tenants {
		r.add()
	}
	return r
}

func (r *rostering) add() {
	name := topologytest.NewName()
	r.t.Cleanup(func() { _, _ = r.top.DeleteNamespace(context.Background(), name) })
	r.Tenants = append(r.Tenants, tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}, RBAC: tenant.RBACConfig{Members: []tenant.Member{
		{Role: tenant.Developer, Name: name + "-devs"},
	}}})
}

func (r *rostering) name(i int) string { return r.Tenants[i].TenantConfig.Name }

func (r *rostering) run() score.Report {
	r.t.Helper()
	report, err := score.Run(r.t.Context(), r.On(r.top))
	require.NoError(r.t, err)
	return report
}

// refused requires that the run fails for a reason and changes nothing.
func (r *rostering) refused(reason error, saying string) {
	r.t.Helper()
	report, err := score.Run(r.t.Context(), r.On(r.top))
	topologytest.RequireError(r.t, err, reason)
	require.ErrorContains(r.t, err, saying)
	require.False(r.t, report.Changed())
}

// there returns the names of the existing tenants of the roster.
func (r *rostering) there() (names []string) {
	r.t.Helper()
	all, err := r.top.Tenants(r.t.Context())
	require.NoError(r.t, err)
	for _, ns := range all {
		if ns.Roster == r.ID && !ns.Terminating {
			names = append(names, ns.Name)
		}
	}
	return names
}

func (r *rostering) names() (names []string) {
	for i := range r.Tenants {
		names = append(names, r.name(i))
	}
	return slices.Sorted(slices.Values(names))
}

func (r *rostering) plan() roster.Plan {
	r.t.Helper()
	plan, err := roster.MakePlan(r.t.Context(), r.Score, r.top)
	require.NoError(r.t, err)
	data, err := json.Marshal(plan) // as if read from a file
	require.NoError(r.t, err)
	var kept roster.Plan
	require.NoError(r.t, json.Unmarshal(data, &kept))
	return kept
}

func (r *rostering) apply(p roster.Plan) (score.Report, error) {
	return score.Run(r.t.Context(), roster.Apply(p, r.top))
}

func rosterRunCases[P roster.Topology](h topologytest.Harness[P]) []topologytest.Case {
	c := func(rule string, tenants int, do func(r rostering)) topologytest.Case {
		return topologytest.Case{Rule: rule, Run: func(t topologytest.T) { do(newRostering(t, h, tenants)) }}
	}
	return slices.Concat([]topologytest.Case{
		c("A tenant of another roster is ErrConflict and stays untouched", 1, func(r rostering) {
			r.run()
			other := r
			other.ID = topologytest.NewName()
			other.refused(topology.ErrConflict, r.ID)
			require.Equal(r.t, r.names(), r.there())
		}),
		c("A Score without a roster leaves the tenant on its roster", 1, func(r rostering) {
			r.run()
			report, err := score.Run(r.t.Context(), r.Tenants[0].On(r.top))
			require.NoError(r.t, err)
			require.False(r.t, report.Changed())
			require.Equal(r.t, r.names(), r.there())
		}),
		c("A roster takes over tenants that are on no roster", 1, func(r rostering) {
			_, err := score.Run(r.t.Context(), r.Tenants[0].On(r.top))
			require.NoError(r.t, err)
			require.Empty(r.t, r.there())
			require.True(r.t, r.run().Changed())
			require.Equal(r.t, r.names(), r.there())
		}),
		c("A second run of a roster changes nothing", 3, func(r rostering) {
			require.True(r.t, r.run().Changed())
			require.Equal(r.t, r.names(), r.there())
			require.False(r.t, r.run().Changed())
		}),
		c("A tenant that fails does not stop the others", 3, func(r rostering) {
			r.out.CreateNamespace(r.t, r.name(1), "somebody")
			_, err := score.Run(r.t.Context(), r.On(r.top))
			topologytest.RequireError(r.t, err, topology.ErrConflict)
			require.ErrorContains(r.t, err, r.name(1))
			require.ElementsMatch(r.t, []string{r.name(0), r.name(2)}, r.there())
		}),
	}, pruneCases(c), pruneKeptCases(c, h), planCases(c), rosterLeaseCases(c))
}

type makeCase = func(rule string, tenants int, do func(r rostering)) topologytest.Case

func pruneCases(c makeCase) []topologytest.Case {
	return []topologytest.Case{
		c("A tenant that is no longer on the roster stays and is named, unless Prune is set", 2, func(r rostering) {
			r.run()
			before, gone := r.there(), r.name(1)
			r.Tenants = r.Tenants[:1]
			report := r.run()
			require.False(r.t, report.Changed())
			require.Contains(r.t, report.String(), gone)
			require.Equal(r.t, before, r.there())
			r.Prune = &roster.Prune{AtMost: 1}
			require.True(r.t, r.run().Changed())
			require.Equal(r.t, r.names(), r.there())
		}),
		c("Pruning more than a tenth is refused, unless Prune allows it", 11, func(r rostering) {
			r.run()
			before := r.there()
			r.Prune, r.Tenants = &roster.Prune{}, r.Tenants[:9]
			r.add() // the run would create it
			r.refused(topology.ErrProtected, "2 of the roster's 11 tenants would be removed, and at most 1 may be")
			require.Equal(r.t, before, r.there())
			for _, tight := range []roster.Prune{{AtMost: 1}, {AtMostPercent: 18}, {AtMost: 1, AtMostPercent: 50}, {AtMost: 5, AtMostPercent: 10}} {
				r.Prune = &tight
				r.refused(topology.ErrProtected, "at most 1 may be")
			}
			r.Prune = &roster.Prune{AtMost: 2, AtMostPercent: 20}
			r.run()
			require.Equal(r.t, r.names(), r.there())
		}),
		c("An empty roster prunes no tenant, unless Prune allows it", 1, func(r rostering) {
			r.run()
			r.Tenants, r.Prune = nil, &roster.Prune{}
			r.refused(topology.ErrProtected, "at most 0")
			r.Prune = &roster.Prune{AtMostPercent: 100}
			r.run()
			require.Empty(r.t, r.there())
		}),
	}
}

// pruneKeptCases check what pruning must not remove.
func pruneKeptCases[P roster.Topology](c makeCase, h topologytest.Harness[P]) []topologytest.Case {
	return []topologytest.Case{
		c("Pruning leaves tenants of other rosters and of none", 1, func(r rostering) {
			single, other := newNamespace(r.t, h.Topology), r
			other.ID, other.Tenants = topologytest.NewName(), nil
			other.add()
			other.run()
			r.run()
			r.Tenants, r.Prune = nil, &roster.Prune{AtMostPercent: 100}
			r.run()
			require.Equal(r.t, other.names(), other.there())
			_, err := r.top.Namespace(r.t.Context(), single)
			require.NoError(r.t, err)
		}),
		c("Pruning deletes no volume that is not named", 1, func(r rostering) {
			r.run()
			name := r.name(0)
			r.out.ClaimVolume(r.t, name, "data")
			r.Tenants, r.Prune = nil, &roster.Prune{AtMost: 1}
			r.refused(topology.ErrProtected, "data")
			r.Prune.DeleteVolumes = map[string][]string{name: {"data"}}
			r.run()
			require.Empty(r.t, r.there())
		}),
	}
}

func planCases(c makeCase) []topologytest.Case {
	return []topologytest.Case{
		c("A plan changes nothing, and applying it makes exactly its changes", 2, func(r rostering) {
			plan := r.plan()
			require.Len(r.t, plan.Tenants, 2)
			require.Empty(r.t, r.there())
			report, err := r.apply(plan)
			require.NoError(r.t, err)
			require.True(r.t, report.Changed())
			require.Equal(r.t, r.names(), r.there())
			require.Empty(r.t, r.plan().Tenants)
		}),
		c("A plan is refused once the tenants differ from it", 2, func(r rostering) {
			plan := r.plan()
			_, err := score.Run(r.t.Context(), r.Tenants[0].On(r.top))
			require.NoError(r.t, err)
			report, err := r.apply(plan)
			topologytest.RequireError(r.t, err, topology.ErrConflict)
			require.ErrorContains(r.t, err, r.name(0))
			require.False(r.t, report.Changed())
			require.Empty(r.t, r.there())
		}),
		c("A plan names its risks first", 3, func(r rostering) {
			r.run()
			opened, gone := r.name(1), r.name(2)
			r.Tenants, r.Prune = r.Tenants[:2], &roster.Prune{AtMost: 1}
			r.Tenants[0].TenantConfig.DisplayName = "Acme"
			r.Tenants[1].NetworkIsolation.PublicInternetEgress = true
			r.add()
			plan := r.plan()
			var names []string
			for _, t := range plan.Tenants {
				names = append(names, t.Tenant)
			}
			require.Equal(r.t, []string{gone, opened}, names[:2])
			require.Equal(r.t, []roster.Risk{roster.RiskDeletes}, plan.Tenants[0].Risks)
			require.Equal(r.t, []roster.Risk{roster.RiskOpens}, plan.Tenants[1].Risks)
			require.Len(r.t, plan.Tenants, 4)
			require.Empty(r.t, slices.Concat(plan.Tenants[2].Risks, plan.Tenants[3].Risks))
		}),
	}
}

func rosterLeaseCases(c makeCase) []topologytest.Case {
	return []topologytest.Case{
		c("A run waits for another of the same roster, and takes over from one that has died", 1, func(r rostering) {
			r.out.HoldLease(r.t, "roster-"+r.ID, "the-dead", time.Second)
			began := time.Now()
			r.run()
			require.GreaterOrEqual(r.t, time.Since(began), time.Second)
			require.Equal(r.t, r.names(), r.there())
		}),
		c("A run that waited too long fails, and names the holder", 1, func(r rostering) {
			r.out.HoldLease(r.t, "roster-"+r.ID, "the-living", time.Hour)
			_ = topologytest.RequireTimeout(r.t, time.Second, "the-living", func(limit time.Duration) error {
				r.Wait = tenant.Duration(limit)
				report, err := score.Run(r.t.Context(), r.On(r.top))
				require.False(r.t, report.Changed())
				return err
			})
			require.Empty(r.t, r.there())
		}),
		c("Two runs of one roster at the same time converge", 3, func(r rostering) {
			for _, err := range topologytest.AtOnce(2, func() error {
				_, err := score.Run(r.t.Context(), r.On(r.top))
				return err
			}) {
				require.NoError(r.t, err)
			}
			require.Equal(r.t, r.names(), r.there())
			require.False(r.t, r.run().Changed())
		}),
	}
}

// newNamespace creates a namespace that is on no roster, and removes it when the case is over.
func newNamespace(t topologytest.T, top topology.Namespaces) string {
	t.Helper()
	name := topologytest.NewName()
	t.Cleanup(func() { _, _ = top.DeleteNamespace(context.Background(), name) })
	_, err := top.EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: topology.PodSecurityRestricted})
	require.NoError(t, err)
	return name
}
