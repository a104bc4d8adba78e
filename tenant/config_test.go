package tenant

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
)

func TestValidateRefusesNamesOfThePlatform(t *testing.T) {
	fine := []string{"a", "acme", "acme-1", "1acme", "0", strings.Repeat("a", 63), "defaults", "my-default", "kubeflow",
		"kubernetes-fans", "okdo", "systems", "polyphony-1",
		"my-kube-system", "not-openshift"}
	for _, name := range fine {
		require.Empty(t, validateNamespaceName(name, field.NewPath("name")), name)
	}
	refused := []string{"", "Acme", "acme_1", "-a", "a-", "a.b", "a b", " a", "a\n", "ä", strings.Repeat("a", 64),
		"default", "kube", "kubernetes", "kube-system", "kube-public", "kube-x", "kube-", "openshift",
		"openshift-config", "openshiftx", "okd", "okd-x", "system", "polyphony", "polyphony-system"}
	for _, name := range refused {
		errs := validateNamespaceName(name, field.NewPath("name"))
		require.NotEmpty(t, errs, name)
		for _, err := range errs {
			require.Equal(t, "name", err.Field)
		}
	}
}

func TestTenantConfigValidate(t *testing.T) {
	label := func(key, value string) func(*TenantScore) {
		return func(s *TenantScore) { s.TenantConfig.Labels = map[string]string{key: value} }
	}
	annotation := func(key, value string) func(*TenantScore) {
		return func(s *TenantScore) { s.TenantConfig.Annotations = map[string]string{key: value} }
	}
	display := func(name string) func(*TenantScore) {
		return func(s *TenantScore) { s.TenantConfig.DisplayName = name }
	}
	level := func(level topology.PodSecurity) func(*TenantScore) {
		return func(s *TenantScore) { s.TenantConfig.PodSecurity = level }
	}
	displayName, podSecurity := []string{"tenantConfig.displayName"}, []string{"tenantConfig.podSecurity"}
	edges := []edge{
		{"display name", display("Äcme & Söhne, Ltd. ☃"), nil},
		{"long display name", display(strings.Repeat("é", 253)), nil},
		{"too long display name", display(strings.Repeat("e", 254)), displayName},
		{"display name of two lines", display("a\nb"), displayName},
		{"display name with a tab", display("a\tb"), displayName},
		{"display name with DEL", display("a\x7fb"), displayName},
		{"display name with NEL", display("a\u0085b"), displayName},
		{"display name with a line separator", display("a\u2028b"), displayName},
		{"display name with a paragraph separator", display("a\u2029b"), displayName},
		{"display name that is not UTF-8", display("a\xffb"), displayName},
		{"display name padded on the left", display(" a"), displayName},
		{"display name padded on the right", display("a\u00a0"), displayName},
		{"display name of spaces", display("  "), displayName},

		{"level restricted", level("restricted"), nil},
		{"level baseline", level("baseline"), nil},
		{"level privileged", level("privileged"), nil},
		{"unknown level", level("Restricted"), podSecurity},
		{"padded level", level("restricted "), podSecurity},

		{"label", label("team", "blue"), nil},
		{"label without a value", label("team", ""), nil},
		{"label with a long value", label("team", strings.Repeat("a", 63)), nil},
		{"label with a domain", label("example.com/Team", "Blue"), nil},
		{"recommended label", label("app.kubernetes.io/name", "x"), nil},
		{"label that ends like a reserved one", label("mykubernetes.io/x", "x"), nil},
		{"label whose name is a reserved domain", label("kubernetes.io", "x"), nil},
		{"label with a reserved domain as its name", label("example.com/kubernetes.io", "x"), nil},
		{"label with a long domain and name", label(domainOf(253)+"/"+strings.Repeat("a", 63), "x"), nil},
		{"label with a value too long", label("team", strings.Repeat("a", 64)), []string{"tenantConfig.labels[team]"}},
		{"label with a bad value", label("team", "a b"), []string{"tenantConfig.labels[team]"}},
		// apimachinery reports it twice
		{"label without a key", label("", "x"), []string{"tenantConfig.labels[]", "tenantConfig.labels[]"}},
		{"label with a domain but no name",
			label("a/", "x"), []string{"tenantConfig.labels[a/]", "tenantConfig.labels[a/]"}},
		{"label without a domain", label("/a", "x"), []string{"tenantConfig.labels[/a]"}},
		{"label with two slashes", label("a/b/c", "x"), []string{"tenantConfig.labels[a/b/c]"}},
		{"label with an upper case domain",
			label("Example.com/a", "x"), []string{"tenantConfig.labels[Example.com/a]"}},
		{"label with a name too long", label(strings.Repeat("a", 64), "x"),
			[]string{"tenantConfig.labels[" + strings.Repeat("a", 64) + "]"}},

		{"annotation", annotation("example.com/note", "anything\nat all: {}"), nil},
		{"annotation with an upper case domain", annotation("Example.com/note", "x"), nil},
		{"annotation with a bad key", annotation("a b", "x"), []string{"tenantConfig.annotations[a b]"}},
		{"annotation that is not UTF-8", annotation("a", "\xff"), []string{"tenantConfig.annotations[a]"}},
		{"annotations of the greatest size", annotation("abcd", strings.Repeat("x", 128<<10-4)), nil},
		{"annotations too large", annotation("abcd", strings.Repeat("x", 128<<10-3)),
			[]string{"tenantConfig.annotations"}},
		{"annotations that are too large in total", func(s *TenantScore) {
			s.TenantConfig.Annotations = map[string]string{"a": strings.Repeat("x", 64<<10),
				"b": strings.Repeat("x", 64<<10)}
		}, []string{"tenantConfig.annotations"}},
	}
	for _, domain := range []string{"kubernetes.io", "pod-security.kubernetes.io", "a.app.kubernetes.io", "k8s.io",
		"node.k8s.io", "openshift.io", "security.openshift.io",
		"polyphony.dev", "tenancy.polyphony.dev"} {
		edges = append(edges,
			edge{"reserved label of " + domain, label(domain+"/x", "y"),
				[]string{"tenantConfig.labels[" + domain + "/x]"}},
			edge{"reserved annotation of " + domain, annotation(domain+"/x", "y"),
				[]string{"tenantConfig.annotations[" + domain + "/x]"}},
			edge{"reserved annotation in capitals of " + domain, annotation(strings.ToUpper(domain)+"/x", "y"),
				[]string{"tenantConfig.annotations[" + strings.ToUpper(domain) + "/x]"}})
	}
	testEdges(t, edges)
}

