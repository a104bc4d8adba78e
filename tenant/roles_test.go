package tenant

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// right is one verb on one resource.
type right struct{ group, resource, verb string }

func rightsOf(rules []rbac.Rule) map[right]bool {
	all := map[right]bool{}
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					all[right{group, resource, verb}] = true
				}
			}
		}
	}
	return all
}

// knownVerbs are the only verbs of roles. Left out on purpose: *, escalate, bind, impersonate,
// approve, sign, attest, use, proxy.
var knownVerbs = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// Resources that no role may use, not even read: they belong to the cluster, or let a member act as
// another user.
var outOfReach = []right{
	{"", "serviceaccounts/token", ""}, {"", "nodes", ""}, {"", "nodes/proxy", ""}, {"", "nodes/status", ""},
	{"", "persistentvolumes", ""}, {"", "bindings", ""}, {"", "pods/binding", ""},
	{"", "pods/proxy", ""}, {"", "services/proxy", ""}, {"", "services/status", ""}, {"", "pods/status", ""},
	{"", "pods/resize", ""}, {"", "users", ""}, {"", "groups", ""}, {"", "uids", ""},
	{"", "namespaces/finalize", ""}, {"", "namespaces/status", ""}, {"", "podtemplates", ""},
	{"", "replicationcontrollers/scale", ""},
	{"storage.k8s.io", "storageclasses", ""}, {"storage.k8s.io", "volumeattachments", ""},
	{"storage.k8s.io", "volumeattributesclasses", ""}, {"snapshot.storage.k8s.io", "volumesnapshots", ""},
	{"rbac.authorization.k8s.io", "clusterroles", ""}, {"rbac.authorization.k8s.io", "clusterrolebindings", ""},
	{"authentication.k8s.io", "tokenreviews", ""}, {"authentication.k8s.io", "userextras/scopes", ""},
	{"authorization.k8s.io", "subjectaccessreviews", ""},
	{"authorization.k8s.io", "localsubjectaccessreviews", ""}, {"certificates.k8s.io", "certificatesigningrequests",
		""}, {"certificates.k8s.io", "certificatesigningrequests/approval", ""},
	{"certificates.k8s.io", "signers", ""}, {"admissionregistration.k8s.io", "mutatingwebhookconfigurations", ""},
	{"admissionregistration.k8s.io", "validatingwebhookconfigurations", ""},
	{"admissionregistration.k8s.io", "validatingadmissionpolicies", ""},
	{"admissionregistration.k8s.io", "validatingadmissionpolicybindings", ""},
	{"apiextensions.k8s.io", "customresourcedefinitions", ""}, {"apiregistration.k8s.io", "apiservices", ""},
	{"scheduling.k8s.io", "priorityclasses", ""}, {"node.k8s.io", "runtimeclasses", ""},
	{"networking.k8s.io", "ingressclasses", ""}, {"networking.k8s.io", "ipaddresses", ""},
	{"networking.k8s.io", "servicecidrs", ""}, {"networking.k8s.io", "ingresses/status", ""},
	{"policy.networking.k8s.io", "adminnetworkpolicies", ""}, {"flowcontrol.apiserver.k8s.io", "flowschemas", ""},
	{"flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", ""},
	{"resource.k8s.io", "resourceclaims", ""}, {"resource.k8s.io", "deviceclasses", ""},
	{"apps", "daemonsets/scale", ""}, {"apps", "replicasets/scale", ""},
	{"security.openshift.io", "securitycontextconstraints", ""}, {"project.openshift.io", "projects", ""},
}

// Resources that isolate the tenant. Roles may at most read them.
var fences = []right{
	{"networking.k8s.io", "networkpolicies", ""}, {"", "resourcequotas", ""}, {"", "limitranges", ""},
	{"rbac.authorization.k8s.io", "roles", ""},
	{"rbac.authorization.k8s.io", "rolebindings", ""}, {"", "endpoints", ""},
	{"discovery.k8s.io", "endpointslices", ""}, {"", "namespaces", ""},
	{"", "resourcequotas/status", ""}, {"", "events", ""}, {"events.k8s.io", "events", ""}, {"apps", "daemonsets", ""},
	{"", "replicationcontrollers", ""},
}

