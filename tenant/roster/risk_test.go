package roster

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// dangerEdge is a change to what a tenant has, and the dangers that it is: none if it is harmless.
type dangerEdge[V any] struct {
	name    string
	change  func(*V)
	dangers []Danger
}

// testDangers makes the changes to what is there, as an adapter reports them.
func testDangers[V interface{ Clone() V }](t *testing.T, kind string, there V, edges []dangerEdge[V]) {
	t.Helper()
	for _, e := range edges {
		t.Run(e.name, func(t *testing.T) {
			to := there.Clone()
			e.change(&to)
			fields := adapter.Diff(there, to)
			require.NotEmpty(t, fields)
			require.Equal(t, e.dangers, dangersOf([]topology.Change{{Kind: kind, Name: "acme", Action: topology.Updated, Fields: fields}}), "%v", fields)
		})
	}
}

func TestDangersOfTheBoundary(t *testing.T) {
	there := topology.Namespace{
		Name: "acme", DisplayName: "Acme", Labels: map[string]string{"team": "blue"}, Annotations: map[string]string{"contact": "jane"},
		PodSecurity: topology.PodSecurityBaseline, Protected: true, DefaultStorageClass: "fast",
		Allowed: topology.Allowances{ImageRegistries: []string{"a.example", "b.example"}, Domains: []string{"acme.example"}, DefaultToken: true},
	}
	testDangers(t, "Namespace", there, []dangerEdge[topology.Namespace]{
		{"another display name", func(n *topology.Namespace) { n.DisplayName = "ACME" }, nil},
		{"another annotation", func(n *topology.Namespace) { n.Annotations["contact"] = "joe" }, nil},
		{"another default class", func(n *topology.Namespace) { n.DefaultStorageClass = "" }, nil},
		{"a roster", func(n *topology.Namespace) { n.Roster = "west" }, nil},
		{"a label less", func(n *topology.Namespace) { n.Labels = nil }, nil},
		{"a label more", func(n *topology.Namespace) { n.Labels["tier"] = "gold" }, []Danger{DangerOpens}},
		{"another label", func(n *topology.Namespace) { n.Labels["team"] = "red" }, []Danger{DangerOpens}},
		{"a stricter level", func(n *topology.Namespace) { n.PodSecurity = topology.PodSecurityRestricted }, nil},
		{"a laxer level", func(n *topology.Namespace) { n.PodSecurity = topology.PodSecurityPrivileged }, []Danger{DangerUnfence}},
		{"no level", func(n *topology.Namespace) { n.PodSecurity = "" }, []Danger{DangerUnfence}},
		{"an unknown level", func(n *topology.Namespace) { n.PodSecurity = "lax" }, []Danger{DangerUnfence}},
		{"no protection", func(n *topology.Namespace) { n.Protected = false }, []Danger{DangerUnfence}},
		{"fewer images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = []string{"b.example"} }, nil},
		{"images in another order", func(n *topology.Namespace) { n.Allowed.ImageRegistries = []string{"b.example", "a.example"} }, nil},
		{"no images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = nil }, nil},
		{"other images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = []string{"c.example"} }, []Danger{DangerWidens}},
		{"more images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = append(n.Allowed.ImageRegistries, "*") }, []Danger{DangerWidens}},
		{"service types", func(n *topology.Namespace) { n.Allowed.ServiceTypes = []topology.ServiceType{"LoadBalancer"} }, []Danger{DangerWidens}},
		{"no token", func(n *topology.Namespace) { n.Allowed.DefaultToken = false }, nil},
		{"several", func(n *topology.Namespace) {
			n.Allowed.Domains, n.Protected, n.Labels["a"] = []string{"b.example"}, false, "b"
		},
			[]Danger{DangerUnfence, DangerOpens, DangerWidens}},
	})
	there.Protected, there.PodSecurity, there.Allowed.DefaultToken = false, "", false
	testDangers(t, "Namespace", there, []dangerEdge[topology.Namespace]{
		{"protection", func(n *topology.Namespace) { n.Protected = true }, nil},
		{"the first level", func(n *topology.Namespace) { n.PodSecurity = topology.PodSecurityPrivileged }, nil},
		{"a token", func(n *topology.Namespace) { n.Allowed.DefaultToken = true }, []Danger{DangerWidens}},
	})
}

func TestDangersOfTheNetwork(t *testing.T) {
	there := topology.NetworkRules{
		Ingress: []topology.NetworkRule{{
			Peers: []topology.NetworkPeer{{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.1/32"}}, {NamespaceLabels: map[string]string{"team": "blue"}, PodLabels: map[string]string{"app": "web"}}},
			Ports: []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 80}, {Protocol: netpolicy.TCP, Port: 8000, EndPort: 8010}},
		}},
		Egress: []topology.NetworkRule{{}},
	}
	type rules = topology.NetworkRules
	opens := []Danger{DangerOpens}
	testDangers(t, "NetworkRules", there, []dangerEdge[rules]{
		{"a rule less", func(r *rules) { r.Ingress = nil }, nil},
		{"a rule less that lets everybody through", func(r *rules) { r.Egress = nil }, nil},
		{"a rule more", func(r *rules) { r.Egress = append(r.Egress, topology.NetworkRule{}) }, opens},
		{"a peer less", func(r *rules) { r.Ingress[0].Peers = r.Ingress[0].Peers[:1] }, nil},
		{"no peer, which is everybody", func(r *rules) { r.Ingress[0].Peers = nil }, opens},
		{"a peer more", func(r *rules) { r.Ingress[0].Peers = append(r.Ingress[0].Peers, topology.NetworkPeer{}) }, opens},
		{"a port less", func(r *rules) { r.Ingress[0].Ports = r.Ingress[0].Ports[:1] }, nil},
		{"no port, which is every port", func(r *rules) { r.Ingress[0].Ports = nil }, opens},
		{"a port more", func(r *rules) {
			r.Ingress[0].Ports = append(r.Ingress[0].Ports, topology.NetworkPort{Protocol: netpolicy.UDP})
		}, opens},
		{"another port", func(r *rules) { r.Ingress[0].Ports[0].Port = 81 }, opens},
		{"every port of a protocol", func(r *rules) { r.Ingress[0].Ports[0].Port = 0 }, opens},
		{"peers for everybody", func(r *rules) { r.Egress[0].Peers = []topology.NetworkPeer{{CIDR: "192.0.2.0/24"}} }, nil},
		{"ports for every port", func(r *rules) { r.Egress[0].Ports = []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 443}} }, nil},
		{"another range", func(r *rules) { r.Ingress[0].Peers[0].CIDR = "0.0.0.0/0" }, opens},
		{"one more left out", func(r *rules) { r.Ingress[0].Peers[0].Except = []string{"192.0.2.1/32", "192.0.2.2/32"} }, nil},
		{"another left out", func(r *rules) { r.Ingress[0].Peers[0].Except = []string{"192.0.2.2/32"} }, opens},
		{"nothing left out", func(r *rules) { r.Ingress[0].Peers[0].Except = nil }, opens},
		{"every pod", func(r *rules) { r.Ingress[0].Peers[1].PodLabels = nil }, opens},
		{"other pods", func(r *rules) { r.Ingress[0].Peers[1].PodLabels["app"] = "db" }, opens},
		{"every namespace", func(r *rules) {
			r.Ingress[0].Peers[1].NamespaceLabels, r.Ingress[0].Peers[1].EveryNamespace = nil, true
		}, opens},
	})
}

func TestDangersOfAccess(t *testing.T) {
	there := topology.Access{Namespace: "acme", Grants: []topology.Grant{
		{Role: "developer", Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "devs"}, {Kind: rbac.User, Name: "jane"}}, Rules: []rbac.Rule{
			{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "deployments"}, Verbs: []string{"get", "list"}},
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"own", "other"}},
		}},
		{Role: "viewer", Subjects: []rbac.Subject{{Kind: rbac.ServiceAccount, Name: "ci", Namespace: "ci"}}},
	}}
	rule := func(i int, change func(*rbac.Rule)) func(*topology.Access) {
		return func(a *topology.Access) { change(&a.Grants[0].Rules[i]) }
	}
	widens := []Danger{DangerWidens}
	testDangers(t, "Access", there, []dangerEdge[topology.Access]{
		{"a role less", func(a *topology.Access) { a.Grants = a.Grants[:1] }, nil},
		{"a role more", func(a *topology.Access) { a.Grants = append(a.Grants, topology.Grant{Role: "admin"}) }, widens},
		{"somebody less", func(a *topology.Access) { a.Grants[0].Subjects = a.Grants[0].Subjects[:1] }, nil},
		{"nobody", func(a *topology.Access) { a.Grants[0].Subjects = nil }, nil},
		{"somebody more", func(a *topology.Access) {
			a.Grants[1].Subjects = append(a.Grants[1].Subjects, rbac.Subject{Kind: rbac.User, Name: "joe"})
		}, widens},
		{"somebody else", func(a *topology.Access) { a.Grants[0].Subjects[0].Name = "all" }, widens},
		{"of no namespace", func(a *topology.Access) { a.Grants[1].Subjects[0].Namespace = "" }, widens},
		{"a rule less", func(a *topology.Access) { a.Grants[0].Rules = a.Grants[0].Rules[:1] }, nil},
		{"a rule more", func(a *topology.Access) { a.Grants[0].Rules = append(a.Grants[0].Rules, a.Grants[0].Rules[0]) }, widens},
		{"a verb less", rule(0, func(r *rbac.Rule) { r.Verbs = []string{"list"} }), nil},
		{"no verb", rule(0, func(r *rbac.Rule) { r.Verbs = nil }), nil},
		{"a verb more", rule(0, func(r *rbac.Rule) { r.Verbs = []string{"get", "list", "delete"} }), widens},
		{"another verb", rule(0, func(r *rbac.Rule) { r.Verbs = []string{"get", "delete"} }), widens},
		{"a resource more", rule(0, func(r *rbac.Rule) { r.Resources = append(r.Resources, "pods/exec") }), widens},
		{"a group less", rule(0, func(r *rbac.Rule) { r.APIGroups = []string{"apps"} }), nil},
		{"a group more", rule(0, func(r *rbac.Rule) { r.APIGroups = append(r.APIGroups, "batch") }), widens},
		{"names", rule(0, func(r *rbac.Rule) { r.ResourceNames = []string{"own"} }), nil},
		{"a name less", rule(1, func(r *rbac.Rule) { r.ResourceNames = []string{"own"} }), nil},
		{"a name more", rule(1, func(r *rbac.Rule) { r.ResourceNames = append(r.ResourceNames, "third") }), widens},
		{"no names, which is every name", rule(1, func(r *rbac.Rule) { r.ResourceNames = nil }), widens},
	})
	testDangers(t, "ClusterReaders", topology.ClusterReaders{Groups: []string{"a", "b"}}, []dangerEdge[topology.ClusterReaders]{
		{"a reader less", func(r *topology.ClusterReaders) { r.Groups = []string{"b"} }, nil},
		{"a reader more", func(r *topology.ClusterReaders) { r.Groups = []string{"a", "b", "c"} }, widens},
		{"another reader", func(r *topology.ClusterReaders) { r.Groups = []string{"a", "c"} }, widens},
	})
}

