package rbac_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/component-helpers/auth/rbac/validation"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// FuzzRuleAllows compares Rule.Allows with the comparison of rules in Kubernetes: a rule allows
// what it covers when the question is written as a rule. A question without a name asks about the
// name "".
func FuzzRuleAllows(f *testing.F) {
	for _, resources := range []string{"pods", "pods,pods/log", "*", "*/scale", "*/*", "pods/*", "/log", ""} {
		for _, names := range []string{"", "one,two", "*", ","} {
			f.Add("get,list", ",apps", resources, names, "get", "", "pods", "", "")
			f.Add("*", "*", resources, names, "patch", "batch", "pods", "log", "one")
			f.Add("get", "apps", resources, names, "*", "apps", "deployments", "scale", "")
			f.Add("get", "apps", resources, names, "get", "apps", "pods/log", "", "*")
		}
	}
	f.Fuzz(func(t *testing.T, verbs, groups, resources, names, verb, group, resource, subresource, name string) {
		if strings.Contains(resource, "/") { // a subresource in Kubernetes' rules, but not in a question
			return
		}
		ours := rbac.Rule{
			Verbs: strings.Split(verbs, ","), APIGroups: strings.Split(groups, ","), Resources: strings.Split(resources, ","),
		}
		if names != "" {
			ours.ResourceNames = strings.Split(names, ",")
		}
		q := rbac.Question{Verb: verb, APIGroup: group, Resource: resource, Subresource: subresource, Name: name}
		if subresource != "" {
			resource += "/" + subresource
		}
		owned := rbacv1.PolicyRule{
			Verbs: ours.Verbs, APIGroups: ours.APIGroups, Resources: ours.Resources, ResourceNames: ours.ResourceNames,
		}
		asked := rbacv1.PolicyRule{
			Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: []string{name},
		}
		want, _ := validation.Covers([]rbacv1.PolicyRule{owned}, []rbacv1.PolicyRule{asked})
		require.Equal(t, want, ours.Allows(q), "%+v: %+v", ours, q)
	})
}

// FuzzSubjectIs checks that a service account is the user of its namespace and name and no other,
// and that sharing a name does not make a user a group.
func FuzzSubjectIs(f *testing.F) {
	f.Add("ci", "bot", "system:serviceaccount:ci:bot", "devs")
	f.Add("", "bot", "system:serviceaccount::bot", "bot")
	f.Add("ci", "", "", "")
	f.Fuzz(func(t *testing.T, namespace, name, user, group string) {
		is := func(kind rbac.SubjectKind) bool {
			return rbac.Subject{Kind: kind, Namespace: namespace, Name: name}.Is(user, []string{group})
		}
		require.Equal(t, user != "" && user == name, is(rbac.User))
		require.Equal(t, group == name, is(rbac.Group))
		rest, account := strings.CutPrefix(user, "system:serviceaccount:")
		require.Equal(t, account && namespace != "" && rest == namespace+":"+name, is(rbac.ServiceAccount))
		require.False(t, is("Role"))
	})
}
