package topology_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/component-helpers/auth/rbac/validation"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// FuzzRuleAllows holds rules against how Kubernetes compares them: a rule allows what it covers, when what is asked is taken as a rule. A question
// without a name is one about the name "".
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
		if strings.Contains(resource, "/") { // which would be a subresource there, and is none in a question
			return
		}
		ours := rbac.Rule{Verbs: strings.Split(verbs, ","), APIGroups: strings.Split(groups, ","), Resources: strings.Split(resources, ",")}
		if names != "" {
			ours.ResourceNames = strings.Split(names, ",")
		}
		q := rbac.Question{Verb: verb, APIGroup: group, Resource: resource, Subresource: subresource, Name: name}
		if subresource != "" {
			resource += "/" + subresource
		}
		want, _ := validation.Covers(
			[]rbacv1.PolicyRule{{Verbs: ours.Verbs, APIGroups: ours.APIGroups, Resources: ours.Resources, ResourceNames: ours.ResourceNames}},
			[]rbacv1.PolicyRule{{Verbs: []string{verb}, APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: []string{name}}})
		require.Equal(t, want, ours.Allows(q), "%+v: %+v", ours, q)
	})
}

// FuzzSubjectIs: a service account is the user of its name and namespace and no other, and nobody is who only shares a name with a group.
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