func TestRolesStayWithinTheTenant(t *testing.T) {
	for _, role := range Roles() {
		t.Run(string(role), func(t *testing.T) {
			rights := rightsOf(role.Rules())
			require.NotEmpty(t, rights)
			for r := range rights {
				require.NotContains(t, r.group+r.resource+r.verb, "*", "a wildcard")
				require.Contains(t, knownVerbs, r.verb, "%+v", r)
				require.False(t, slices.Contains(outOfReach, right{r.group, r.resource, ""}), "%+v", r)
				if slices.Contains(fences, right{r.group, r.resource, ""}) {
					require.Contains(t, readVerbs, r.verb, "%+v writes a fence", r)
				}
			}
		})
	}
}

func TestEachRoleIncludesTheNext(t *testing.T) {
	admin, developer, viewer := rightsOf(Admin.Rules()), rightsOf(Developer.Rules()), rightsOf(Viewer.Rules())
	for r := range viewer {
		require.True(t, developer[r], "%+v", r)
		require.Contains(t, []string{"get", "list", "watch"}, r.verb, "%+v", r)
		require.NotEqual(t, "secrets", r.resource)
		// Over WebSockets, these need "get".
		require.NotContains(t, []string{"pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"},
			r.resource)
	}
	for r := range developer {
		require.True(t, admin[r], "%+v", r)
		reads := slices.Contains([]string{"get", "list", "watch"}, r.verb)
		if reads && r.resource != "secrets" && !strings.HasPrefix(r.resource, "pods/") {
			require.True(t, viewer[r], "%+v: a viewer reads what a developer reads, except secrets", r)
		}
	}
	require.Less(t, len(viewer), len(developer))
	require.Less(t, len(developer), len(admin))
	require.Equal(t, []Role{Admin, Developer, Viewer}, Roles())
}

func TestRolesHaveTheRightsOfTheirJob(t *testing.T) {
	for _, tt := range []struct {
		right right
		roles []Role
	}{
		{right{"apps", "deployments", "create"}, []Role{Admin, Developer}},
		{right{"apps", "deployments/scale", "patch"}, []Role{Admin, Developer}},
		{right{"apps", "deployments", "watch"}, []Role{Admin, Developer, Viewer}},
		{right{"", "secrets", "get"}, []Role{Admin, Developer}},
		{right{"", "secrets", "list"}, []Role{Admin, Developer}},
		{right{"", "configmaps", "get"}, []Role{Admin, Developer, Viewer}},
		{right{"", "pods/log", "get"}, []Role{Admin, Developer, Viewer}},
		{right{"", "pods/exec", "create"}, []Role{Admin, Developer}},
		{right{"", "pods/exec", "get"}, []Role{Admin, Developer}},
		{right{"", "serviceaccounts", "create"}, []Role{Admin}},
		{right{"", "serviceaccounts", "get"}, []Role{Admin, Developer, Viewer}},
		{right{"", "resourcequotas", "get"}, []Role{Admin, Developer, Viewer}},
		{right{"networking.k8s.io", "ingresses", "create"}, []Role{Admin, Developer}},
	} {
		for _, role := range Roles() {
			require.Equal(t, slices.Contains(tt.roles, role), rightsOf(role.Rules())[tt.right], "%s %+v", role,
				tt.right)
		}
	}
}

