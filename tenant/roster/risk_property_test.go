package roster_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/guardrail"
	"github.com/polyphony-go/polyphony/internal/podsecurity"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const nameLabel = "kubernetes.io/metadata.name"

// TestPlanNamesARiskIfAndOnlyIfSomethingBecomesPossible changes one random Score into another. What
// is possible before and after is asked of the evaluators of each fence, which know nothing of
// changes. The vocabulary of the Scores is small, so that the questions cover it.
func TestPlanNamesARiskIfAndOnlyIfSomethingBecomesPossible(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 2026))
	risky, harmless := 0, 0
	for range 500 {
		before := randomScore(random)
		after := alter(random, before)
		was, top := provisioned(t, before)
		plan, err := roster.MakePlan(t.Context(), roster.Score{Tenants: []tenant.TenantScore{after}}, top)
		require.NoError(t, err)
		is, _ := provisioned(t, after)
		opened := newlyPossible(t, was, is)

		var risks []roster.Risk
		for _, p := range plan.Tenants {
			risks = append(risks, p.Risks...)
		}
		if len(opened) > 0 {
			risky++
			require.NotEmpty(t, risks, "possible now: %v\n%s", opened, plan)
		} else {
			harmless++
			require.Empty(t, risks, "nothing is possible that was not\n%s", plan)
		}
	}
	require.Greater(t, risky, 100)
	require.Greater(t, harmless, 100)
}

// aspects set one part of a Score to a random value.
var aspects = []func(*rand.Rand, *tenant.TenantScore){
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.TenantConfig.PodSecurity = pick(r, "", topology.PodSecurityRestricted, topology.PodSecurityBaseline,
			topology.PodSecurityPrivileged)
	},
	func(r *rand.Rand, s *tenant.TenantScore) { s.TenantConfig.DisplayName = pick(r, "", "Acme") },
	func(r *rand.Rand, s *tenant.TenantScore) { s.TenantConfig.DeletionProtection = pick(r, true, false) },
	func(r *rand.Rand, s *tenant.TenantScore) { s.TenantConfig.DefaultToken = pick(r, true, false) },
	func(r *rand.Rand, s *tenant.TenantScore) { s.TenantConfig.ImageRegistries = pick(r, registries...) },
	func(r *rand.Rand, s *tenant.TenantScore) { s.TenantConfig.PriorityClasses = some(r, "low", "high") },
	func(r *rand.Rand, s *tenant.TenantScore) { s.TenantConfig.RuntimeClasses = some(r, "gvisor", "kata") },
	func(r *rand.Rand, s *tenant.TenantScore) { s.TenantConfig.Tolerations = some(r, "gpu", "spot") },
	func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.Domains = pick(r, domains...) },
	func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.ExternalNames = pick(r, domains...) },
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.IngressAnnotations = some(r, annotations...)
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.PublicInternetEgress = pick(r, true, false)
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.NetworkIsolation.IngressControllers = pick(r, true, false)
	},
	func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.Monitoring = pick(r, true, false) },
	func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.APIServer = pick(r, true, false) },
	func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.Ingress = some(r, peers()...) },
	func(r *rand.Rand, s *tenant.TenantScore) { s.NetworkIsolation.Egress = some(r, peers()...) },
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.ResourceQuotas.Requests.CPU = pick(r, nil, quantity("1"), quantity("1500m"))
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.ResourceQuotas.Container.Max.CPU = pick(r, nil, quantity("1"), quantity("1500m"))
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.ResourceQuotas.Objects.Pods = pick(r, nil, new(int64(5)), new(int64(50)))
		s.ResourceQuotas.Objects.LoadBalancers = pick(r, nil, new(int64(1)), new(int64(2)))
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.StorageAccess.Classes = nil
		for _, class := range some(r, "standard", "fast") {
			capacity := pick(r, "1Gi", "2Gi")
			s.StorageAccess.Classes = append(s.StorageAccess.Classes,
				tenant.StorageClassAccess{Name: class, Capacity: resource.MustParse(capacity)})
		}
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.StorageAccess.InlineDrivers = some(r, "secrets.csi.example.com")
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		s.RBAC = tenant.RBACConfig{}
		for _, m := range some(r, members...) {
			m.Role = pick(r, tenant.Roles()...)
			s.RBAC.Members = append(s.RBAC.Members, m)
		}
	},
	func(r *rand.Rand, s *tenant.TenantScore) {
		isGroup := func(m tenant.Member) bool { return m.Kind == "" }
		s.RBAC.ReadVisibility = tenant.VisibilityOwn
		if slices.ContainsFunc(s.RBAC.Members, isGroup) {
			s.RBAC.ReadVisibility = pick(r, tenant.VisibilityOwn, tenant.VisibilityCluster)
		}
	},
}

