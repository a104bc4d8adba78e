package tenant

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// allowanceList is a list of a Score whose values are validated one by one.
type allowanceList struct {
	path    string
	set     func(*TenantScore, []string)
	fine    []string
	refused []string
}

// hostile are values that no list may have: they contain separators, or would break a line.
var hostile = []string{"", " ", "a b", " a.example.com", "a.example.com ", "a.example.com,b.example.com", ",",
	"a.example.com\n", "a.example.com\tb", "a.example.com\x00",
	"a.example.com\x7f", "ä.example.com", "a.example.com\u2028", "a\u00a0b.example.com/x",
	"a.example.com/x,b.example.com/y", "a.example.com/x y", "\xff", "a;b", "a=b"}

func allowanceLists() []allowanceList {
	domains := []string{"example.com", "a.b.c.example.com", "xn--bcher-kva.example", "a-1.example.com", "1.example.com",
		"local.example.com", "svc.example", "localhosts.example",
		"example.internal", domainOf(52) + ".example.co"}
	noDomains := []string{"com", "example.com.", ".example.com", "example..com", "*.example.com", "*", "a.*.com",
		"Example.com", "example.COM", "-a.example.com", "a_b.example.com",
		"example.com/path", "https://example.com", "example.com:443", "192.0.2.1", "1.2", "192.0.2", "example.1",
		"example.0x7f000001", "::1", "[::1]",
		"localhost", "a.localhost", "local", "a.local", "svc.cluster.local", "svc", "a.svc", "globex.svc",
		"a.b.svc.cluster.local"}
	names := []string{"a", "high", "a.b-c.example.com", "1", "systems-1", domainOf(253)}
	noNames := []string{"High", "a_b", "-a", "a-", "a/b", "*", domainOf(254)}
	return []allowanceList{
		{"networkIsolation.domains", func(s *TenantScore, l []string) { s.NetworkIsolation.Domains = l }, domains,
			append(noDomains, domainOf(53)+".example.co", domainOf(253))},
		{"networkIsolation.externalNames", func(s *TenantScore, l []string) { s.NetworkIsolation.ExternalNames = l },
			append(domains, domainOf(64)+".example.com", strings.Repeat("a.", 126)+"a"),
			append(noDomains, strings.Repeat("a.", 127)+"a")},
		{"networkIsolation.ingressAnnotations",
			func(s *TenantScore, l []string) { s.NetworkIsolation.IngressAnnotations = l },
			[]string{"nginx.ingress.kubernetes.io/rewrite-target", "a/b", "Example.com/Some_Name",
				"cert-manager.io/cluster-issuer", "hostname.example.com/a", "server-alias.example.com/a",
				"example.com/hostnames"},
			[]string{"rewrite-target", "a/b/c", "/a", "a/", "*", "example.com/*", "a/" + strings.Repeat("b", 64),
				"nginx.ingress.kubernetes.io/configuration-snippet", "nginx.ingress.kubernetes.io/server-snippet",
				"nginx.org/location-snippets", "example.com/Auth-Snippet", "SNIPPET.example.com/a",
				"nginx.ingress.kubernetes.io/server-alias", "haproxy-ingress.github.io/server-alias-regex",
				"external-dns.alpha.kubernetes.io/hostname",
				"external-dns.alpha.kubernetes.io/internal-hostname", "example.com/Server-Alias",
				"example.com/hostname"}},
		{"storageAccess.inlineDrivers", func(s *TenantScore, l []string) { s.StorageAccess.InlineDrivers = l },
			append(names, "secrets-store.csi.k8s.io"), noNames},
		{"tenantConfig.imageRegistries", func(s *TenantScore, l []string) { s.TenantConfig.ImageRegistries = l },
			[]string{"*", "docker.io", "docker.io/library", "docker.io/library/nginx", "registry.example.com/acme",
				"localhost", "localhost/a", "localhost:5000", "localhost:5000/a", "registry:5000",
				"192.0.2.1/a", "ghcr.io/a/b.c/d_e/f__g/h-i/j--k", "x.io/" + strings.Repeat("a", 250)},
			[]string{"nginx", "acme/app", "library/nginx", "localhosts", "docker.io/", "docker.io//a", "/a",
				"docker.io/library/", "docker.io/library/nginx:1.29", "nginx:latest", "docker.io/a@sha256:abc",
				"https://docker.io", "http://localhost", "oci://docker.io/a", "Docker.io/a", "docker.io/Acme",
				"docker.io/*", "*/a", "**", "*.example.com", "docker.io/a_", "docker.io/_a", "docker.io/a___b",
				"docker.io/a..b", "docker.io/.", "docker.io/../a", "-a.io/b", "a-.io/b", "a_b.io/c", "docker.io:/a",
				"docker.io:port/a", "docker.io:123456/a", "[::1]:5000/a",
				"x.io/" + strings.Repeat("a", 251)}},
		{"tenantConfig.priorityClasses", func(s *TenantScore, l []string) { s.TenantConfig.PriorityClasses = l }, names,
			append(noNames, "system-cluster-critical", "system-node-critical", "system-a")},
		{"tenantConfig.runtimeClasses", func(s *TenantScore, l []string) { s.TenantConfig.RuntimeClasses = l },
			append(names, "system-a"), noNames},
		{"tenantConfig.tolerations", func(s *TenantScore, l []string) { s.TenantConfig.Tolerations = l },
			[]string{"dedicated", "Dedicated_1.x", "example.com/team", "nvidia.com/gpu", "node.kubernetes.io/not-ready",
				"node-role.example.com/a", "my-node-role.kubernetes.io/a",
				strings.Repeat("a", 63), "a/node-role.kubernetes.io"},
			[]string{"*", "a/b/c", "/a", "a/", "Example.com/a", "-a", "a=b", "a:NoSchedule", strings.Repeat("a", 64),
				"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master", "node-role.kubernetes.io/",
				"node-role.kubernetes.io"}},
	}
}

