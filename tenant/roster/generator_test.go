package roster_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// aspect is one part of a Score, and how to set it to a random value. The vocabulary is small, so
// that the questions of the oracle cover it.
type aspect struct {
	name string
	set  func(*rand.Rand, *tenant.TenantScore)

	effect effect
}

// effect is how often another value makes something possible.
type effect int

const (
	sometimes effect = iota
	never
	always
)

var aspects = slices.Concat(boundaryAspects, networkAspects, amountAspects, accessAspects)

var boundaryAspects = []aspect{
	{"displayName", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.DisplayName = pick(r, "", "Acme", "Acme Ltd.")
	}, never},
	{"annotations", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.Annotations = pick(r, nil, map[string]string{}, map[string]string{"contact": pick(r, "jane", "joe")})
	}, never},
	{"labels", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.Labels = pick(r, nil, map[string]string{}, map[string]string{"team": pick(r, "red", "green")},
			map[string]string{"team": pick(r, "red", "green"), "tier": "gold"}, map[string]string{"tier": ""})
	}, always},
	{"podSecurity", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.PodSecurity = pick(r, "", topology.PodSecurityRestricted, topology.PodSecurityBaseline,
			topology.PodSecurityPrivileged)
	}, sometimes},
	{"deletionProtection", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.DeletionProtection = pick(r, true, false)
	}, sometimes},
	{"defaultToken", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.DefaultToken = pick(r, true, false)
	}, sometimes},
	{"imageRegistries", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.ImageRegistries = pick(r, registries...)
	}, sometimes},
	{"priorityClasses", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.PriorityClasses = some(r, "low", "high")
	}, sometimes},
	{"runtimeClasses", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.RuntimeClasses = some(r, "gvisor", "kata")
	}, sometimes},
	{"tolerations", func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.Tolerations = some(r, "gpu", "spot", "example.com/gpu")
	}, sometimes},
	{"domains", func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.Domains = pick(r, domains...) }, sometimes},
	{"externalNames", func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.ExternalNames = pick(r, domains...)
	}, sometimes},
	{"ingressAnnotations", func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.IngressAnnotations = some(r, annotations...)
	}, sometimes},
	{"inlineDrivers", func(r *rand.Rand, s *tenant.TenantScore) {
		s.StorageAccess.InlineDrivers = some(r, "secrets.csi.example.com", "certs.csi.example.com")
	}, sometimes},
}

var (
	registries = [][]string{
		nil, {}, {"docker.io"}, {"docker.io/library"}, {"registry.example.com"}, {"registry.example.com/acme"}, {"*"},
		{"docker.io/library", "registry.example.com/acme"}, {"registry.example.com", "registry.example.com/acme"},
		{"registry.example.com:5000"}, {"registry.example.com/acme/web"},
	}
	domains = [][]string{
		nil, {}, {"acme.example.com"}, {"www.acme.example.com"}, {"acme.example.org", "www.acme.example.com"},
		{"acme.example.com", "acme.example.org"}, {"a.www.acme.example.com", "acme.example.org"},
	}
	annotations = []string{
		"nginx.ingress.kubernetes.io/rewrite-target", "nginx.ingress.kubernetes.io/Rewrite-Target",
		"nginx.ingress.kubernetes.io/use-regex",
	}
)

var networkAspects = []aspect{
	{"publicInternetEgress", func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.PublicInternetEgress = pick(r, true, false)
	}, sometimes},
	{"ingressControllers", func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.IngressControllers = pick(r, true, false)
	}, sometimes},
	{"monitoring", func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.Monitoring = pick(r, true, false)
	}, sometimes},
	{"apiServer", func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.APIServer = pick(r, true, false)
	}, sometimes},
	{"ingress", func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.Ingress = randomPeers(r) }, sometimes},
	{"egress", func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.Egress = randomPeers(r) }, sometimes},
}

// randomPeers returns up to four peers, of which some contain others, and some may be there twice.
func randomPeers(r *rand.Rand) []tenant.NetworkPeer {
	blue := map[string]string{"team": "blue"}
	list := []tenant.NetworkPeer{}
	for range r.IntN(5) {
		list = append(list, pick(r,
			tenant.NetworkPeer{Tenant: "globex"},
			tenant.NetworkPeer{NamespaceLabels: map[string]string{nameLabel: "globex"}},
			tenant.NetworkPeer{Tenant: "globex", PodLabels: map[string]string{"app": "web"}},
			tenant.NetworkPeer{NamespaceLabels: blue},
			tenant.NetworkPeer{NamespaceLabels: blue, PodLabels: map[string]string{"app": "web"}},
			tenant.NetworkPeer{CIDR: pick(r, ranges...)}, tenant.NetworkPeer{CIDR: pick(r, ranges...)},
		))
		list[len(list)-1].Ports = pick(r, ports...)
	}
	return list
}

