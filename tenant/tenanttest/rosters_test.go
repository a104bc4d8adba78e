package tenanttest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const rosters = 200

// newRosters returns random rosters of a few tenants each. Tenants share members, service accounts
// of one tenant are members of another, and many other fields of the Scores are set.
func newRosters(prefix string) [][]tenant.TenantScore {
	random := rand.New(rand.NewPCG(1, 2))
	coin := func() bool { return random.IntN(2) == 0 }
	var all [][]tenant.TenantScore
	for r := range rosters {
		names := []string{"a", "b", "c"}[:1+random.IntN(3)]
		var roster []tenant.TenantScore
		for i := range names {
			name := func(i int) string { return fmt.Sprintf("%s%d-%s", prefix, r, names[i]) }
			s := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name(i), InheritGrants: true, DefaultToken: coin()}}
			if coin() {
				s.TenantConfig.PodSecurity, s.TenantConfig.Labels = topology.PodSecurityBaseline, map[string]string{"team": "x"}
				s.TenantConfig.ImageRegistries = []string{"docker.io/library", "registry.example.com/x"}
			}
			if coin() {
				s.NetworkIsolation = tenant.NetworkIsolationPolicy{
					PublicInternetEgress: coin(), Domains: []string{name(i) + ".example.com"},
					Ingress: []tenant.NetworkPeer{{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "tools"}, Ports: []tenant.NetworkPort{{Port: 80}}}},
					Egress:  []tenant.NetworkPeer{{CIDR: "192.0.2.0/24", Ports: []tenant.NetworkPort{{Port: 443}}}},
				}
			}
			if coin() {
				s.StorageAccess.Classes = []tenant.StorageClassAccess{{Name: "standard", Capacity: resource.MustParse("1Gi")}}
				s.ResourceQuotas.Objects = tenant.ObjectCounts{Pods: new(int64(random.IntN(50))), LoadBalancers: new(int64(1))}
			}
			for _, role := range tenant.Roles() {
				switch random.IntN(5) {
				case 0:
					s.RBAC.Members = append(s.RBAC.Members, tenant.Member{Role: role, Name: name(i) + "-" + string(role)})
				case 1:
					s.RBAC.Members = append(s.RBAC.Members, tenant.Member{Role: role, Name: fmt.Sprintf("%s%d-shared", prefix, r)})
				case 2:
					s.RBAC.Members = append(s.RBAC.Members, tenant.Member{Role: role, Kind: rbac.User, Name: fmt.Sprintf("jane-%s%d@example.com", prefix, r)})
				case 3:
					s.RBAC.Members = append(s.RBAC.Members, tenant.Member{Role: role, Kind: rbac.ServiceAccount, Name: "bot", Namespace: name(random.IntN(len(names)))})
				}
			}
			for _, m := range s.RBAC.Members {
				if m.Kind == "" && coin() {
					s.RBAC.ReadVisibility = tenant.VisibilityCluster
				}
			}
			roster = append(roster, s)
		}
		all = append(all, roster)
	}
	return all
}

// requireNoAlarm provisions all tenants, and requires that the proof of each roster holds.
func requireNoAlarm(t *testing.T, top interface {
	tenant.Topology
	topology.Guardrails
	topology.Inspector
}, all [][]tenant.TenantScore) {
	t.Helper()
	var steps []score.Step
	var tenants []tenant.TenantScore
	for _, roster := range all {
		for _, s := range roster {
			steps, tenants = append(steps, s.On(top)), append(tenants, s)
		}
	}
	_, err := score.Run(t.Context(), guardrails.Score{}.On(top))
	require.NoError(t, err)
	_, err = score.Runner{Concurrency: 16}.Run(t.Context(), steps...)
	require.NoError(t, err)
	in, err := top.Inspect(t.Context())
	require.NoError(t, err)
	require.Empty(t, isolation.Score{Tenants: tenants}.Examine(in).Broken())
	for _, roster := range all {
		require.Empty(t, isolation.Score{Tenants: roster}.Examine(alone(in, roster)).Broken())
	}
}

// alone returns the inspection without the tenants of other rosters.
func alone(in topology.Inspection, roster []tenant.TenantScore) topology.Inspection {
	isHere := func(namespace string) bool {
		return slices.ContainsFunc(roster, func(s tenant.TenantScore) bool { return s.TenantConfig.Name == namespace })
	}
	in.Namespaces = slices.DeleteFunc(slices.Clone(in.Namespaces), func(n topology.NamespaceInspection) bool { return !isHere(n.Namespace.Name) })
	in.Policies = slices.DeleteFunc(slices.Clone(in.Policies), func(p netpolicy.Policy) bool { return !isHere(p.Namespace) })
	in.Grants = slices.DeleteFunc(slices.Clone(in.Grants), func(g rbac.Binding) bool { return g.Namespace != "" && !isHere(g.Namespace) })
	return in
}

func TestProofOfRandomRostersHoldsOnTheFake(t *testing.T) {
	requireNoAlarm(t, newFake(t), newRosters("r"))
}

// The tenants are in their own cluster. In a shared one, other tests would wait until the
// controllers have processed all of them.
func TestProofOfRandomRostersHoldsOnKubernetes(t *testing.T) {
	own, err := testcluster.Start(t.Context(), testcluster.Options{Log: t.Output()})
	require.NoError(t, err)
	defer func() { require.NoError(t, own.Stop()) }()
	t.Run("rosters", func(t *testing.T) { requireNoAlarm(t, open(t, own.Kubeconfig()).top, newRosters("r")) })
}
