package tenanttest_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }

// Names that nobody uses, should the cluster be somebody's.
const attackerName, victimName = "polyphony-tenanttest-acme", "polyphony-tenanttest-globex"

// newTenant is a tenant with members of every role, and just what positive controls take.
func newTenant(name string) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: name, ImageRegistries: []string{"registry.example.com/" + name}},
		NetworkIsolation: tenant.NetworkIsolationPolicy{Domains: []string{name + ".example.com"}},
		StorageAccess:    tenant.StorageAccessConfig{Classes: []tenant.StorageClassAccess{{Name: "standard", Capacity: resource.MustParse("10Gi")}}},
		RBAC: tenant.RBACConfig{Members: []tenant.Member{
			{Role: tenant.Admin, Name: name + "-admins"},
			{Role: tenant.Developer, Name: name + "-devs"},
			{Role: tenant.Viewer, Kind: topology.User, Name: name + "-auditor@example.com"},
		}},
	}
}

func newFake(t *testing.T) *fake.Topology {
	t.Helper()
	platform := fake.DefaultPlatform()
	platform.StorageClasses = []topology.StorageClass{{Name: "standard"}}
	return fake.New(fake.Options{Platform: &platform})
}

// provision puts two tenants behind all guardrails.
func provision(t *testing.T, top interface {
	tenant.Topology
	topology.Guardrails
}) (attacker, victim tenant.TenantScore) {
	t.Helper()
	attacker, victim = newTenant(attackerName), newTenant(victimName)
	_, err := score.Run(t.Context(), score.Sequence(tenant.GuardrailsScore{}.On(top), attacker.On(top), victim.On(top)))
	require.NoError(t, err)
	return attacker, victim
}

// The fake refuses what a real cluster refuses, and says which it cannot tell.
func TestAttackOnTheFake(t *testing.T) {
	top := newFake(t)
	attacker, victim := provision(t, top)
	untold := map[string]bool{}
	for _, line := range tenanttest.Attack(t, top, attacker, victim) {
		require.Contains(t, line, "the fake does not model")
		untold[strings.Split(line, ": ")[1]] = true
	}
	require.Equal(t, []string{
		"claim of another tenant's volume",
		"container whose limit of zero is no limit",
		"host path, network, port, processes and IPC",
		"image from elsewhere",
		"more than the quota, and quota scopes",
		"pods on every node, and pods bound by hand",
		"privileged, added capability, privilege escalation, run as root",
		"storage class that is not allowed, or none",
		"system-node-critical, node by name, every taint tolerated",
		"token of the service account default, unasked",
		"volume that no claim stands for",
	}, slices.Sorted(maps.Keys(untold)), "these have a pod or a claim for their positive control; what guardrails refuse of them is in the conformance suite")
}

func TestAttackOnKubernetes(t *testing.T) {
	c := newCluster(t)
	attacker, victim := provision(t, c.top)
	require.Empty(t, tenanttest.Attack(t, c.top, attacker, victim))
	t.Run("each attack is stopped by what it says", func(t *testing.T) {
		for _, role := range []tenant.Role{tenant.Admin, tenant.Developer} {
			for _, a := range tenanttest.Attacks() {
				result := a.Try(t.Context(), c.top, c.member(attacker, role), attacker, victim)
				require.NoError(t, result.Err, a.Name)
				require.NotEmpty(t, result.Verdicts, a.Name)
				for _, v := range result.Verdicts {
					require.Equal(t, a.Fence, v.By, "%s as %s: %s", a.Name, role, v.Reason)
					require.Equal(t, a.Rule, v.Rule, "%s as %s: %s", a.Name, role, v.Reason)
				}
			}
		}
	})
	t.Run("without one fence, an attack gets through", func(t *testing.T) { testRemovals(t, c, attacker, victim) })
}

// removal takes one fence away.
type removal struct {
	fence   string
	remove  func(t *testing.T)
	escapes []string // the attacks that only this fence stops
	restore func(t *testing.T)
}

// testRemovals shows that each fence is needed, and that each attack is real: without the fence it gets through, and with it again it does not.
func testRemovals(t *testing.T, c cluster, attacker, victim tenant.TenantScore) {
	developer := c.member(attacker, tenant.Developer)
	through := func(t *testing.T, names []string) (n int) {
		t.Helper()
		for _, a := range tenanttest.Attacks() {
			if !slices.Contains(names, a.Name) {
				continue
			}
			if result := a.Try(t.Context(), c.top, developer, attacker, victim); result.Err != nil {
				require.ErrorIs(t, result.Err, tenanttest.ErrEscaped)
				n++
			}
		}
		return n
	}
	for _, r := range c.removals(attacker) {
		t.Run(r.fence, func(t *testing.T) {
			require.Zero(t, through(t, r.escapes), "they get through with every fence")
			r.remove(t)
			require.Eventually(t, func() bool { return through(t, r.escapes) == len(r.escapes) }, patience, tick, "%q do not get through without", r.escapes)
			r.restore(t)
			require.Eventually(t, func() bool { return through(t, r.escapes) == 0 }, patience, tick, "%q still get through", r.escapes)
		})
	}
}
