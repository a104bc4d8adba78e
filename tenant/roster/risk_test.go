package roster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// riskCase is a change to a value, and its risks. Nil: none.
type riskCase[V any] struct {
	name   string
	change func(*V)
	risks  []Risk
}

// testRisks applies the changes to a value, and reports them as an adapter does.
func testRisks[V interface{ Clone() V }](t *testing.T, kind topology.Kind, there V, edges []riskCase[V]) {
	t.Helper()
	for _, e := range edges {
		t.Run(e.name, func(t *testing.T) {
			to := there.Clone()
			e.change(&to)
			fields := adapter.Diff(there, to)
			require.NotEmpty(t, fields)
			change := topology.Change{Kind: kind, Name: "acme", Action: topology.Updated, Fields: fields, Before: there, After: to}
			require.Equal(t, e.risks, risksOf([]topology.Change{change}), "%v", fields)
		})
	}
}

func TestRisksOfABoundary(t *testing.T) {
	there := topology.Namespace{
		Name: "acme", DisplayName: "Acme", Labels: map[string]string{"team": "blue"}, Annotations: map[string]string{"contact": "jane"},
		PodSecurity: topology.PodSecurityBaseline, Protected: true, DefaultStorageClass: "fast",
		Allowed: topology.Allowances{
			ImageRegistries: []string{"a.example", "b.example"}, Domains: []string{"acme.example"}, DefaultToken: true,
			IngressAnnotations: []string{"nginx.ingress.kubernetes.io/use-regex"},
		},
	}
	testRisks(t, "Namespace", there, []riskCase[topology.Namespace]{
		{"another display name", func(n *topology.Namespace) { n.DisplayName = "ACME" }, nil},
		{"another annotation", func(n *topology.Namespace) { n.Annotations["contact"] = "joe" }, nil},
		{"another default class", func(n *topology.Namespace) { n.DefaultStorageClass = "" }, nil},
		{"a roster", func(n *topology.Namespace) { n.Roster = "west" }, nil},
		{"a label less", func(n *topology.Namespace) { n.Labels = nil }, []Risk{RiskOpens}},
		{"a value less", func(n *topology.Namespace) { n.Labels["team"] = "" }, []Risk{RiskOpens}},
		{"a label more", func(n *topology.Namespace) { n.Labels["tier"] = "gold" }, []Risk{RiskOpens}},
		{"another label", func(n *topology.Namespace) { n.Labels["team"] = "red" }, []Risk{RiskOpens}},
		{"a stricter level", func(n *topology.Namespace) { n.PodSecurity = topology.PodSecurityRestricted }, nil},
		{"a laxer level", func(n *topology.Namespace) { n.PodSecurity = topology.PodSecurityPrivileged }, []Risk{RiskUnfences}},
		{"no level", func(n *topology.Namespace) { n.PodSecurity = "" }, []Risk{RiskUnfences}},
		{"an unknown level", func(n *topology.Namespace) { n.PodSecurity = "lax" }, []Risk{RiskUnfences}},
		{"no protection", func(n *topology.Namespace) { n.Protected = false }, []Risk{RiskUnfences}},
		{"fewer images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = []string{"b.example"} }, nil},
		{"images in another order", func(n *topology.Namespace) { n.Allowed.ImageRegistries = []string{"b.example", "a.example"} }, nil},
		{"no images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = nil }, nil},
		{"other images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = []string{"c.example"} }, []Risk{RiskWidens}},
		{"more images", func(n *topology.Namespace) { n.Allowed.ImageRegistries = append(n.Allowed.ImageRegistries, "*") }, []Risk{RiskWidens}},
		{"an annotation in another case", func(n *topology.Namespace) {
			n.Allowed.IngressAnnotations = []string{"nginx.ingress.kubernetes.io/Use-Regex"}
		}, []Risk{RiskWidens}},
		{"service types", func(n *topology.Namespace) { n.Allowed.ServiceTypes = []topology.ServiceType{"LoadBalancer"} }, []Risk{RiskWidens}},
		{"no token", func(n *topology.Namespace) { n.Allowed.DefaultToken = false }, nil},
		{"several", func(n *topology.Namespace) {
			n.Allowed.Domains, n.Protected, n.Labels["a"] = []string{"b.example"}, false, "b"
		},
			[]Risk{RiskUnfences, RiskOpens, RiskWidens}},
	})
	there.Protected, there.PodSecurity, there.Allowed.DefaultToken = false, "", false
	there.Labels = nil
	testRisks(t, "Namespace", there, []riskCase[topology.Namespace]{
		{"protection", func(n *topology.Namespace) { n.Protected = true }, nil},
		{"the first level", func(n *topology.Namespace) { n.PodSecurity = topology.PodSecurityPrivileged }, nil},
		{"a token", func(n *topology.Namespace) { n.Allowed.DefaultToken = true }, []Risk{RiskWidens}},
		{"the first label", func(n *topology.Namespace) { n.Labels = map[string]string{"a": ""} }, []Risk{RiskOpens}},
		{"no labels in another way", func(n *topology.Namespace) {
			n.Labels, n.DisplayName = map[string]string{}, "ACME"
		}, nil},
	})
}

func TestRisksOfNetworkRules(t *testing.T) {
	there := topology.NetworkRules{
		Ingress: []topology.NetworkRule{{
			Peers: []topology.NetworkPeer{{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.1/32"}}, {NamespaceLabels: map[string]string{"team": "blue"}, PodLabels: map[string]string{"app": "web"}}},
			Ports: []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 80}, {Protocol: netpolicy.TCP, Port: 8000, EndPort: 8010}},
		}},
		Egress: []topology.NetworkRule{{}},
	}
	type rules = topology.NetworkRules
	opens := []Risk{RiskOpens}
	testRisks(t, "NetworkRules", there, []riskCase[rules]{
		{"a rule less", func(r *rules) { r.Ingress = nil }, nil},
		{"a rule less that lets everybody through", func(r *rules) { r.Egress = nil }, nil},
		{"a rule more", func(r *rules) { r.Ingress = append(r.Ingress, topology.NetworkRule{}) }, opens},
		{"the same rule once more", func(r *rules) { r.Egress = append(r.Egress, topology.NetworkRule{}) }, nil},
		{"a rule that another contains", func(r *rules) {
			r.Egress = append(r.Egress, topology.NetworkRule{Peers: []topology.NetworkPeer{{CIDR: "192.0.2.0/24"}}})
		}, nil},
		{"a rule in pieces", func(r *rules) {
			first, second := r.Ingress[0].Clone(), r.Ingress[0].Clone()
			first.Peers[0], second.Peers[0] = topology.NetworkPeer{CIDR: "192.0.2.0/32"}, topology.NetworkPeer{CIDR: "192.0.2.128/25"}
			first.Ports, second.Ports = first.Ports[:1], second.Ports[1:]
			r.Ingress = []topology.NetworkRule{first, second}
		}, nil},
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

func TestRisksOfAccess(t *testing.T) {
	there := topology.Access{Namespace: "acme", Grants: []topology.Grant{
		{Role: "developer", Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "devs"}, {Kind: rbac.User, Name: "jane"}}, Rules: []rbac.Rule{
			{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "deployments"}, Verbs: []string{"get", "list"}},
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"own", "other"}},
		}},
		{Role: "viewer", Subjects: []rbac.Subject{{Kind: rbac.ServiceAccount, Name: "ci", Namespace: "ci"}}, Rules: []rbac.Rule{
			{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"list"}},
		}},
	}}
	rule := func(i int, change func(*rbac.Rule)) func(*topology.Access) {
		return func(a *topology.Access) { change(&a.Grants[0].Rules[i]) }
	}
	widens := []Risk{RiskWidens}
	testRisks(t, "Access", there, []riskCase[topology.Access]{
		{"a role less", func(a *topology.Access) { a.Grants = a.Grants[:1] }, nil},
		{"a role more of nobody", func(a *topology.Access) { a.Grants = append(a.Grants, topology.Grant{Role: "admin"}) }, nil},
		{"a role more", func(a *topology.Access) {
			a.Grants = append(a.Grants, topology.Grant{Role: "admin", Subjects: a.Grants[1].Subjects, Rules: a.Grants[0].Rules})
		}, widens},
		{"somebody less", func(a *topology.Access) { a.Grants[0].Subjects = a.Grants[0].Subjects[:1] }, nil},
		{"nobody", func(a *topology.Access) { a.Grants[0].Subjects = nil }, nil},
		{"somebody more", func(a *topology.Access) {
			a.Grants[1].Subjects = append(a.Grants[1].Subjects, rbac.Subject{Kind: rbac.User, Name: "joe"})
		}, widens},
		{"somebody else", func(a *topology.Access) { a.Grants[0].Subjects[0].Name = "all" }, widens},
		{"of no namespace", func(a *topology.Access) { a.Grants[1].Subjects[0].Namespace = "" }, widens},
		{"a rule less", func(a *topology.Access) { a.Grants[0].Rules = a.Grants[0].Rules[:1] }, nil},
		{"the same rule once more", func(a *topology.Access) { a.Grants[0].Rules = append(a.Grants[0].Rules, a.Grants[0].Rules[0]) }, nil},
		{"a rule more", func(a *topology.Access) {
			a.Grants[0].Rules = append(a.Grants[0].Rules, rbac.Rule{APIGroups: []string{""}, Resources: []string{"*"}, Verbs: []string{"get"}})
		}, widens},
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
	testRisks(t, "ClusterReaders", topology.ClusterReaders{Groups: []string{"a", "b"}}, []riskCase[topology.ClusterReaders]{
		{"a reader less", func(r *topology.ClusterReaders) { r.Groups = []string{"b"} }, nil},
		{"a reader more", func(r *topology.ClusterReaders) { r.Groups = []string{"a", "b", "c"} }, widens},
		{"another reader", func(r *topology.ClusterReaders) { r.Groups = []string{"a", "c"} }, widens},
	})
}

func TestRisksOfQuotasAndLimits(t *testing.T) {
	parse := func(pairs ...string) amounts {
		all := amounts{}
		for _, pair := range pairs {
			key, value, _ := strings.Cut(pair, "=")
			all[key] = resource.MustParse(value)
		}
		return all
	}
	const ofDefault = "default.storageclass.storage.k8s.io/requests.storage"
	quota := topology.Quota{Hard: parse("pods=10", "requests.cpu=1", ofDefault+"=1Gi")}
	unfence, raises, admits := []Risk{RiskUnfences}, []Risk{RiskRaises}, []Risk{RiskAdmits}
	set := func(key, value string) func(*topology.Quota) {
		return func(q *topology.Quota) { q.Hard[key] = resource.MustParse(value) }
	}
	unset := func(key string) func(*topology.Quota) { return func(q *topology.Quota) { delete(q.Hard, key) } }
	testRisks(t, "Quota", quota, []riskCase[topology.Quota]{
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
		{Type: topology.LimitContainer, Min: parse("cpu=1"), Max: parse("cpu=4", "x.default.io/min=1"), Default: parse("cpu=3"), DefaultRequest: parse("cpu=2")},
		{Type: topology.LimitPVC, Max: parse("storage=1Gi")},
	}}
	testRisks(t, "LimitRange", there, []riskCase[limits]{
		{"a lower max", func(l *limits) { l.Limits[0].Max["cpu"] = resource.MustParse("3") }, nil},
		{"a higher max", func(l *limits) { l.Limits[0].Max["cpu"] = resource.MustParse("5") }, raises},
		{"no max", func(l *limits) { delete(l.Limits[0].Max, "cpu") }, unfence},
		{"no max of something called default", func(l *limits) { delete(l.Limits[0].Max, "x.default.io/min") }, unfence},
		{"a max more", func(l *limits) { l.Limits[0].Max["memory"] = resource.MustParse("1Gi") }, nil},
		{"a higher min", func(l *limits) { l.Limits[0].Min["cpu"] = resource.MustParse("2") }, nil},
		{"no min", func(l *limits) { l.Limits[0].Min = nil }, admits},
		{"a lower min", func(l *limits) { l.Limits[0].Min["cpu"] = resource.MustParse("500m") }, admits},
		{"a higher default", func(l *limits) { l.Limits[0].Default["cpu"] = resource.MustParse("4") }, raises},
		{"no default", func(l *limits) { l.Limits[0].Default = nil }, unfence},
		{"a higher default request", func(l *limits) { l.Limits[0].DefaultRequest["cpu"] = resource.MustParse("3") }, raises},
		{"no default request", func(l *limits) { l.Limits[0].DefaultRequest = nil }, nil},
		{"no limit for claims", func(l *limits) { l.Limits = l.Limits[:1] }, unfence},
		{"a limit for pods", func(l *limits) {
			l.Limits = append(l.Limits, topology.Limit{Type: topology.LimitPod, Max: parse("cpu=1")})
		}, nil},
	})
}

func TestRisksOfCreatedAndDeletedValues(t *testing.T) {
	viewer := topology.Grant{
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "devs"}},
		Rules:    []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
	}
	bounds := topology.Limit{Type: topology.LimitContainer, Max: amounts{"cpu": resource.MustParse("1")}}
	values := map[topology.Kind]any{
		topology.KindNamespace: topology.Namespace{}, topology.KindNetworkRules: topology.NetworkRules{},
		topology.KindQuota:          topology.Quota{},
		topology.KindLimitRange:     topology.LimitRange{Limits: []topology.Limit{bounds}},
		topology.KindAccess:         topology.Access{Grants: []topology.Grant{viewer}},
		topology.KindClusterReaders: topology.ClusterReaders{Groups: []string{"devs"}},
	}
	change := func(kind topology.Kind, action topology.Action) topology.Change {
		c := topology.Change{Kind: kind, Name: "acme", Action: action}
		if action == topology.Created {
			c.After = values[kind]
		}
		return c
	}
	kinds := []topology.Kind{
		topology.KindNamespace, topology.KindNetworkRules, topology.KindQuota, topology.KindLimitRange,
		topology.KindAccess, topology.KindClusterReaders,
	}
	risksAt := func(action topology.Action) map[topology.Kind][]Risk {
		found := map[topology.Kind][]Risk{}
		for _, kind := range kinds {
			if d := risksOf([]topology.Change{change(kind, action)}); d != nil {
				found[kind] = d
			}
		}
		return found
	}
	require.Equal(t, map[topology.Kind][]Risk{
		topology.KindAccess: {RiskWidens}, topology.KindClusterReaders: {RiskWidens},
	}, risksAt(topology.Created), "fences that were taken away come back")
	require.Equal(t, map[topology.Kind][]Risk{
		topology.KindNamespace: {RiskDeletes}, topology.KindQuota: {RiskUnfences}, topology.KindLimitRange: {RiskUnfences},
		topology.KindNetworkRules: {RiskUnfences},
	}, risksAt(topology.Deleted))
	require.Empty(t, risksAt(topology.Unchanged))

	created := func(kinds ...topology.Kind) (all []topology.Change) {
		for _, kind := range kinds {
			all = append(all, change(kind, topology.Created))
		}
		return all
	}
	require.Empty(t, risksOf(created(kinds[:5]...)), "a new tenant, with members")
	require.Equal(t, []Risk{RiskWidens}, risksOf(created(kinds...)), "a new tenant that reads everywhere")
}

