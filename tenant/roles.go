package tenant

import (
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Role is a set of rights in the tenant's namespace. A role is an explicit allow list without
// wildcards.
//
// No role may write what isolates the tenant (NetworkPolicy, ResourceQuota, LimitRange, Role,
// RoleBinding, Endpoints, EndpointSlice, Namespace), request a token of a service account,
// escalate, bind or impersonate. docs/roles.md has the table, generated from [Role.Rules].
type Role string

const (
	// Admin has the rights of Developer, and manages service accounts.
	Admin Role = "admin"

	// Developer runs workloads: it reads and writes them, their configuration, secrets, claims,
	// services and ingresses, and may exec into pods.
	Developer Role = "developer"

	// Viewer reads everything that Developer reads, except secrets.
	Viewer Role = "viewer"
)

// Roles returns all roles, the most powerful first.
func Roles() []Role { return []Role{Admin, Developer, Viewer} }

var (
	readVerbs  = []string{"get", "list", "watch"}
	writeVerbs = []string{"create", "update", "patch", "delete", "deletecollection"}
	allVerbs   = append(append([]string{}, readVerbs...), writeVerbs...)
)

// Rules returns the allow list of the role, as a copy. It returns nil for an unknown role.
func (r Role) Rules() []rbac.Rule { return topology.Grant{Rules: roleRules[r]}.Clone().Rules }

// roleRules are the rules of each role. All tenants share them, so nothing may change them in
// place.
var roleRules = func() map[Role][]rbac.Rule {
	rules := map[Role][]rbac.Rule{}
	for _, line := range roleTable {
		for role, verbs := range line.verbs {
			rules[role] = append(rules[role], rbac.Rule{APIGroups: []string{line.group}, Resources: line.resources,
				Verbs: verbs})
		}
	}
	return rules
}()

// roleLine is a line of roleTable: the verbs of each role on some resources of one API group.
type roleLine struct {
	group     string
	resources []string
	verbs     map[Role][]string
}

// everyRole returns the same verbs for each role.
func everyRole(verbs ...string) map[Role][]string {
	return map[Role][]string{Admin: verbs, Developer: verbs, Viewer: verbs}
}

// writers returns verbs for Admin and Developer.
func writers(verbs ...string) map[Role][]string {
	return map[Role][]string{Admin: verbs, Developer: verbs}
}

// workloads returns all verbs for Admin and Developer, and the reading ones for Viewer.
func workloads() map[Role][]string {
	return map[Role][]string{Admin: allVerbs, Developer: allVerbs, Viewer: readVerbs}
}

// roleTable is the allow list of all roles. Every line is a grant and needs a reason to be here.
var roleTable = []roleLine{
	// Workloads and their configuration. ReplicationControllers, DaemonSets and ReplicaSets are
	// read-only: the first are superseded, the second run on every node, and the third are written
	// by Deployments.
	{"", []string{"pods", "services", "configmaps", "persistentvolumeclaims"}, workloads()},
	{"", []string{"secrets"}, writers(allVerbs...)},
	{"", []string{"serviceaccounts"}, map[Role][]string{Admin: allVerbs, Developer: readVerbs, Viewer: readVerbs}},
	{"apps", []string{"deployments", "statefulsets"}, workloads()},
	{"apps", []string{"deployments/scale", "statefulsets/scale"}, map[Role][]string{
		Admin: {"get", "update", "patch"}, Developer: {"get", "update", "patch"}, Viewer: {"get"},
	}},
	{"apps", []string{"controllerrevisions", "daemonsets", "replicasets"}, everyRole(readVerbs...)},
	{"batch", []string{"cronjobs", "jobs"}, workloads()},
	{"autoscaling", []string{"horizontalpodautoscalers"}, workloads()},
	{"policy", []string{"poddisruptionbudgets"}, workloads()},
	{"networking.k8s.io", []string{"ingresses"}, workloads()},
	// leader election of the tenant's own programs
	{"coordination.k8s.io", []string{"leases"}, workloads()},

	// Access to pods. Over WebSockets, exec, attach and portforward need "get" and "create".
	{"", []string{"pods/log"}, everyRole("get")},
	{"", []string{"pods/exec", "pods/attach", "pods/portforward"}, writers("get", "create")},
	// kubectl debug; pod security applies
	{"", []string{"pods/ephemeralcontainers"}, writers("get", "update", "patch")},
	// draining by hand, within disruption budgets
	{"", []string{"pods/eviction"}, writers("create")},

	// Status, and the reasons why something is refused.
	{"", []string{"endpoints", "events", "limitranges", "replicationcontrollers", "resourcequotas"},
		everyRole(readVerbs...)},
	{"", []string{"namespaces"}, everyRole("get")}, // a namespaced role: only the tenant's own
	{"discovery.k8s.io", []string{"endpointslices"}, everyRole(readVerbs...)},
	{"events.k8s.io", []string{"events"}, everyRole(readVerbs...)},
	{"metrics.k8s.io", []string{"pods"}, everyRole("get", "list")},
	{"networking.k8s.io", []string{"networkpolicies"}, everyRole(readVerbs...)},
	{"rbac.authorization.k8s.io", []string{"rolebindings", "roles"}, everyRole(readVerbs...)},
}