var (
	registries = [][]string{
		nil, {"docker.io/library"}, {"registry.example.com"}, {"registry.example.com/acme"}, {"*"},
		{"docker.io/library", "registry.example.com/acme"},
	}
	domains = [][]string{
		nil, {"acme.example.com"}, {"www.acme.example.com"}, {"acme.example.org", "www.acme.example.com"},
		{"acme.example.com", "acme.example.org"},
	}
	annotations = []string{"nginx.ingress.kubernetes.io/rewrite-target", "nginx.ingress.kubernetes.io/use-regex"}
	members     = []tenant.Member{
		{Name: "devs"}, {Name: "ops"}, {Kind: rbac.User, Name: "jane"},
		{Kind: rbac.ServiceAccount, Name: "bot", Namespace: "globex"},
	}
)

// peers returns peers of which some contain others.
func peers() []tenant.NetworkPeer {
	web, range443 := []tenant.NetworkPort{{Port: 80}}, []tenant.NetworkPort{{Port: 443, EndPort: 445}}
	return []tenant.NetworkPeer{
		{Tenant: "globex", Ports: web},
		{Tenant: "globex", PodLabels: map[string]string{"app": "web"}, Ports: range443},
		{NamespaceLabels: map[string]string{"team": "blue"}, Ports: web},
		{CIDR: "198.51.100.0/24", Ports: []tenant.NetworkPort{{Port: 444}}},
		{CIDR: "198.51.100.0/25", Ports: range443},
		{CIDR: "8.8.8.0/24", Ports: range443},
	}
}

func randomScore(r *rand.Rand) tenant.TenantScore {
	s := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme", InheritGrants: true}}
	for _, set := range aspects {
		if r.IntN(3) > 0 {
			set(r, &s)
		}
	}
	return s
}

// alter changes few aspects, so that often nothing becomes possible.
func alter(r *rand.Rand, s tenant.TenantScore) tenant.TenantScore {
	for range 1 + r.IntN(2) {
		pick(r, aspects...)(r, &s)
	}
	return s
}

func pick[V any](r *rand.Rand, from ...V) V { return from[r.IntN(len(from))] }

func some[V any](r *rand.Rand, from ...V) (chosen []V) {
	for _, v := range from {
		if r.IntN(2) == 0 {
			chosen = append(chosen, v)
		}
	}
	return chosen
}

func quantity(s string) *resource.Quantity { return new(resource.MustParse(s)) }

// inForce is what a tenant has, as its ports read it.
type inForce struct {
	namespace topology.Namespace
	quota     topology.Quota
	limits    topology.LimitRange
	network   netpolicy.State
	rights    rbac.State
}