var (
	ranges = []string{
		"198.51.100.0/24", "198.51.100.0/25", "198.51.100.128/25", "198.51.100.7/32", "10.0.0.0/8", "10.1.0.0/16",
		"8.8.8.0/24", "8.0.0.0/8", "2620:fe::/48", "2620:fe::/32",
	}
	ports = [][]tenant.NetworkPort{
		{{Port: 80}}, {{Port: 443, EndPort: 445}}, {{Port: 444}}, {{Port: 443}, {Port: 444}, {Port: 445}},
		{{Port: 443}, {Port: 443, EndPort: 443}}, {{Protocol: netpolicy.UDP, Port: 443}},
		{{Protocol: netpolicy.TCP, Port: 443}, {Protocol: netpolicy.UDP, Port: 443}}, {{Port: 1, EndPort: 65535}},
	}
)

var amountAspects = []aspect{
	{"requests", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Requests, "0", "500m", "1", "1000m", "1500m")
	}, sometimes},
	{"limits", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Limits, "2", "2500m", "3")
	}, sometimes},
	{"storage", func(r *rand.Rand, s *tenant.TenantScore) {
		s.ResourceQuotas.Storage = pick(r, nil, quantity("0"), quantity("1Gi"), quantity("5Gi"))
	}, sometimes},
	{"extended", func(r *rand.Rand, s *tenant.TenantScore) {
		extended := map[string]resource.Quantity{}
		maps.Copy(extended, s.ResourceQuotas.Extended)
		name := pick(r, "nvidia.com/gpu", "example.com/gpu", "hugepages-2Mi")
		extended[name] = resource.MustParse(pick(r, "0", "1", "1000m", "2"))
		if r.IntN(3) == 0 {
			delete(extended, name)
		}
		s.ResourceQuotas.Extended = extended
	}, sometimes},
	{"objects", func(r *rand.Rand, s *tenant.TenantScore) {
		counts := reflect.ValueOf(&s.ResourceQuotas.Objects).Elem()
		counts.Field(r.IntN(counts.NumField())).Set(reflect.ValueOf(randomCount(r)))
		for _, count := range some(r, &s.ResourceQuotas.Objects.NodePorts, &s.ResourceQuotas.Objects.LoadBalancers) {
			*count = randomCount(r)
		}
	}, sometimes},
	{"container.min", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Container.Min, "1m", "100m", "200m")
	}, sometimes},
	{"container.max", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Container.Max, "300m", "600m", "1", "1200m")
	}, sometimes},
	{"container.defaultRequest", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Container.DefaultRequest, "100m", "200m", "300m")
	}, sometimes},
	{"container.defaultLimit", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Container.DefaultLimit, "300m", "400m", "500m", "600m")
	}, sometimes},
	{"pod.min", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Pod.Min, "0", "100m", "250m", "400m")
	}, sometimes},
	{"pod.max", func(r *rand.Rand, s *tenant.TenantScore) {
		setAmount(r, &s.ResourceQuotas.Pod.Max, "400m", "550m", "700m", "1300m")
	}, sometimes},
	{"classes", func(r *rand.Rand, s *tenant.TenantScore) {
		s.StorageAccess.Classes, s.StorageAccess.DefaultClass = nil, ""
		for _, class := range some(r, "standard", "fast") {
			s.StorageAccess.Classes = append(s.StorageAccess.Classes, tenant.StorageClassAccess{
				Name: class, Capacity: resource.MustParse(pick(r, "1Gi", "1024Mi", "2Gi")), Claims: randomCount(r),
			})
			s.StorageAccess.DefaultClass = pick(r, "", class)
		}
	}, sometimes},
	{"claimMin", func(r *rand.Rand, s *tenant.TenantScore) {
		s.StorageAccess.ClaimMin = pick(r, nil, quantity("0"), quantity("1Gi"), quantity("2Gi"))
	}, sometimes},
	{"claimMax", func(r *rand.Rand, s *tenant.TenantScore) {
		s.StorageAccess.ClaimMax = pick(r, nil, quantity("2Gi"), quantity("2048Mi"), quantity("3Gi"))
	}, sometimes},
}