func TestDangersOfBounds(t *testing.T) {
	amounts := func(pairs ...string) map[string]resource.Quantity {
		all := map[string]resource.Quantity{}
		for _, pair := range pairs {
			key, value, _ := strings.Cut(pair, "=")
			all[key] = resource.MustParse(value)
		}
		return all
	}
	const ofDefault = "default.storageclass.storage.k8s.io/requests.storage"
	quota := topology.Quota{Hard: amounts("pods=10", "requests.cpu=1", ofDefault+"=1Gi")}
	unfence, raises := []Danger{DangerUnfence}, []Danger{DangerRaises}
	set := func(key, value string) func(*topology.Quota) {
		return func(q *topology.Quota) { q.Hard[key] = resource.MustParse(value) }
	}
	unset := func(key string) func(*topology.Quota) { return func(q *topology.Quota) { delete(q.Hard, key) } }
	testDangers(t, "Quota", quota, []dangerEdge[topology.Quota]{
		{"less", set("pods", "9"), nil},
		{"more", set("pods", "11"), raises},
		{"more in another unit", set("requests.cpu", "1001m"), raises},
		{"less in another unit", set("requests.cpu", "999m"), nil},
		{"a bound more", set("secrets", "1"), nil},
		{"a bound less", unset("pods"), unfence},
		{"no bound for a class called default", unset(ofDefault), unfence},
		{"more of a class called default", set(ofDefault, "2Gi"), raises},
	})
	type limits = topology.LimitRange
	there := limits{Limits: []topology.Limit{
		{Type: topology.LimitContainer, Min: amounts("cpu=1"), Max: amounts("cpu=4", "x.default.io/min=1"), Default: amounts("cpu=3"), DefaultRequest: amounts("cpu=2")},
		{Type: topology.LimitPVC, Max: amounts("storage=1Gi")},
	}}
	testDangers(t, "LimitRange", there, []dangerEdge[limits]{
		{"a lower max", func(l *limits) { l.Limits[0].Max["cpu"] = resource.MustParse("3") }, nil},
		{"a higher max", func(l *limits) { l.Limits[0].Max["cpu"] = resource.MustParse("5") }, raises},
		{"no max", func(l *limits) { delete(l.Limits[0].Max, "cpu") }, unfence},
		{"no max of something called default", func(l *limits) { delete(l.Limits[0].Max, "x.default.io/min") }, unfence},
		{"a max more", func(l *limits) { l.Limits[0].Max["memory"] = resource.MustParse("1Gi") }, nil},
		{"a higher min", func(l *limits) { l.Limits[0].Min["cpu"] = resource.MustParse("2") }, nil},
		{"no min", func(l *limits) { l.Limits[0].Min = nil }, nil},
		{"a higher default", func(l *limits) { l.Limits[0].Default["cpu"] = resource.MustParse("4") }, raises},
		{"no default", func(l *limits) { l.Limits[0].Default = nil }, unfence},
		{"a higher default request", func(l *limits) { l.Limits[0].DefaultRequest["cpu"] = resource.MustParse("3") }, raises},
		{"no default request", func(l *limits) { l.Limits[0].DefaultRequest = nil }, nil},
		{"no limit for claims", func(l *limits) { l.Limits = l.Limits[:1] }, unfence},
		{"a limit for pods", func(l *limits) {
			l.Limits = append(l.Limits, topology.Limit{Type: topology.LimitPod, Max: amounts("cpu=1")})
		}, nil},
	})
}