// provisioned returns what a Score makes of a tenant, and the topology that has it.
func provisioned(t *testing.T, s tenant.TenantScore) (have inForce, top *fake.Topology) {
	t.Helper()
	platform := fake.DefaultPlatform()
	inNamespace := func(name string) []topology.NetworkPeer {
		return []topology.NetworkPeer{{NamespaceLabels: map[string]string{nameLabel: name}}}
	}
	platform.IngressControllers, platform.Monitoring = inNamespace("ingress"), inNamespace("monitoring")
	platform.APIServer = []topology.NetworkRule{{
		Peers: []topology.NetworkPeer{{CIDR: "10.0.0.1/32"}},
		Ports: []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 6443}},
	}}
	platform.StorageClasses = []topology.StorageClass{{Name: "fast"}, {Name: "standard"}}
	top = fake.New(fake.Options{Platform: &platform})
	_, err := score.Run(t.Context(), roster.Score{Tenants: []tenant.TenantScore{s}}.On(top))
	require.NoError(t, err)
	have.namespace, err = top.Namespace(t.Context(), "acme")
	require.NoError(t, err)
	have.quota, err = top.Quota(t.Context(), "acme")
	require.NoError(t, err)
	have.limits, err = top.LimitRange(t.Context(), "acme")
	require.NoError(t, err)
	have.network.Policies, err = top.NetworkPolicies(t.Context(), "acme")
	require.NoError(t, err)
	have.network.NamespaceLabels = map[string]map[string]string{"blue": {nameLabel: "blue", "team": "blue"}}
	for _, name := range []string{"acme", "globex", "ingress", "monitoring", "kube-system"} {
		have.network.NamespaceLabels[name] = map[string]string{nameLabel: name}
	}
	grants, err := top.GrantsInForce(t.Context())
	require.NoError(t, err)
	have.rights = rbac.NewState(grants)
	return have, top
}

// newlyPossible returns what is possible now and was not.
func newlyPossible(t *testing.T, was, is inForce) []string {
	t.Helper()
	before, after := was.possible(t), is.possible(t)
	var opened []string
	for _, what := range after {
		if !slices.Contains(before, what) {
			opened = append(opened, what)
		}
	}
	opened = append(opened, raised("quota", was.quota.Hard, is.quota.Hard)...)
	for _, kind := range []topology.LimitType{topology.LimitContainer, topology.LimitPod, topology.LimitPVC} {
		opened = append(opened, raised("max of a "+string(kind), most(was.limits, kind), most(is.limits, kind))...)
	}
	return opened
}

// raised returns the amounts whose bound is higher now, or gone.
func raised(what string, was, is map[string]resource.Quantity) (opened []string) {
	for name, bound := range was {
		if now, ok := is[name]; !ok || now.Cmp(bound) > 0 {
			opened = append(opened, what+": more "+name)
		}
	}
	return opened
}

func most(l topology.LimitRange, kind topology.LimitType) map[string]resource.Quantity {
	for _, limit := range l.Limits {
		if limit.Type == kind {
			return limit.Max
		}
	}
	return nil
}

// possible returns everything of the vocabulary that is possible.
func (f inForce) possible(t *testing.T) (all []string) {
	t.Helper()
	if !f.namespace.Protected {
		all = append(all, "delete the tenant")
	}
	for _, q := range questions() {
		if f.rights.Answer(q).Allowed {
			all = append(all, fmt.Sprintf("right: %+v", q))
		}
	}
	for _, c := range connections() {
		if f.network.Reach(c).Allowed {
			all = append(all, fmt.Sprintf("connection: %+v", c))
		}
	}
	for _, pod := range pods {
		reasons, err := podsecurity.Check(f.namespace.PodSecurity, json.RawMessage(pod))
		require.NoError(t, err)
		if len(reasons) == 0 {
			all = append(all, "pod security: "+pod)
		}
	}
	for _, w := range writes() {
		w.Rules, w.Allowed = topology.AllGuardrails(), f.namespace.Allowed
		findings, err := guardrail.Check(w)
		require.NoError(t, err)
		if len(findings) == 0 {
			all = append(all, "admission: "+string(w.Object))
		}
	}
	return all
}

