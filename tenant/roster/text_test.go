package roster_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// renamed is a topology that describes every change in other words.
type renamed struct{ *fake.Topology }

func (r renamed) DryRun() renamed { return renamed{r.Topology.DryRun()} }

// rename replaces the texts of a change that are made for people. The path of one field becomes
// that of another, and "from" and "to" change places.
func rename(c topology.Change, err error) (topology.Change, error) {
	for i, f := range c.Fields {
		path := c.Fields[(i+1)%len(c.Fields)].Path
		c.Fields[i] = topology.FieldChange{Path: "~" + path, From: "everybody " + f.To, To: f.From}
	}
	return c, err
}

func (r renamed) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	return rename(r.Topology.EnsureNamespace(ctx, want))
}

func (r renamed) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	return rename(r.Topology.EnsureQuota(ctx, want))
}

func (r renamed) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return rename(r.Topology.EnsureLimitRange(ctx, want))
}

func (r renamed) EnsureNetworkRules(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
	return rename(r.Topology.EnsureNetworkRules(ctx, want))
}

func (r renamed) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	return rename(r.Topology.EnsureAccess(ctx, want))
}

func (r renamed) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	return rename(r.Topology.EnsureClusterReaders(ctx, want))
}

// decision is what a plan decides about one tenant.
type decision struct {
	tenant  string
	risks   []roster.Risk
	actions []topology.Action
}

func decisions(p roster.Plan) (all []decision) {
	for _, t := range p.Tenants {
		d := decision{tenant: t.Tenant, risks: t.Risks}
		for _, c := range t.Changes {
			d.actions = append(d.actions, c.Action)
		}
		all = append(all, d)
	}
	return all
}

// No text that is made for people decides anything: neither which risks a plan names, nor the order
// of its tenants, nor whether and how it is applied.
func TestPlanDecidesTheSameIfEveryTextIsRenamed(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 2026))
	risky, renamedFields := 0, 0
	for range 100 {
		before, other := randomScore(random), randomScore(random)
		other.TenantConfig.Name, other.TenantConfig.DisplayName = "globex", ""
		other.NetworkIsolation.Domains, other.NetworkIsolation.Ingress, other.NetworkIsolation.Egress = nil, nil, nil
		was := roster.Score{Tenants: []tenant.TenantScore{before, other}}
		is := roster.Score{Tenants: []tenant.TenantScore{alter(random, before), alterConfig(random, other)}}

		_, plainly := provisioned(t, before)
		_, differently := provisioned(t, before)
		for _, top := range []*fake.Topology{plainly, differently} {
			_, err := score.Run(t.Context(), was.On(top))
			require.NoError(t, err)
		}
		plain, err := roster.MakePlan(t.Context(), is, plainly)
		require.NoError(t, err)
		different, err := roster.MakePlan(t.Context(), is, renamed{differently})
		require.NoError(t, err)
		require.Equal(t, decisions(plain), decisions(different))

		_, err = score.Run(t.Context(), roster.Apply(plain, plainly))
		require.NoError(t, err)
		_, err = score.Run(t.Context(), roster.Apply(different, renamed{differently}))
		require.NoError(t, err)
		for _, name := range []string{"acme", "globex"} {
			one, err := plainly.Namespace(t.Context(), name)
			require.NoError(t, err)
			two, err := differently.Namespace(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, one, two)
		}
		for i, tenants := range plain.Tenants {
			risky += len(tenants.Risks)
			for j, c := range tenants.Changes {
				if len(c.Fields) > 0 {
					require.NotEqual(t, c.Fields, different.Tenants[i].Changes[j].Fields)
					renamedFields++
				}
			}
		}
	}
	require.Greater(t, risky, 50)
	require.Greater(t, renamedFields, 100)
}

// alterConfig changes settings that do not depend on other tenants.
func alterConfig(r *rand.Rand, s tenant.TenantScore) tenant.TenantScore {
	s.TenantConfig.DefaultToken = pick(r, true, false)
	s.NetworkIsolation.PublicInternetEgress = pick(r, true, false)
	return s
}
