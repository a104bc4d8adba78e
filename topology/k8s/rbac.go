package k8s

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// roleSpec has the specification of a Role, which has no field "spec".
type roleSpec struct {
	Rules []rbacv1.PolicyRule `json:"rules"`
}

// bindingSpec has the specification of a RoleBinding or ClusterRoleBinding.
type bindingSpec struct {
	RoleRef  rbacv1.RoleRef   `json:"roleRef"`
	Subjects []rbacv1.Subject `json:"subjects"`
}

// sameRules compares every field of rules.
func sameRules(a, b []rbacv1.PolicyRule) bool {
	return slices.EqualFunc(a, b, func(x, y rbacv1.PolicyRule) bool {
		return slices.Equal(x.Verbs, y.Verbs) && slices.Equal(x.APIGroups, y.APIGroups) &&
			slices.Equal(x.Resources, y.Resources) && slices.Equal(x.ResourceNames, y.ResourceNames) &&
			slices.Equal(x.NonResourceURLs, y.NonResourceURLs)
	})
}

func renderRules(rules []rbac.Rule) []rbacv1.PolicyRule {
	var rendered []rbacv1.PolicyRule
	for _, r := range rules {
		rendered = append(rendered, rbacv1.PolicyRule{
			APIGroups: r.APIGroups, Resources: r.Resources, Verbs: r.Verbs, ResourceNames: r.ResourceNames,
		})
	}
	return rendered
}

// toRules reads rules. It leaves out non-resource URLs, which rbac.Rule cannot express.
func toRules(rules []rbacv1.PolicyRule) []rbac.Rule {
	var read []rbac.Rule
	for _, r := range rules {
		read = append(read, rbac.Rule{
			APIGroups: r.APIGroups, Resources: r.Resources, Verbs: r.Verbs, ResourceNames: r.ResourceNames,
		})
	}
	return read
}

func renderSubjects(subjects []rbac.Subject) []rbacv1.Subject {
	var rendered []rbacv1.Subject
	for _, s := range subjects {
		to := rbacv1.Subject{Kind: string(s.Kind), APIGroup: rbacv1.GroupName, Name: s.Name}
		if s.Kind == rbac.ServiceAccount {
			to.APIGroup, to.Namespace = "", s.Namespace
		}
		rendered = append(rendered, to)
	}
	return rendered
}

func toSubjects(subjects []rbacv1.Subject) []rbac.Subject {
	var read []rbac.Subject
	for _, s := range subjects {
		read = append(read, rbac.Subject{Kind: rbac.SubjectKind(s.Kind), Name: s.Name, Namespace: s.Namespace})
	}
	return read
}
