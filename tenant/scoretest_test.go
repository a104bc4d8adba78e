package tenant_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/faketest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

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
				return faketest.Infrastructure(t, fake.New(fake.Options{}))
			}, func(s tenant.TenantScore, top *fake.Topology) score.Step { return s.On(top) })
		})
	}
}

func TestOffboardScoreKeepsTheRulesOfScores(t *testing.T) {
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}, RBAC: members()}
	scoretest.Run(t, tenant.OffboardScore{Tenant: "acme"},
		func(t scoretest.T) scoretest.Infrastructure[*fake.Topology] {
			top := fake.New(fake.Options{})
			return faketest.Infrastructure(t, top, acme.On(top))
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