func TestDangersOfComingAndGoing(t *testing.T) {
	change := func(kind string, action topology.Action) topology.Change {
		return topology.Change{Kind: kind, Name: "acme", Action: action}
	}
	kinds := []string{"Namespace", "NetworkRules", "Quota", "LimitRange", "Access", "ClusterReaders"}
	dangersAt := func(action topology.Action) map[string][]Danger {
		found := map[string][]Danger{}
		for _, kind := range kinds {
			if d := dangersOf([]topology.Change{change(kind, action)}); d != nil {
				found[kind] = d
			}
		}
		return found
	}
	require.Equal(t, map[string][]Danger{"Access": {DangerWidens}, "ClusterReaders": {DangerWidens}}, dangersAt(topology.Created), "fences that were taken away come back")
	require.Equal(t, map[string][]Danger{"Namespace": {DangerDeletes}, "Quota": {DangerUnfence}, "LimitRange": {DangerUnfence}, "NetworkRules": {DangerUnfence}}, dangersAt(topology.Deleted))
	require.Empty(t, dangersAt(topology.Unchanged))

	created := func(kinds ...string) (all []topology.Change) {
		for _, kind := range kinds {
			all = append(all, change(kind, topology.Created))
		}
		return all
	}
	require.Empty(t, dangersOf(created(kinds[:5]...)), "a new tenant, with members")
	require.Equal(t, []Danger{DangerWidens}, dangersOf(created(kinds...)), "a new tenant that reads everywhere")
}