// A grant that gives nothing to anyone is no right, and no group is no reader.
func TestRisksOfEmptyValuesThatAppear(t *testing.T) {
	grants := func(grants ...topology.Grant) topology.Access { return topology.Access{Grants: grants} }
	nobody := topology.Grant{Role: "viewer", Rules: []rbac.Rule{{
		APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"},
	}}}
	nothing := topology.Grant{Role: "viewer", Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "devs"}}}
	for _, c := range []topology.Change{
		{Kind: topology.KindAccess, After: grants()},
		{Kind: topology.KindAccess, After: grants(nobody, nothing)},
		{Kind: topology.KindClusterReaders, After: topology.ClusterReaders{Tenant: "acme"}},
		{Kind: topology.KindLimitRange, After: topology.LimitRange{Namespace: "acme"}},
	} {
		c.Action = topology.Created
		require.Empty(t, risksOf([]topology.Change{c}), "%+v", c)
	}
}

// Defaults of a LimitRange that was missing let in containers that state nothing: the quota refused
// them.
func TestRisksOfALimitRangeThatComesBack(t *testing.T) {
	back := func(limits ...topology.Limit) []Risk {
		return risksOf([]topology.Change{{
			Kind: topology.KindLimitRange, Action: topology.Created, After: topology.LimitRange{Limits: limits},
		}})
	}
	cpu := amounts{"cpu": resource.MustParse("1")}
	require.Equal(t, []Risk{RiskAdmits}, back(topology.Limit{Type: topology.LimitContainer, Default: cpu}))
	require.Empty(t, back(topology.Limit{Type: topology.LimitContainer, Max: cpu}), "a bound opens nothing")
}