// Everything that a member can create takes storage of the API server, so the quota of the zero
// tenant counts it.
func TestQuotaCountsEverythingThatRolesCreate(t *testing.T) {
	hard := hardOf(minimal())
	created := 0
	for r := range rightsOf(Admin.Rules()) {
		if r.verb != "create" || strings.Contains(r.resource, "/") {
			continue
		}
		created++
		_, plain := hard[r.resource]
		_, counted := hard[strings.TrimSuffix("count/"+r.resource+"."+r.group, ".")]
		require.True(t, plain || counted, "nothing counts %+v", r)
	}
	require.Greater(t, created, 10)
}

func TestUnknownRolesHaveNoRules(t *testing.T) {
	for _, role := range []Role{"", "root", "Admin", "cluster-admin"} {
		require.Empty(t, role.Rules())
	}
}

// A caller may change what Rules returns without changing the role.
func TestRulesReturnsACopy(t *testing.T) {
	before := fmt.Sprint(Admin.Rules(), Developer.Rules(), Viewer.Rules())
	for _, role := range Roles() {
		for _, rule := range role.Rules() {
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs} {
				for i := range list {
					list[i] = "*"
				}
			}
		}
	}
	require.Equal(t, before, fmt.Sprint(Admin.Rules(), Developer.Rules(), Viewer.Rules()))
}

func TestRolesAreDocumented(t *testing.T) {
	golden(t, "../docs/roles.md", rolesTable())
}

func rolesTable() string {
	verbs := map[right]map[Role][]string{} // by group and resource
	for _, role := range Roles() {
		rights := rightsOf(role.Rules())
		for _, verb := range knownVerbs {
			for r := range rights {
				if r.verb != verb {
					continue
				}
				at := right{r.group, r.resource, ""}
				if verbs[at] == nil {
					verbs[at] = map[Role][]string{}
				}
				verbs[at][role] = append(verbs[at][role], verb)
			}
		}
	}
	var b strings.Builder
	b.WriteString(`<!-- Made from tenant.Role.Rules by: go test ./tenant -run TestRolesAreDocumented -update -->

# What each role may do

A member of a tenant has one of three roles: admin, developer or viewer. ` + "`RBACConfig.Members`" + ` in a
TenantScore gives it. On Kubernetes a role is a Role and a RoleBinding in the tenant's namespace, so
its rights end there.

A role allows what the table lists and nothing else. It has no wildcard. No role allows a member

- to write what fences the tenant in: network policies, quotas, limit ranges, roles, role bindings,
  endpoints, or the namespace with its labels;
- to request a token of a service account (serviceaccounts/token);
- to escalate, bind or impersonate.

What members may read in other tenants is a choice of its own, ` + "`RBACConfig.ReadVisibility`" + `:
nothing, or workloads but never Secrets or ConfigMaps. [The proof](guides/proof.md) prints tables of
both.

In the table, "read" is get, list and watch. "write" is create, update, patch, delete and
deletecollection. An empty cell allows nothing.

| API group | Resource |`)
	for _, role := range Roles() {
		b.WriteString(" " + string(role) + " |")
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(Roles())) + "\n")
	rows := slices.SortedFunc(maps.Keys(verbs), func(a, b right) int {
		return strings.Compare(a.group+"\x00"+a.resource, b.group+"\x00"+b.resource)
	})
	for _, at := range rows {
		group := at.group
		if group == "" {
			group = "(core)"
		}
		fmt.Fprintf(&b, "| %s | %s |", group, at.resource)
		for _, role := range Roles() {
			b.WriteString(" " + inWords(verbs[at][role]) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// inWords returns verbs in the order of knownVerbs, as the text of a cell.
func inWords(verbs []string) string {
	var words []string
	for _, all := range []struct {
		word  string
		verbs []string
	}{{"read", knownVerbs[:3]}, {"write", knownVerbs[3:]}} {
		var some []string
		for _, v := range all.verbs {
			if slices.Contains(verbs, v) {
				some = append(some, v)
			}
		}
		if len(some) == len(all.verbs) {
			some = []string{all.word}
		}
		words = append(words, some...)
	}
	return strings.Join(words, ", ")
}
