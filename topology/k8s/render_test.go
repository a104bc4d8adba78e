package k8s

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden files have every object of a tenant. A change of these files changes what isolates
// tenants.
func TestRenderedObjectsMatchTheGoldenFiles(t *testing.T) {
	platform := fake.DefaultPlatform()
	platform.IPv6 = true
	platform.OwnRanges = append(platform.OwnRanges, netip.MustParsePrefix("2001:db8:cafe::/48"), netip.MustParsePrefix("2600:1f00::/56"))
	platform.IngressControllers = []topology.NetworkPeer{{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "ingress-nginx"}}}
	platform.Monitoring = []topology.NetworkPeer{{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "monitoring"}, PodLabels: map[string]string{"app": "prometheus"}}}
	platform.APIServer = []topology.NetworkRule{{Peers: []topology.NetworkPeer{{CIDR: "203.0.113.1/32"}}, Ports: []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 6443}}}}
	platform.StorageClasses = []topology.StorageClass{{Name: "fast"}, {Name: "slow", Default: true}}
	for name, s := range map[string]tenant.TenantScore{
		"tightest": {TenantConfig: tenant.TenantConfig{Name: "acme"}},
		"open":     open(),
	} {
		t.Run(name, func(t *testing.T) {
			top := fake.New(fake.Options{Platform: &platform})
			_, err := score.Run(t.Context(), s.On(top))
			require.NoError(t, err)
			requireGolden(t, filepath.Join("testdata", name+".yaml"), render(t, top))
		})
	}
}

// open is a tenant with everything that a Score can open.
func open() tenant.TenantScore {
	ports := []tenant.NetworkPort{{Port: 5432}, {Protocol: netpolicy.UDP, Port: 8000, EndPort: 8010}}
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{
			Name: "acme", DisplayName: "Acme, Inc.", Labels: map[string]string{"team": "a"}, Annotations: map[string]string{"example.com/cost-center": "4711"},
			PodSecurity: topology.PodSecurityBaseline, DeletionProtection: true,
			ImageRegistries: []string{"docker.io/library", "registry.example.com/acme"}, PriorityClasses: []string{"batch"}, RuntimeClasses: []string{"sandbox"},
			Tolerations: []string{"dedicated"}, DefaultToken: true,
		},
		ResourceQuotas: tenant.ResourceQuotaConfig{
			Requests: tenant.ComputeResources{CPU: new(resource.MustParse("8"))},
			Extended: map[string]resource.Quantity{"nvidia.com/gpu": resource.MustParse("2")},
			Objects:  tenant.ObjectCounts{LoadBalancers: new(int64(1)), NodePorts: new(int64(2))},
			Pod:      tenant.Bounds{Max: tenant.ComputeResources{Memory: new(resource.MustParse("2Gi"))}},
		},
		NetworkIsolation: tenant.NetworkIsolationPolicy{
			PublicInternetEgress: true, IngressControllers: true, Monitoring: true, APIServer: true,
			Domains: []string{"acme.example.com", "acme.shop.example.com"}, ExternalNames: []string{"db.example.com"},
			IngressAnnotations: []string{"nginx.ingress.kubernetes.io/rewrite-target"},
			Ingress: []tenant.NetworkPeer{
				{Tenant: "globex", PodLabels: map[string]string{"app": "client"}, Ports: ports},
			},
			Egress: []tenant.NetworkPeer{
				{CIDR: "10.0.0.0/8", Ports: ports},
				{NamespaceLabels: map[string]string{"shared": "yes"}, Ports: ports[:1]},
			},
		},
		StorageAccess: tenant.StorageAccessConfig{
			Classes: []tenant.StorageClassAccess{
				{Name: "fast", Capacity: resource.MustParse("20Gi"), Claims: new(int64(3))},
			},
			DefaultClass: "fast", ClaimMax: new(resource.MustParse("10Gi")), InlineDrivers: []string{"secrets-store.csi.k8s.io"},
		},
		RBAC: tenant.RBACConfig{
			Members: []tenant.Member{
				{Role: tenant.Admin, Name: "acme-admins"},
				{Role: tenant.Developer, Name: "acme-devs"},
				{Role: tenant.Developer, Kind: rbac.ServiceAccount, Namespace: "ci", Name: "deployer"},
				{Role: tenant.Viewer, Kind: rbac.User, Name: "auditor@example.com"},
			},
			ReadVisibility: tenant.VisibilityCluster,
		},
	}
}

// render returns the tenant acme of the topology as YAML, in the order in which it is provisioned.
func render(t *testing.T, top *fake.Topology) []byte {
	t.Helper()
	ctx := t.Context()
	ns, err := top.Namespace(ctx, "acme")
	require.NoError(t, err)
	rules, err := top.NetworkRules(ctx, "acme")
	require.NoError(t, err)
	quota, err := top.Quota(ctx, "acme")
	require.NoError(t, err)
	limits, err := top.LimitRange(ctx, "acme")
	require.NoError(t, err)
	objects := []runtime.Object{
		mergeNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}, ns),
		renderNetworkPolicy(rules), renderQuota(quota), renderLimitRange(limits),
	}
	if access, err := top.Access(ctx, "acme"); err == nil {
		var cluster Topology
		for _, grant := range access.Grants {
			c := adapter.Ensure(topology.KindAccess, "acme")
			objects = append(objects, cluster.roleTarget(c, rolePrefix+grant.Role, grant.Rules).Want, cluster.bindingTarget(c, rolePrefix+grant.Role, grant.Subjects).Want)
		}
	}
	if readers, err := top.ClusterReaders(ctx, "acme"); err == nil {
		name := readersBinding("acme")
		objects = append(objects, withReaders(&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}, "acme", readers.Groups))
	}
	var all bytes.Buffer
	for _, object := range objects {
		kinds, _, err := kube.Scheme.ObjectKinds(object)
		require.NoError(t, err)
		object.GetObjectKind().SetGroupVersionKind(kinds[0])
		data, err := yaml.Marshal(object)
		require.NoError(t, err)
		all.WriteString("---\n")
		all.Write(data)
	}
	return all.Bytes()
}

func requireGolden(t *testing.T, path string, have []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, have, 0o600))
	}
	want, err := os.ReadFile(path) //nolint:gosec // a golden file
	require.NoError(t, err, "run the test with -update to create it")
	require.Empty(t, cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(have), "\n")), "-want +have")
}
