package isolation

import (
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// isHarmless reports whether a rule crosses no boundary: it lets principals ask about themselves,
// or read public certificates.
func isHarmless(r rbac.Rule) bool {
	if isSubset(r.APIGroups, "authentication.k8s.io", "authorization.k8s.io") {
		return true
	}
	return isSubset(r.APIGroups, "certificates.k8s.io") && isSubset(r.Verbs, "get", "list", "watch") &&
		slices.Equal(r.Resources, []string{"clustertrustbundles"})
}

// isSubset reports whether every value of the list is one of all.
func isSubset(list []string, all ...string) bool {
	return !slices.ContainsFunc(list, func(v string) bool { return !slices.Contains(all, v) })
}

// controls are the resources that isolate a tenant, which no principal of the tenant may write, and
// the rights by which a principal can obtain other rights. The zero verb stands for every verb that
// writes.
var controls = []rbac.Question{
	{APIGroup: "networking.k8s.io", Resource: "networkpolicies"},
	{Resource: "resourcequotas"},
	{Resource: "limitranges"},
	{Resource: "namespaces"},
	{Resource: "namespaces", Subresource: "status"},
	{Resource: "namespaces", Subresource: "finalize"},
	{Resource: "endpoints"},
	{APIGroup: "discovery.k8s.io", Resource: "endpointslices"},
	{Resource: "serviceaccounts", Subresource: "token"},
	{APIGroup: "rbac.authorization.k8s.io", Resource: "roles"},
	{APIGroup: "rbac.authorization.k8s.io", Resource: "rolebindings"},
	{Resource: "users"},
	{Resource: "groups"},
	{Resource: "serviceaccounts", Verb: "impersonate"},
}

// writeVerbs are the verbs that change an object, or that give rights.
var writeVerbs = []string{
	"create", "update", "patch", "delete", "deletecollection", "escalate", "bind", "impersonate",
}

// writesControls reports whether a rule allows writing one of the controls, under any object name.
func writesControls(r rbac.Rule) bool {
	r.ResourceNames = nil
	return slices.ContainsFunc(controls, func(q rbac.Question) bool {
		verbs := writeVerbs
		if q.Verb != "" {
			verbs = []string{q.Verb}
		}
		return slices.ContainsFunc(verbs, func(verb string) bool {
			q.Verb = verb
			return r.Allows(q)
		})
	})
}

// isClusterRead reports whether a rule allows no more than topology.ClusterReadRules do.
func isClusterRead(r rbac.Rule) bool {
	allowed := topology.ClusterReadRules()
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			name, subresource, _ := strings.Cut(resource, "/")
			for _, verb := range r.Verbs {
				q := rbac.Question{Verb: verb, APIGroup: group, Resource: name, Subresource: subresource}
				if !slices.ContainsFunc(allowed, func(rule rbac.Rule) bool { return rule.Allows(q) }) {
					return false
				}
			}
		}
	}
	return true
}
