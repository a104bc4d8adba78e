// Package rbac holds the values of role-based access control, and evaluates them without any I/O.
//
// A [Rule] allows verbs on resources, a [Subject] can hold rights, and a [Binding] gives the rules of
// a role to subjects, in one namespace or everywhere. A [State] is a set of bindings that answers a
// [Question] with an [Answer], as the authorizer of Kubernetes does. Source: the RBAC API,
// rbac.authorization.k8s.io/v1.
package rbac

import (
	"slices"
	"strings"
)

// Rule allows every verb on every resource of every API group that it names. "*" stands for all of
// them, and an API group "" is the core group.
type Rule struct {
	APIGroups []string `json:"apiGroups"`
	Resources []string `json:"resources"` // a subresource is written as "pods/log"
	Verbs     []string `json:"verbs"`

	// ResourceNames narrows the rule to objects of these names. Empty: every object.
	ResourceNames []string `json:"resourceNames,omitempty"`
}

// Clone returns a copy that shares nothing with r.
func (r Rule) Clone() Rule {
	r.APIGroups, r.Resources = slices.Clone(r.APIGroups), slices.Clone(r.Resources)
	r.Verbs, r.ResourceNames = slices.Clone(r.Verbs), slices.Clone(r.ResourceNames)
	return r
}

// Allows reports whether the rule allows what is asked. "*/scale" stands for that subresource of every
// resource. As in Kubernetes, a rule with resource names never allows a question about any object,
// unless one of the names is empty.
func (r Rule) Allows(q Question) bool {
	resource := q.Resource
	if q.Subresource != "" {
		resource += "/" + q.Subresource
	}
	has := func(list []string, values ...string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
	}
	return has(r.Verbs, "*", q.Verb) && has(r.APIGroups, "*", q.APIGroup) &&
		(has(r.Resources, "*", resource) || q.Subresource != "" && has(r.Resources, "*/"+q.Subresource)) &&
		(len(r.ResourceNames) == 0 || has(r.ResourceNames, q.Name))
}

// String prints the rule as "get, list deployments.apps, statefulsets.apps".
func (r Rule) String() string {
	var resources []string
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			name, subresource, _ := strings.Cut(resource, "/")
			resources = append(resources, resourceText(group, name, subresource))
		}
	}
	text := strings.Join(r.Verbs, ", ") + " " + strings.Join(resources, ", ")
	if len(r.ResourceNames) > 0 {
		text += " named " + strings.Join(r.ResourceNames, ", ")
	}
	return text
}

// resourceText names a resource, such as "deployments.apps/scale".
func resourceText(group, resource, subresource string) string {
	if group != "" {
		resource += "." + group
	}
	if subresource != "" {
		resource += "/" + subresource
	}
	return resource
}

// SubjectKind is the kind of a [Subject].
type SubjectKind string

// The kinds of subjects.
const (
	Group          SubjectKind = "Group"
	User           SubjectKind = "User"
	ServiceAccount SubjectKind = "ServiceAccount"
)

// Subject is a principal that can hold rights.
type Subject struct {
	Kind      SubjectKind `json:"kind"`
	Name      string      `json:"name"`
	Namespace string      `json:"namespace,omitempty"` // of a service account; empty for other kinds
}

// Kubernetes knows a service account by a user name, and all those of a namespace by a group.
const (
	serviceAccountUser   = "system:serviceaccount:"
	serviceAccountGroups = "system:serviceaccounts:"
)

// Account returns the service account that the subject stands for, under any of its names. An empty
// name means every service account of the namespace. Both are empty for any other subject.
func (s Subject) Account() (namespace, name string) {
	switch s.Kind {
	case ServiceAccount:
		return s.Namespace, s.Name
	case User:
		if account, ok := strings.CutPrefix(s.Name, serviceAccountUser); ok {
			namespace, name, _ = strings.Cut(account, ":")
		}
	case Group:
		if all, ok := strings.CutPrefix(s.Name, serviceAccountGroups); ok {
			namespace = all
		}
	}
	return namespace, name
}

// Is reports whether the subject is the user, or a group that the user is in.
func (s Subject) Is(user string, groups []string) bool {
	switch s.Kind {
	case Group:
		return slices.Contains(groups, s.Name)
	case User:
		return s.Name == user && user != ""
	case ServiceAccount:
		return s.Namespace != "" && user == serviceAccountUser+s.Namespace+":"+s.Name
	default:
		return false
	}
}

// String prints the subject as "Group devs" or "ServiceAccount ci/deployer".
func (s Subject) String() string {
	if s.Namespace != "" {
		return string(s.Kind) + " " + s.Namespace + "/" + s.Name
	}
	return string(s.Kind) + " " + s.Name
}
