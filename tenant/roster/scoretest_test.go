package roster_test

import (
	"context"
	"testing"

	"github.com/polyphony-go/polyphony/internal/faketest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// cutOff is a topology whose calls fail, except the release of a lease.
type cutOff struct {
	roster.Topology
	leases topology.Leases
}

func (c cutOff) HoldLease(ctx context.Context, want topology.Lease) (held context.Context, release func(), err error) {
	return c.leases.HoldLease(ctx, want)
}

// scoretest does not apply to a Score that applies a plan: it refuses to apply the plan again.
func TestScoreKeepsTheRulesOfScores(t *testing.T) {
	members := tenant.RBACConfig{
		Members: []tenant.Member{{Role: tenant.Admin, Name: "acme-admins"},
			{Role: tenant.Viewer, Kind: rbac.User, Name: "auditor"}},
		ReadVisibility: tenant.VisibilityCluster,
	}
	named := func(name string) tenant.TenantScore {
		return tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}, RBAC: members}
	}
	acme, globex, initech := named("acme"), named("globex"), named("initech")
	globex.NetworkIsolation.Domains = []string{"globex.example.com"}
	for name, s := range map[string]roster.Score{
		"tenants": {ID: "west", Tenants: []tenant.TenantScore{globex, initech}},
		"pruned":  {ID: "west", Tenants: []tenant.TenantScore{globex}, Prune: &roster.Prune{AtMost: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			scoretest.Run(t, s, func(t scoretest.T) scoretest.Infrastructure[roster.Topology] {
				top := fake.New(fake.Options{})
				earlier := roster.Score{ID: "west", Tenants: []tenant.TenantScore{acme}}
				infra := faketest.Infrastructure(t, top, earlier.On(top), initech.On(top))
				return scoretest.Infrastructure[roster.Topology]{
					Topology: top, DryRun: top.DryRun(), Calls: infra.Calls, Writes: infra.Writes, State: infra.State,
					CutAfter: func(n int) roster.Topology { return cutOff{infra.CutAfter(n), top} },
				}
			}, func(s roster.Score, top roster.Topology) score.Step { return s.On(top) })
		})
	}
}