// A change that the values cannot express has the risk of its kind. An object that only lost an
// owner reference has the same value before and after.
func TestRisksOfInexactOrMissingValues(t *testing.T) {
	values := map[topology.Kind]any{
		topology.KindNamespace: topology.Namespace{Name: "acme"}, topology.KindNetworkRules: topology.NetworkRules{},
		topology.KindQuota: topology.Quota{}, topology.KindLimitRange: topology.LimitRange{},
		topology.KindAccess: topology.Access{}, topology.KindClusterReaders: topology.ClusterReaders{},
	}
	inexact := map[topology.Kind]Risk{
		topology.KindNamespace: RiskUnfences, topology.KindNetworkRules: RiskOpens, topology.KindQuota: RiskUnfences,
		topology.KindLimitRange: RiskUnfences, topology.KindAccess: RiskWidens, topology.KindClusterReaders: RiskWidens,
	}
	for kind, value := range values {
		c := topology.Change{
			Kind: kind, Action: topology.Updated, Before: value, After: value,
			Fields: []topology.FieldChange{{Path: "metadata.ownerReferences[0]", From: "ConfigMap/x"}},
		}
		require.Empty(t, risksOf([]topology.Change{c}), "%s: an owner reference less", kind)
		c.Inexact = true
		require.Equal(t, []Risk{inexact[kind]}, risksOf([]topology.Change{c}), "%s: something beyond its value", kind)
		c.Inexact, c.Before, c.After = false, nil, nil
		require.Equal(t, []Risk{inexact[kind]}, risksOf([]topology.Change{c}), "%s: values are missing", kind)
		c.Before, c.After = "text", "text"
		require.Equal(t, []Risk{inexact[kind]}, risksOf([]topology.Change{c}), "%s: values of another type", kind)
	}
	for _, kind := range []topology.Kind{topology.KindLimitRange, topology.KindAccess, topology.KindClusterReaders} {
		c := topology.Change{Kind: kind, Action: topology.Created}
		require.Equal(t, []Risk{inexact[kind]}, risksOf([]topology.Change{c}), "%s: appears without a value", kind)
	}
	require.Empty(t, risksOf([]topology.Change{{Kind: "Zone", Action: topology.Updated}}), "a kind of another capability")
}

// FuzzRisksIgnoreText changes what a change says to people. Its risks stay those of its values.
func FuzzRisksIgnoreText(f *testing.F) {
	for _, seed := range [][3]string{
		{"allowed.domains", `["a"]`, `["a","b"]`}, {"podSecurity", "restricted", ""}, {"ingress[0].peers", "everybody", ""},
		{"grants[a].rules[0].verbs", "null", "[1]"}, {"", "", ""}, {"hard[pods]", "1", "x"}, {"limits[Pod].max[cpu]", "1", "2"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	one, two := resource.MustParse("1"), resource.MustParse("2")
	less, more := topology.Quota{Hard: amounts{"pods": one}}, topology.Quota{Hard: amounts{"pods": two}}
	f.Fuzz(func(t *testing.T, path, from, to string) {
		fields := []topology.FieldChange{{Path: path, From: from, To: to}, {Path: path, From: to, To: from}}
		risks := func(before, after any) []Risk {
			return risksOf([]topology.Change{{Kind: topology.KindQuota, Action: topology.Updated, Fields: fields, Before: before, After: after}})
		}
		require.Equal(t, []Risk{RiskRaises}, risks(less, more))
		require.Empty(t, risks(more, less))
	})
}