// What the port has no words for is in those of the stored object.
func TestDangersOfStoredObjects(t *testing.T) {
	owner := topology.FieldChange{Path: "metadata.ownerReferences[0]", From: "ConfigMap/x"}
	for kind, edges := range map[string]map[topology.FieldChange][]Danger{
		"Namespace": {
			{Path: "metadata.labels[pod-security.kubernetes.io/enforce-version]", From: "v1.20"}: nil,
			owner: nil,
		},
		"NetworkRules": {
			{Path: "spec.ingress[0].from[0].podSelector.matchExpressions[0]", From: "a exists"}: {DangerOpens},
			owner: nil,
		},
		"Access": {
			{Path: "grants[admin].roleRef.name", From: "a", To: "b"}:                 {DangerWidens},
			{Path: "grants[admin].rules[0].nonResourceURLs", From: `["/metrics"]`}:   {DangerWidens},
			{Path: "grants[admin].metadata.ownerReferences[0]", From: "ConfigMap/x"}: nil,
			owner: nil,
		},
		"ClusterReaders": {{Path: "clusterRole", To: "polyphony"}: {DangerWidens}, {Path: "subjects[0]", From: "Group x"}: nil, owner: nil},
		"Quota":          {{Path: "spec.scopes", From: `["Terminating"]`}: {DangerUnfence}, owner: nil},
		"LimitRange":     {{Path: "spec.limits[0].maxLimitRequestRatio[cpu]", From: "2"}: {DangerUnfence}, owner: nil},
		"Unknown":        {{Path: "x", To: "y"}: nil},
	} {
		for f, want := range edges {
			require.Equal(t, want, dangersOf([]topology.Change{{Kind: kind, Action: topology.Updated, Fields: []topology.FieldChange{f}}}), "%s %s", kind, f)
		}
	}
}