func questions() (all []rbac.Question) {
	principals := []rbac.Question{
		{Groups: []string{"devs"}}, {Groups: []string{"ops"}}, {User: "jane"}, {User: "system:serviceaccount:globex:bot"},
	}
	for _, q := range principals {
		for _, namespace := range []string{"acme", "globex"} {
			for _, what := range [][2]string{{"get", "pods"}, {"create", "pods"}, {"get", "secrets"}, {"create", "serviceaccounts"}} {
				q.Namespace, q.Verb, q.Resource = namespace, what[0], what[1]
				all = append(all, q)
			}
		}
	}
	return all
}

func connections() (all []netpolicy.Connection) {
	own := netpolicy.Endpoint{Namespace: "acme"}
	others := []netpolicy.Endpoint{
		own, {Namespace: "globex"}, {Namespace: "globex", PodLabels: map[string]string{"app": "web"}},
		{Namespace: "blue"}, {Namespace: "ingress"}, {Namespace: "monitoring"}, {Namespace: "kube-system"},
	}
	for _, address := range []string{"198.51.100.7", "198.51.100.200", "8.8.8.8", "1.1.1.1", "10.0.0.1"} {
		others = append(others, netpolicy.Endpoint{Address: netip.MustParseAddr(address)})
	}
	for _, other := range others {
		for _, port := range []int32{80, 443, 444, 445, 6443, 9090} {
			all = append(all, netpolicy.Connection{From: own, To: other, Protocol: netpolicy.TCP, Port: port},
				netpolicy.Connection{From: other, To: own, Protocol: netpolicy.TCP, Port: port})
		}
	}
	return all
}

// pods are one pod for each level of pod security.
var pods = []string{
	`{"spec":{"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},"containers":[{"name":"c",` +
		`"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}`,
	`{"spec":{"containers":[{"name":"c"}]}}`,
	`{"spec":{"hostNetwork":true,"containers":[{"name":"c"}]}}`,
}

// writes are one object for each value that guardrails look at.
func writes() (all []guardrail.Write) {
	write := func(resource, format string, values ...any) {
		object := json.RawMessage(fmt.Sprintf(format, values...))
		all = append(all, guardrail.Write{Resource: resource, Object: object})
	}
	for _, image := range []string{"docker.io/library/nginx", "registry.example.com/other", "registry.example.com/acme/web"} {
		write("pods", `{"spec":{"serviceAccountName":"own","containers":[{"image":%q}]}}`, image)
	}
	for _, class := range []string{"low", "high"} {
		write("pods", `{"spec":{"serviceAccountName":"own","priorityClassName":%q}}`, class)
	}
	for _, class := range []string{"gvisor", "kata"} {
		write("pods", `{"spec":{"serviceAccountName":"own","runtimeClassName":%q}}`, class)
	}
	for _, key := range []string{"gpu", "spot"} {
		write("pods", `{"spec":{"serviceAccountName":"own","tolerations":[{"key":%q,"operator":"Exists"}]}}`, key)
	}
	write("pods", `{"spec":{"volumes":[{"name":"kube-api-access-x","projected":{}}]}}`)
	write("pods", `{"spec":{"serviceAccountName":"own","volumes":[{"name":"v","csi":{"driver":"secrets.csi.example.com"}}]}}`)
	for _, host := range []string{"acme.example.com", "www.acme.example.com", "api.acme.example.com", "acme.example.org"} {
		write("ingresses", `{"spec":{"rules":[{"host":%q,"http":{"paths":[]}}]}}`, host)
		write("services", `{"spec":{"type":"ExternalName","externalName":%q}}`, host)
	}
	for _, key := range annotations {
		write("ingresses", `{"metadata":{"annotations":{%q:"x"}}}`, key)
	}
	write("services", `{"spec":{"type":"LoadBalancer"}}`)
	for _, class := range []string{"standard", "fast"} {
		write("persistentvolumeclaims", `{"spec":{"storageClassName":%q}}`, class)
	}
	return all
}
