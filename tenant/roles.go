package tenant

import (
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Role is what a member may do in the tenant's namespace. What a role does not list it may not do: there is no wildcard, and for nobody
// a write on what fences the tenant in (NetworkPolicy, ResourceQuota, LimitRange, Role, RoleBinding, Endpoints, EndpointSlice, Namespace),
// a token of a service account, or escalate, bind and impersonate. The table is in docs/roles.md, made from [Role.Rules].
type Role string

const (
	// Admin does everything that Developer does, and manages service accounts.
	Admin Role = "admin"

	// Developer runs workloads: reads and writes them, their configuration, secrets, claims and ways in, and gets into the pods.
	Developer Role = "developer"

	// Viewer reads everything that Developer reads, save secrets.
	Viewer Role = "viewer"
)

// Roles are all roles, the most powerful first.
func Roles() []Role { return []Role{Admin, Developer, Viewer} }

var (
	readVerbs  = []string{"get", "list", "watch"}
	writeVerbs = []string{"create", "update", "patch", "delete", "deletecollection"}
	allVerbs   = append(append([]string{}, readVerbs...), writeVerbs...)
)

// Rules is the explicit allow list of the role.
func (r Role) Rules() []rbac.Rule { return topology.Grant{Rules: roleRules[r]}.Clone().Rules }

// roleRules are those of each role, as all tenants share them: whoever may change them gets a copy.
var roleRules = func() map[Role][]rbac.Rule {
	rules := map[Role][]rbac.Rule{}
	for _, line := range roleTable {
		for role, verbs := range line.verbs {
			rules[role] = append(rules[role], rbac.Rule{APIGroups: []string{line.group}, Resources: line.resources, Verbs: verbs})
		}
	}
	return rules
}()

type roleLine struct {
	group     string
	resources []string
	verbs     map[Role][]string
}

func everybody(verbs ...string) map[Role][]string {
	return map[Role][]string{Admin: verbs, Developer: verbs, Viewer: verbs}
}

func members(verbs ...string) map[Role][]string {
	return map[Role][]string{Admin: verbs, Developer: verbs}
}

func written() map[Role][]string {
	return map[Role][]string{Admin: allVerbs, Developer: allVerbs, Viewer: readVerbs}
}

// roleTable is the allow list of all roles. A line is a grant, so every line needs a reason to be here.
var roleTable = []roleLine{
	// Workloads and what configures them. ReplicationControllers, DaemonSets and ReplicaSets are for reading: the first is superseded, the
	// second runs on every node, the third is written through Deployments.
	{"", []string{"pods", "services", "configmaps", "persistentvolumeclaims"}, written()},
	{"", []string{"secrets"}, members(allVerbs...)},
	{"", []string{"serviceaccounts"}, map[Role][]string{Admin: allVerbs, Developer: readVerbs, Viewer: readVerbs}},
	{"apps", []string{"deployments", "statefulsets"}, written()},
	{"apps", []string{"deployments/scale", "statefulsets/scale"}, map[Role][]string{Admin: {"get", "update", "patch"}, Developer: {"get", "update", "patch"}, Viewer: {"get"}}},
	{"apps", []string{"controllerrevisions", "daemonsets", "replicasets"}, everybody(readVerbs...)},
	{"batch", []string{"cronjobs", "jobs"}, written()},
	{"autoscaling", []string{"horizontalpodautoscalers"}, written()},
	{"policy", []string{"poddisruptionbudgets"}, written()},
	{"networking.k8s.io", []string{"ingresses"}, written()},
	{"coordination.k8s.io", []string{"leases"}, written()}, // leader election of the tenant's own programs

	// Getting into pods. Over WebSockets, exec, attach and portforward are asked for as "get" and "create".
	{"", []string{"pods/log"}, everybody("get")},
	{"", []string{"pods/exec", "pods/attach", "pods/portforward"}, members("get", "create")},
	{"", []string{"pods/ephemeralcontainers"}, members("get", "update", "patch")}, // kubectl debug; pod security applies
	{"", []string{"pods/eviction"}, members("create")},                            // draining by hand, within disruption budgets

	// What happens, and why something is refused.
	{"", []string{"endpoints", "events", "limitranges", "replicationcontrollers", "resourcequotas"}, everybody(readVerbs...)},
	{"", []string{"namespaces"}, everybody("get")}, // in a namespaced role: the tenant's own namespace alone
	{"discovery.k8s.io", []string{"endpointslices"}, everybody(readVerbs...)},
	{"events.k8s.io", []string{"events"}, everybody(readVerbs...)},
	{"metrics.k8s.io", []string{"pods"}, everybody("get", "list")},
	{"networking.k8s.io", []string{"networkpolicies"}, everybody(readVerbs...)},
	{"rbac.authorization.k8s.io", []string{"rolebindings", "roles"}, everybody(readVerbs...)},
}