// Whatever a change says, its dangers are known ones, each once, gravest first.
func FuzzDangers(f *testing.F) {
	for _, seed := range [][4]string{
		{"Namespace", "allowed.domains", `["a"]`, `["a","b"]`}, {"Namespace", "allowed.domains", "[", "{}"}, {"Namespace", "podSecurity", "restricted", ""},
		{"NetworkRules", "ingress[0].peers", "everybody", ""}, {"Access", "grants[a].rules[0].verbs", "null", "[1]"}, {"Access", "", "", ""},
		{"Quota", "hard[pods]", "1", "x"}, {"LimitRange", "limits[Pod].max[cpu]", "1", "2"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, kind, path, from, to string) {
		var changes []topology.Change
		for _, action := range []topology.Action{topology.Updated, topology.Deleted, "unknown"} {
			changes = append(changes, topology.Change{Kind: kind, Action: action, Fields: []topology.FieldChange{{Path: path, From: from, To: to}, {Path: path, From: to, To: from}}})
		}
		found := dangersOf(changes)
		for i, d := range found {
			require.Contains(t, dangers, d)
			require.True(t, i == 0 || slices.Index(dangers, found[i-1]) < slices.Index(dangers, d))
		}
		require.GreaterOrEqual(t, gravityOf(found), 0)
	})
}