func TestValidateRefusesMalformedAllowances(t *testing.T) {
	for _, list := range allowanceLists() {
		t.Run(list.path, func(t *testing.T) {
			paths := func(values ...string) []string {
				s := minimal()
				list.set(&s, values)
				var paths []string
				for _, err := range ValidateTenantScore(s, nil) {
					paths = append(paths, err.Field)
				}
				return slices.Compact(paths)
			}
			for _, value := range list.fine {
				require.Empty(t, paths(value), "%q", value)
			}
			for _, value := range slices.Concat(list.refused, hostile) {
				require.Equal(t, []string{list.path + "[0]"}, paths(value), "%q", value)
			}
			one, other := list.fine[len(list.fine)-2], list.fine[len(list.fine)-3]
			require.Empty(t, paths(one, other))
			require.Equal(t, []string{list.path + "[1]", list.path + "[3]"}, paths(one, one, other, one), "twice")
			require.Equal(t, []string{list.path + "[1]"}, paths(one, "a b"), "the second of two")
		})
	}
}

func TestValidateBoundsListsOfAllowances(t *testing.T) {
	many := func(n, length int) (names []string) {
		for i := range n {
			name := fmt.Sprintf("%03d.", i)
			names = append(names, name+strings.Repeat("a", length-len(name)))
		}
		return names
	}
	classes := func(list []string) func(*TenantScore) {
		return func(s *TenantScore) { s.TenantConfig.RuntimeClasses = list }
	}
	at := []string{"tenantConfig.runtimeClasses"}
	testEdges(t, []edge{
		{"the greatest number of names", classes(many(100, 10)), nil},
		{"one name too many", classes(many(101, 10)), at},
		{"the greatest total length", classes(many(64, 127)), nil},
		{"names that are too long in total", classes(many(64, 128)), at},
		{"an empty list", classes([]string{}), nil},
	})
}

