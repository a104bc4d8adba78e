package tenanttest_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }

// Names that are not used on a shared cluster.
const attackerName, victimName = "polyphony-tenanttest-acme", "polyphony-tenanttest-globex"

// newTenant returns a tenant with members of every role. It allows only what positive controls
// need.
func newTenant(name string) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: name, ImageRegistries: []string{"registry.example.com/" + name}},
		NetworkIsolation: tenant.NetworkIsolationPolicy{Domains: []string{name + ".example.com"}},
		StorageAccess:    tenant.StorageAccessConfig{Classes: []tenant.StorageClassAccess{{Name: "standard", Capacity: resource.MustParse("10Gi")}}},
		RBAC: tenant.RBACConfig{Members: []tenant.Member{
			{Role: tenant.Admin, Name: name + "-admins"},
			{Role: tenant.Developer, Name: name + "-devs"},
			{Role: tenant.Viewer, Kind: rbac.User, Name: name + "-auditor@example.com"},
		}},
	}
}

func newFake(t *testing.T) *fake.Topology {
	t.Helper()
	platform := fake.DefaultPlatform()
	platform.StorageClasses = []topology.StorageClass{{Name: "standard"}}
	return fake.New(fake.Options{Platform: &platform})
}

// provision installs all guardrails and provisions two tenants.
func provision(t *testing.T, top interface {
	tenant.Topology
	topology.Guardrails
}) (attacker, victim tenant.TenantScore) {
	t.Helper()
	attacker, victim = newTenant(attackerName), newTenant(victimName)
	_, err := score.Run(t.Context(), score.Sequence(guardrails.Score{}.On(top), attacker.On(top), victim.On(top)))
	require.NoError(t, err)
	return attacker, victim
}

// The fake refuses what a real cluster refuses.
func TestAttackOnTheFake(t *testing.T) {
	top := newFake(t)
	attacker, victim := provision(t, top)
	require.Empty(t, tenanttest.Attack(t, top, attacker, victim))
	testFences(t, top, attacker, victim)
}

// testFences checks that the documented fence stops each attack.
func testFences(t *testing.T, top topology.Admission, attacker, victim tenant.TenantScore) {
	t.Helper()
	for _, role := range []tenant.Role{tenant.Admin, tenant.Developer} {
		for _, a := range tenanttest.Attacks() {
			result := a.Try(t.Context(), top, member(attacker, role), attacker, victim)
			require.NoError(t, result.Err, a.Name)
			require.NotEmpty(t, result.Verdicts, a.Name)
			for _, v := range result.Verdicts {
				require.Equal(t, a.Fence, v.By, "%s as %s: %s", a.Name, role, v.Reason)
				require.Equal(t, a.Rule, v.Rule, "%s as %s: %s", a.Name, role, v.Reason)
			}
		}
	}
}

func TestAttackOnKubernetes(t *testing.T) {
	c := newCluster(t)
	attacker, victim := provision(t, c.top)
	require.Empty(t, tenanttest.Attack(t, c.top, attacker, victim))
	testFences(t, c.top, attacker, victim)
	t.Run("without one fence, an attack gets through", func(t *testing.T) { testRemovals(t, c, attacker, victim) })
}

// TestEveryAttackIsTriedWithoutItsFence checks that each attack has a removal after which each of
// its attempts must succeed, and that removals name no other attacks. It needs no cluster.
func TestEveryAttackIsTriedWithoutItsFence(t *testing.T) {
	var attacks, tried []string
	for _, a := range tenanttest.Attacks() {
		attacks = append(attacks, a.Name)
	}
	for _, r := range (cluster{}).removals(newTenant(attackerName)) {
		require.Subset(t, attacks, r.escapes, r.fence)
		if !r.partly {
			tried = append(tried, r.escapes...)
		}
	}
	require.Subset(t, tried, attacks, "add the attack to removals in cluster_test.go")
}

// removal is the removal of one fence.
type removal struct {
	fence   string
	remove  func(t *testing.T)
	escapes []string // the attacks that only this fence stops
	restore func(t *testing.T)
	partly  bool // one attempt of each attack must succeed; otherwise all
}

// testRemovals checks that each fence is needed, and that each attack is real: it succeeds without
// the fence, and fails after the fence is restored.
func testRemovals(t *testing.T, c cluster, attacker, victim tenant.TenantScore) {
	developer := member(attacker, tenant.Developer)
	// through returns the number of successful attempts of the named attacks, the number of all
	// their attempts, and the number of attacks without a successful attempt.
	through := func(t *testing.T, names []string) (n, all, shut int) {
		t.Helper()
		for _, a := range tenanttest.Attacks() {
			if !slices.Contains(names, a.Name) {
				continue
			}
			result := a.Try(t.Context(), c.top, developer, attacker, victim)
			if result.Err != nil && !errors.Is(result.Err, tenanttest.ErrEscaped) {
				t.Logf("%s: %v", a.Name, result.Err) // rights and rules take effect with a delay
				return 0, -1, 0
			}
			open := 0
			for _, v := range result.Verdicts {
				if v.Allowed || v.By != a.Fence { // a quota stops a DaemonSet too
					open++
				}
			}
			if open == 0 {
				shut++
			}
			n, all = n+open, all+len(result.Verdicts)
		}
		return n, all, shut
	}
	for _, r := range c.removals(attacker) {
		t.Run(r.fence, func(t *testing.T) {
			shut := func() bool { n, all, _ := through(t, r.escapes); return n == 0 && all > 0 }
			open := func() bool {
				n, all, shut := through(t, r.escapes)
				return n == all || r.partly && n > 0 && shut == 0
			}
			require.True(t, shut(), "they get through with every fence")
			r.remove(t)
			require.Eventually(t, open, patience, tick, "not every attempt of %q gets through without", r.escapes)
			requireShown(t, r.fence, c.isolation(t, attacker, victim).Broken())
			r.restore(t)
			require.Empty(t, c.isolation(t, attacker, victim).Broken())
			require.Eventually(t, shut, patience, tick, "%q still get through", r.escapes)
		})
	}
}
