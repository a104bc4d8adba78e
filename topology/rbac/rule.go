package rbac

import (
	"slices"
	"strings"
)

// Rule allows every verb on every resource of every API group that it names. "*" stands for all of
// them, and an API group "" is the core group.
type Rule struct {
	APIGroups []string `json:"apiGroups"` // such as "" and "apps"; empty: the rule allows nothing
	Resources []string `json:"resources"` // such as "pods" and "pods/log"; empty: the rule allows nothing
	Verbs     []string `json:"verbs"`     // such as "get" and "list"; empty: the rule allows nothing

	// ResourceNames narrows the rule to objects of these names. Empty: every object.
	ResourceNames []string `json:"resourceNames,omitempty"`
}

// Clone returns a copy that shares nothing with r.
func (r Rule) Clone() Rule {
	r.APIGroups, r.Resources = slices.Clone(r.APIGroups), slices.Clone(r.Resources)
	r.Verbs, r.ResourceNames = slices.Clone(r.Verbs), slices.Clone(r.ResourceNames)
	return r
}

// Allows reports whether the rule allows what is asked. "*/scale" stands for that subresource of
// every resource. As in Kubernetes, a rule with resource names never allows a question about any
// object, unless one of the names is empty.
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