// setAmount sets the amount of one resource, or unsets it. The amounts of memory and storage have
// about the size of the starter amounts.
func setAmount(r *rand.Rand, to *tenant.ComputeResources, cpu ...string) {
	i := r.IntN(len(cpu) + 1)
	var millis, megabytes, storage *resource.Quantity
	if i < len(cpu) {
		millis = quantity(cpu[i])
		megabytes = resource.NewQuantity(millis.MilliValue()<<20, resource.BinarySI)
		storage = resource.NewQuantity(millis.MilliValue()<<22, resource.BinarySI)
	}
	switch r.IntN(3) {
	case 0:
		to.CPU = millis
	case 1:
		to.Memory = megabytes
	default:
		to.EphemeralStorage = storage
	}
}

func randomCount(r *rand.Rand) *int64 {
	return pick(r, nil, new(int64(0)), new(int64(1)), new(int64(10)), new(int64(50)))
}

var accessAspects = []aspect{
	{"members", func(r *rand.Rand, s *tenant.TenantScore) {
		if n := len(s.RBAC.Members); n > 0 && r.IntN(2) == 0 {
			i := r.IntN(n)
			s.RBAC.Members = slices.Delete(slices.Clone(s.RBAC.Members), i, i+1)
			return
		}
		s.RBAC.Members = []tenant.Member{}
		for _, m := range some(r, members...) {
			m.Role = pick(r, tenant.Roles()...)
			s.RBAC.Members = append(s.RBAC.Members, m)
		}
	}, sometimes},
	{"readVisibility", func(r *rand.Rand, s *tenant.TenantScore) {
		s.RBAC.ReadVisibility = pick(r, "", tenant.VisibilityOwn, tenant.VisibilityCluster)
	}, sometimes},
}

var members = []tenant.Member{
	{Name: "devs"}, {Name: "ops"}, {Kind: rbac.User, Name: "jane"}, {Kind: rbac.User, Name: "devs"},
	{Kind: rbac.ServiceAccount, Name: "bot", Namespace: "globex"},
	{Kind: rbac.ServiceAccount, Name: "bot", Namespace: "acme"},
}

// isValid reports whether package tenant accepts the Score, so that a topology receives it.
func isValid(s tenant.TenantScore) bool { return s.Validate() == nil }

// randomScore returns a valid Score in which most aspects are set.
func randomScore(r *rand.Rand) tenant.TenantScore {
	s := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme", InheritGrants: true}}
	for _, a := range aspects {
		if r.IntN(3) > 0 {
			s = setAspect(r, a, s)
		}
	}
	return s
}

// setAspect sets an aspect to a random value with which the Score is valid. If that is hard to find
// the Score stays as it is.
func setAspect(r *rand.Rand, a aspect, s tenant.TenantScore) tenant.TenantScore {
	for range 20 {
		changed := s
		if a.set(r, &changed); isValid(changed) {
			return changed
		}
	}
	return s
}

func pick[V any](r *rand.Rand, from ...V) V { return from[r.IntN(len(from))] }

// some returns some of the values, in any order. It returns nil or an empty list for none.
func some[V any](r *rand.Rand, from ...V) (chosen []V) {
	if r.IntN(2) == 0 {
		chosen = []V{}
	}
	for _, i := range r.Perm(len(from)) {
		if r.IntN(2) == 0 {
			chosen = append(chosen, from[i])
		}
	}
	return chosen
}

func quantity(s string) *resource.Quantity { return new(resource.MustParse(s)) }

// notGenerated are the name, and permissions for the run itself.
var notGenerated = []string{".TenantConfig.Name", ".TenantConfig.Adopt", ".TenantConfig.InheritGrants"}

// A field that is new in a Score needs an aspect.
func TestRandomScoresSetEveryField(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 2026))
	unset := map[string]bool{}
	for _, path := range leaves("", reflect.ValueOf(tenant.TenantScore{}), func(reflect.Value) bool { return true }) {
		unset[path] = true
	}
	for range 300 {
		isSet := func(v reflect.Value) bool { return !v.IsZero() }
		for _, path := range leaves("", reflect.ValueOf(randomScore(random)), isSet) {
			delete(unset, path)
		}
	}
	for _, path := range notGenerated {
		delete(unset, path)
	}
	require.Empty(t, unset)
}

// leaves returns the paths of the fields that are no structs and match.
func leaves(path string, v reflect.Value, match func(reflect.Value) bool) (paths []string) {
	if v.Kind() != reflect.Struct {
		if match(v) {
			return []string{path}
		}
		return nil
	}
	for i := range v.NumField() {
		at := fmt.Sprintf("%s.%s", path, v.Type().Field(i).Name)
		paths = append(paths, leaves(at, v.Field(i), match)...)
	}
	return paths
}