func TestValidateReportsAllMistakesOfAList(t *testing.T) {
	registries := func(list ...string) func(*TenantScore) {
		return func(s *TenantScore) { s.TenantConfig.ImageRegistries = list }
	}
	domains := func(list ...string) func(*TenantScore) {
		return func(s *TenantScore) { s.NetworkIsolation.Domains, s.NetworkIsolation.ExternalNames = list, list }
	}
	both := func(i int) []string {
		return []string{fmt.Sprintf("networkIsolation.domains[%d]", i),
			fmt.Sprintf("networkIsolation.externalNames[%d]", i)}
	}
	testEdges(t, []edge{
		{"a wildcard beside a registry",
			registries("docker.io/library", "*"), []string{"tenantConfig.imageRegistries[1]"}},
		{"the wildcard twice", registries("*", "*"), []string{"tenantConfig.imageRegistries[0]",
			"tenantConfig.imageRegistries[1]"}},
		{"a registry within another", registries("docker.io", "docker.io/library"), nil},
		{"domains that do not contain each other",
			domains("a.example.com", "b.example.com", "example.org", "aa.example.com"), nil},
		{"a domain below another", domains("a.example.com", "example.com"), both(0)},
		{"a domain several labels below another", domains("example.com", "c.b.a.example.com"), both(1)},
	})
}

// A message says what to write instead.
func TestValidateOfAllowancesSaysWhatToWrite(t *testing.T) {
	for _, tt := range []struct {
		change func(*TenantScore)
		says   string
	}{
		{func(s *TenantScore) { s.TenantConfig.ImageRegistries = []string{"nginx"} },
			"official images of Docker Hub are docker.io/library"},
		{func(s *TenantScore) { s.TenantConfig.ImageRegistries = []string{"acme/app"} },
			"images of acme on Docker Hub are docker.io/acme"},
		{func(s *TenantScore) { s.NetworkIsolation.Domains = []string{"*.acme.example"} }, "write acme.example"},
		{func(s *TenantScore) { s.NetworkIsolation.Domains = []string{"a.acme.example", "acme.example"} },
			"is covered by acme.example; leave one of the two out"},
		{func(s *TenantScore) {
			s.NetworkIsolation.IngressAnnotations = []string{"nginx.ingress.kubernetes.io/server-snippet"}
		}, "CVE-2021-25742"},
	} {
		s := minimal()
		tt.change(&s)
		require.ErrorContains(t, s.Validate(), tt.says)
	}
}

