package k8s

import (
	"context"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
)

// grantReader resolves bindings against the roles that there are. Aggregated ClusterRoles have the rules that their controller has filled in.
type grantReader struct {
	rules  map[string][]rbacv1.PolicyRule // by "ClusterRole name" and "Role namespace/name"
	grants []topology.GrantInForce
}

// GrantsInForce implements topology.GrantsInForce by four lists, a page at a time.
func (t *Topology) GrantsInForce(ctx context.Context) ([]topology.GrantInForce, error) {
	var r grantReader
	err := t.retry(ctx, call{"read", "GrantsInForce", t.name}, func(ctx context.Context) error {
		r = grantReader{rules: map[string][]rbacv1.PolicyRule{}}
		if err := r.readRoles(ctx, t.clients); err != nil {
			return err
		}
		return r.readBindings(ctx, t.clients)
	})
	slices.SortFunc(r.grants, func(a, b topology.GrantInForce) int { return strings.Compare(a.Binding, b.Binding) })
	return r.grants, err
}

func (r *grantReader) readRoles(ctx context.Context, c *clients) error {
	err := eachPage(ctx, func(ctx context.Context, opts metav1.ListOptions) (string, error) {
		list, err := c.clusterRoles().List(ctx, opts)
		if err != nil {
			return "", err
		}
		for _, role := range list.Items {
			r.rules["ClusterRole "+role.Name] = role.Rules
		}
		return list.Continue, nil
	})
	if err != nil {
		return err
	}
	return eachPage(ctx, func(ctx context.Context, opts metav1.ListOptions) (string, error) {
		list, err := c.roles("").List(ctx, opts)
		if err != nil {
			return "", err
		}
		for _, role := range list.Items {
			r.rules["Role "+role.Namespace+"/"+role.Name] = role.Rules
		}
		return list.Continue, nil
	})
}

func (r *grantReader) readBindings(ctx context.Context, c *clients) error {
	err := eachPage(ctx, func(ctx context.Context, opts metav1.ListOptions) (string, error) {
		list, err := c.clusterRoleBindings().List(ctx, opts)
		if err != nil {
			return "", err
		}
		for _, b := range list.Items {
			r.add("ClusterRoleBinding "+b.Name, "", b.RoleRef, b.Subjects)
		}
		return list.Continue, nil
	})
	if err != nil {
		return err
	}
	return eachPage(ctx, func(ctx context.Context, opts metav1.ListOptions) (string, error) {
		list, err := c.roleBindings("").List(ctx, opts)
		if err != nil {
			return "", err
		}
		for _, b := range list.Items {
			r.add("RoleBinding "+b.Namespace+"/"+b.Name, b.Namespace, b.RoleRef, b.Subjects)
		}
		return list.Continue, nil
	})
}

func (r *grantReader) add(binding, namespace string, ref rbacv1.RoleRef, subjects []rbacv1.Subject) {
	role := ref.Kind + " " + ref.Name
	if ref.Kind == "Role" {
		role = ref.Kind + " " + namespace + "/" + ref.Name
	}
	grant := topology.GrantInForce{Binding: binding, Role: role, Namespace: namespace}
	for _, rule := range r.rules[role] {
		if len(rule.Resources) > 0 { // others are about paths
			grant.Rules = append(grant.Rules, topology.Rule{APIGroups: rule.APIGroups, Resources: rule.Resources, Verbs: rule.Verbs, ResourceNames: rule.ResourceNames})
		}
	}
	for _, s := range subjects {
		subject := topology.Subject{Kind: topology.SubjectKind(s.Kind), Name: s.Name, Namespace: s.Namespace}
		if subject.Kind == topology.ServiceAccount && subject.Namespace == "" {
			subject.Namespace = namespace
		}
		grant.Subjects = append(grant.Subjects, subject)
	}
	r.grants = append(r.grants, grant)
}
