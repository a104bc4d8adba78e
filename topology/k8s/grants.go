package k8s

import (
	"context"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/polyphony-go/polyphony/topology"
)

// grantBinding is a binding of either kind.
type grantBinding struct {
	what      string // such as "RoleBinding globex/leak"
	namespace string // empty: it grants everywhere
	ref       rbacv1.RoleRef
	subjects  []rbacv1.Subject
}

// eachBinding reads all bindings, those that grant everywhere first.
func (c *clients) eachBinding(ctx context.Context, each func(grantBinding)) error {
	err := c.clusterRoleBindings().EachPage(ctx, "", func(list *rbacv1.ClusterRoleBindingList) {
		for _, b := range list.Items {
			each(grantBinding{"ClusterRoleBinding " + b.Name, "", b.RoleRef, b.Subjects})
		}
	})
	if err != nil {
		return err
	}
	return c.roleBindings("").EachPage(ctx, "", func(list *rbacv1.RoleBindingList) {
		for _, b := range list.Items {
			each(grantBinding{"RoleBinding " + b.Namespace + "/" + b.Name, b.Namespace, b.RoleRef, b.Subjects})
		}
	})
}

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
		return t.clients.eachBinding(ctx, r.add)
	})
	slices.SortFunc(r.grants, func(a, b topology.GrantInForce) int { return strings.Compare(a.Binding, b.Binding) })
	return r.grants, err
}

func (r *grantReader) readRoles(ctx context.Context, c *clients) error {
	err := c.clusterRoles().EachPage(ctx, "", func(list *rbacv1.ClusterRoleList) {
		for _, role := range list.Items {
			r.rules["ClusterRole "+role.Name] = role.Rules
		}
	})
	if err != nil {
		return err
	}
	return c.roles("").EachPage(ctx, "", func(list *rbacv1.RoleList) {
		for _, role := range list.Items {
			r.rules["Role "+role.Namespace+"/"+role.Name] = role.Rules
		}
	})
}

func (r *grantReader) add(b grantBinding) {
	role := b.ref.Kind + " " + b.ref.Name
	if b.ref.Kind == "Role" {
		role = b.ref.Kind + " " + b.namespace + "/" + b.ref.Name
	}
	grant := topology.GrantInForce{Binding: b.what, Role: role, Namespace: b.namespace}
	for _, rule := range r.rules[role] {
		if len(rule.Resources) > 0 { // others are about paths
			grant.Rules = append(grant.Rules, topology.Rule{APIGroups: rule.APIGroups, Resources: rule.Resources, Verbs: rule.Verbs, ResourceNames: rule.ResourceNames})
		}
	}
	for _, s := range b.subjects {
		subject := topology.Subject{Kind: topology.SubjectKind(s.Kind), Name: s.Name, Namespace: s.Namespace}
		if subject.Kind == topology.ServiceAccount && subject.Namespace == "" {
			subject.Namespace = b.namespace
		}
		grant.Subjects = append(grant.Subjects, subject)
	}
	r.grants = append(r.grants, grant)
}
