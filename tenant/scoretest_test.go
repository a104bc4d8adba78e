package tenant_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func infrastructure(t scoretest.T, prepare ...score.Step) func(
	top *fake.Topology) scoretest.Infrastructure[*fake.Topology] {
	return func(top *fake.Topology) scoretest.Infrastructure[*fake.Topology] {
		if len(prepare) > 0 {
			_, err := score.Run(t.Context(), prepare...)
			require.NoError(t, err)
		}
		return scoretest.Infrastructure[*fake.Topology]{
			Topology: top, DryRun: top.DryRun(),
			Calls:  func() int { return top.Counts().Calls },
			Writes: func() int { return top.Counts().Writes },
			State: func() any {
				data, err := json.Marshal(top.State())
				require.NoError(t, err)
				return string(data)
			},
			CutAfter: func(n int) *fake.Topology { return top.WithFaults(fake.Fault{After: n, Err: scoretest.ErrCut}) },
		}
	}
}

func members() tenant.RBACConfig {
	return tenant.RBACConfig{
		Members: []tenant.Member{{Role: tenant.Admin, Name: "acme-admins"},
			{Role: tenant.Viewer, Kind: rbac.User, Name: "auditor"}},
		ReadVisibility: tenant.VisibilityCluster,
	}
}

func TestTenantScoreKeepsTheRulesOfScores(t *testing.T) {
	for name, s := range map[string]tenant.TenantScore{
		"tightest": {TenantConfig: tenant.TenantConfig{Name: "acme"}},
		"members":  {TenantConfig: tenant.TenantConfig{Name: "acme"}, RBAC: members()},
		"allowances": {
			TenantConfig:     tenant.TenantConfig{Name: "acme", ImageRegistries: []string{"*"}, DefaultToken: true},
			NetworkIsolation: tenant.NetworkIsolationPolicy{Domains: []string{"acme.example.com", "acme.example"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			scoretest.Run(t, s, func(t scoretest.T) scoretest.Infrastructure[*fake.Topology] {
				return infrastructure(t)(fake.New(fake.Options{}))
			}, func(s tenant.TenantScore, top *fake.Topology) score.Step { return s.On(top) })
		})
	}
}

func TestOffboardScoreKeepsTheRulesOfScores(t *testing.T) {
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}, RBAC: members()}
	scoretest.Run(t, tenant.OffboardScore{Tenant: "acme"},
		func(t scoretest.T) scoretest.Infrastructure[*fake.Topology] {
			top := fake.New(fake.Options{})
			return infrastructure(t, acme.On(top))(top)
		}, func(s tenant.OffboardScore, top *fake.Topology) score.Step { return s.On(top) })
}

// Each call of a run fails in turn, before and after it takes effect.
func TestInterruptedProvisionGivesNoAccess(t *testing.T) {
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}, RBAC: members()}
	for _, late := range []bool{false, true} {
		for n := 1; ; n++ {
			top := fake.New(fake.Options{})
			_, err := score.Run(t.Context(),
				acme.On(top.WithFaults(fake.Fault{Nth: n, Late: late, Err: topology.ErrUnavailable})))
			state := top.State()
			ns := state.Namespaces["acme"]
			if ns.Access != nil || len(state.ClusterReaders) > 0 {
				require.NotNil(t, ns.Quota, n)
				require.NotNil(t, ns.LimitRange, n)
				require.NotNil(t, ns.NetworkRules, n)
				require.Equal(t, topology.PodSecurityRestricted, ns.Namespace.PodSecurity)
			}
			if err == nil {
				require.Greater(t, n, 5)
				break
			}
			require.ErrorIs(t, err, topology.ErrUnavailable)
		}
	}
}

func TestGuardrailsScoreKeepsTheRulesOfScores(t *testing.T) {
	installed := guardrails.Score{}
	for name, tt := range map[string]struct {
		score  guardrails.Score
		before []guardrails.Score
	}{
		"every rule": {score: installed},
		"one rule":   {score: guardrails.Score{Without: topology.AllGuardrails()[1:]}},
		"fewer rules": {score: guardrails.Score{Without: []topology.Guardrail{topology.GuardrailImages}},
			before: []guardrails.Score{installed}},
		"more rules": {score: installed,
			before: []guardrails.Score{{Without: []topology.Guardrail{topology.GuardrailImages}}}},
		"removed": {score: guardrails.Score{Remove: true}, before: []guardrails.Score{installed}},
	} {
		t.Run(name, func(t *testing.T) {
			scoretest.Run(t, tt.score, func(t scoretest.T) scoretest.Infrastructure[*fake.Topology] {
				top := fake.New(fake.Options{})
				var prepare []score.Step
				for _, s := range tt.before {
					prepare = append(prepare, s.On(top))
				}
				return infrastructure(t, prepare...)(top)
			}, func(s guardrails.Score, top *fake.Topology) score.Step { return s.On(top) })
		})
	}
}

// cutOff is a topology whose calls fail, except the release of a lease.
type cutOff struct {
	roster.Topology
	leases topology.Leases
}

func (c cutOff) HoldLease(ctx context.Context, want topology.Lease) (held context.Context, release func(), err error) {
	return c.leases.HoldLease(ctx, want)
}

// scoretest does not apply to a Score that applies a plan: it refuses to apply the plan again.
func TestRosterScoreKeepsTheRulesOfScores(t *testing.T) {
	named := func(name string) tenant.TenantScore {
		return tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}, RBAC: members()}
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
				infra := infrastructure(t, roster.Score{ID: "west", Tenants: []tenant.TenantScore{acme}}.On(top),
					initech.On(top))(top)
				return scoretest.Infrastructure[roster.Topology]{
					Topology: top, DryRun: top.DryRun(), Calls: infra.Calls, Writes: infra.Writes, State: infra.State,
					CutAfter: func(n int) roster.Topology { return cutOff{infra.CutAfter(n), top} },
				}
			}, func(s roster.Score, top roster.Topology) score.Step { return s.On(top) })
		})
	}
}