func TestDesiredHasTheAllowancesOfTheScore(t *testing.T) {
	tests := []struct {
		name     string
		score    func(*TenantScore)
		platform topology.Platform
		want     topology.Allowances
	}{
		{"an unset Score allows nothing", func(*TenantScore) {}, topology.Platform{}, topology.Allowances{}},
		{"empty lists allow nothing", func(s *TenantScore) {
			s.TenantConfig.ImageRegistries, s.NetworkIsolation.Domains, s.StorageAccess.Classes = []string{},
				[]string{}, []StorageClassAccess{}
		}, topology.Platform{}, topology.Allowances{}},
		{"lists are sorted", func(s *TenantScore) {
			two := []string{"b.example", "a.example"}
			s.TenantConfig.ImageRegistries, s.TenantConfig.PriorityClasses, s.TenantConfig.RuntimeClasses,
				s.TenantConfig.Tolerations = two, two, two, two
			s.NetworkIsolation.Domains, s.NetworkIsolation.ExternalNames, s.StorageAccess.InlineDrivers = two, two, two
			s.NetworkIsolation.IngressAnnotations = []string{"b.example/x", "a.example/x"}
			s.TenantConfig.DefaultToken = true
		}, topology.Platform{}, topology.Allowances{
			Domains: []string{"a.example", "b.example"}, IngressAnnotations: []string{"a.example/x", "b.example/x"},
			ExternalNames: []string{"a.example", "b.example"},
			InlineDrivers: []string{"a.example", "b.example"}, ImageRegistries: []string{"a.example", "b.example"},
			PriorityClasses: []string{"a.example", "b.example"},
			RuntimeClasses:  []string{"a.example", "b.example"}, Tolerations: []string{"a.example", "b.example"},
			DefaultToken: true,
		}},
		{"storage classes are allowed by StorageAccess", func(s *TenantScore) {
			s.StorageAccess.Classes = []StorageClassAccess{{Name: "fast", Capacity: *amount("1Gi")},
				{Name: "bulk", Capacity: *amount("1Gi")}}
		}, topology.Platform{StorageClasses: bigPlatform().StorageClasses},
			topology.Allowances{StorageClasses: []string{"bulk", "fast"}}},
		{"node ports in the quota allow the type NodePort",
			func(s *TenantScore) { s.ResourceQuotas.Objects.NodePorts = new(int64(1)) },
			topology.Platform{}, topology.Allowances{ServiceTypes: []topology.ServiceType{topology.NodePort}}},
		{"load balancers in the quota allow the type LoadBalancer",
			func(s *TenantScore) { s.ResourceQuotas.Objects.LoadBalancers = new(int64(1)) },
			topology.Platform{}, topology.Allowances{ServiceTypes: []topology.ServiceType{topology.LoadBalancer}}},
		{"node ports and load balancers in the quota allow both types", func(s *TenantScore) {
			s.ResourceQuotas.Objects.NodePorts, s.ResourceQuotas.Objects.LoadBalancers = new(int64(2)), new(int64(1))
		}, topology.Platform{},
			topology.Allowances{ServiceTypes: []topology.ServiceType{topology.LoadBalancer, topology.NodePort}}},
		{"a quota of zero node ports allows no type",
			func(s *TenantScore) { s.ResourceQuotas.Objects.NodePorts = new(int64(0)) },
			topology.Platform{}, topology.Allowances{}},
		{"the default priority class of the platform is allowed",
			func(*TenantScore) {}, topology.Platform{DefaultPriorityClass: "standard"},
			topology.Allowances{PriorityClasses: []string{"standard"}}},
		{"priority classes of the Score are added to the default one",
			func(s *TenantScore) { s.TenantConfig.PriorityClasses = []string{"urgent", "standard", "batch"} },
			topology.Platform{DefaultPriorityClass: "standard"},
			topology.Allowances{PriorityClasses: []string{"batch", "standard", "urgent"}}},
		{"granted extended resources allow their tolerations", func(s *TenantScore) {
			s.TenantConfig.Tolerations = []string{"nvidia.com/gpu", "dedicated"}
			s.ResourceQuotas.Extended = map[string]resource.Quantity{
				"nvidia.com/gpu": *amount("2"), "amd.com/gpu": *amount("0"), "vendor.example/fpga": *amount("1"),
				"hugepages-2Mi": *amount("128Mi")}
		}, topology.Platform{ExtendedResources: []string{"other.example/gpu"}},
			topology.Allowances{Tolerations: []string{"dedicated", "nvidia.com/gpu", "vendor.example/fpga"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := minimal()
			tt.score(&s)
			require.NoError(t, s.Validate())
			tt.platform.DNS = bigPlatform().DNS
			want, err := s.Desired(tt.platform)
			require.NoError(t, err)
			require.Equal(t, tt.want, want.Namespace.Allowed)
		})
	}
}

// A topology may change what it receives without changing the Score.
func TestDesiredCopiesAllowances(t *testing.T) {
	s := full()
	want, err := s.Desired(bigPlatform())
	require.NoError(t, err)
	a := want.Namespace.Allowed
	for _, list := range [][]string{a.Domains, a.IngressAnnotations, a.ExternalNames, a.StorageClasses, a.InlineDrivers,
		a.ImageRegistries, a.PriorityClasses, a.RuntimeClasses, a.Tolerations} {
		require.NotEmpty(t, list)
		require.True(t, slices.IsSorted(list))
		for i := range list {
			list[i] = "changed"
		}
	}
	require.Equal(t, full(), s)
}

// A valid value contains no separator and no invisible character, and can be stored.
func FuzzAllowances(f *testing.F) {
	for _, list := range allowanceLists() {
		for _, value := range slices.Concat(list.fine, list.refused, hostile) {
			f.Add(value)
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, list := range allowanceLists() {
			s := minimal()
			list.set(&s, []string{value})
			if len(ValidateTenantScore(s, nil)) > 0 {
				continue
			}
			require.NotEmpty(t, value)
			require.LessOrEqual(t, len(value), 253+1+63)
			require.NotContains(t, value, ",")
			for _, r := range value {
				require.True(t, r > ' ' && r < 0x7f, "%s: %q", list.path, value)
			}
		}
	})
}