// domainOf returns a DNS name of n characters.
func domainOf(n int) string {
	name := strings.Repeat(strings.Repeat("a", 60)+".", n/61+1)[:n]
	return strings.TrimSuffix(name, ".") + strings.Repeat("a", n-len(strings.TrimSuffix(name, ".")))
}

func TestTenantConfigNamespace(t *testing.T) {
	require.Equal(t, topology.Namespace{Name: "acme", PodSecurity: topology.PodSecurityRestricted},
		TenantConfig{Name: "acme"}.namespace(""))
	require.Equal(t, topology.Namespace{
		Name: "acme", DisplayName: "Acme", Labels: map[string]string{"a": "b"},
		Annotations: map[string]string{"c": "d"},
		PodSecurity: topology.PodSecurityPrivileged, DefaultStorageClass: "fast", Protected: true, Adopt: true,
	}, TenantConfig{
		Name: "acme", DisplayName: "Acme", Labels: map[string]string{"a": "b"},
		Annotations: map[string]string{"c": "d"},
		PodSecurity: topology.PodSecurityPrivileged, DeletionProtection: true, Adopt: true,
	}.namespace("fast"))
}

func FuzzValidateNamespaceName(f *testing.F) {
	for _, name := range slices.Concat(reservedNames, reservedPrefixes, []string{"acme", "Acme", "a.b", "", "kubeflow",
		"a\n"}) {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		accepted := len(validateNamespaceName(name, field.NewPath("name"))) == 0
		belongsToPlatform := slices.Contains([]string{"default", "kube", "kubernetes", "okd", "system", "polyphony",
			"polyphony-system"}, name) ||
			strings.HasPrefix(name, "kube-") || strings.HasPrefix(name, "openshift") || strings.HasPrefix(name, "okd-")
		require.Equal(t, len(validation.IsDNS1123Label(name)) == 0 && !belongsToPlatform, accepted, "%q", name)
	})
}

// The API server accepts every valid key, and validation refuses no other keys than reserved ones.
func FuzzValidateKey(f *testing.F) {
	for _, key := range []string{"a", "a/b", "Example.com/a", "kubernetes.io/a", "x.K8s.io/a", "app.kubernetes.io/a",
		"a/b/c", "/", "", "a\n", "-a", "k8s.io/"} {
		f.Add(key, "value")
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		domain, _, found := strings.Cut(strings.ToLower(key), "/")
		reserved := found && domain != "app.kubernetes.io" &&
			slices.ContainsFunc([]string{"kubernetes.io", "k8s.io", "openshift.io", "polyphony.dev"},
				func(d string) bool { return strings.HasSuffix("."+domain, "."+d) })
		pairs := map[string]string{key: value}
		path := field.NewPath("x")

		labels := TenantConfig{Name: "acme", Labels: maps.Clone(pairs)}.validate(path)
		require.Equal(t, len(metavalidation.ValidateLabels(pairs, path)) == 0 && !reserved, len(labels) == 0,
			"label %q=%q: %v", key, value, labels)

		annotations := TenantConfig{Name: "acme", Annotations: map[string]string{key: "x"}}.validate(path)
		require.Equal(t, len(apivalidation.ValidateAnnotations(map[string]string{key: "x"}, path)) == 0 && !reserved,
			len(annotations) == 0, "annotation %q: %v", key, annotations)
	})
}
