package k8s

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// grantBinding is a binding of either kind.
type grantBinding struct {
	what     rbac.Binding // without rules and subjects
	subjects []rbacv1.Subject
}

// eachBinding reads all bindings, those that grant everywhere first.
func (c *clients) eachBinding(ctx context.Context, each func(grantBinding)) error {
	err := c.clusterRoleBindings().EachPage(ctx, "", func(list *rbacv1.ClusterRoleBindingList) {
		for _, b := range list.Items {
			each(grantBinding{bindingOf(rbac.ClusterRoleBinding, &b.ObjectMeta, b.RoleRef), b.Subjects})
		}
	})
	if err != nil {
		return err
	}
	return c.roleBindings("").EachPage(ctx, "", func(list *rbacv1.RoleBindingList) {
		for _, b := range list.Items {
			each(grantBinding{bindingOf(rbac.RoleBinding, &b.ObjectMeta, b.RoleRef), b.Subjects})
		}
	})
}

// grantReader resolves bindings against the roles that there are. Aggregated ClusterRoles have the rules that their controller has filled in.
type grantReader struct {
	rules  map[string][]rbacv1.PolicyRule // by "ClusterRole name" and "Role namespace/name"
	grants []rbac.Binding
}

// GrantsInForce implements topology.GrantsInForce by four lists, a page at a time.
func (t *Topology) GrantsInForce(ctx context.Context) ([]rbac.Binding, error) {
	var r grantReader
	err := t.retry(ctx, adapter.Read(topology.KindGrantsInForce, t.name), func(ctx context.Context) error {
		r = grantReader{rules: map[string][]rbacv1.PolicyRule{}}
		if err := r.readRoles(ctx, t.clients); err != nil {
			return err
		}
		return t.clients.eachBinding(ctx, r.add)
	})
	slices.SortFunc(r.grants, rbac.Binding.Compare)
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
	grant := b.what
	role := "ClusterRole " + grant.Role.Name
	if grant.Role.Kind == rbac.Role {
		role = "Role " + grant.Namespace + "/" + grant.Role.Name
	}
	for _, rule := range r.rules[role] {
		if len(rule.Resources) > 0 { // others are about paths
			grant.Rules = append(grant.Rules, rbac.Rule{APIGroups: rule.APIGroups, Resources: rule.Resources, Verbs: rule.Verbs, ResourceNames: rule.ResourceNames})
		}
	}
	for _, s := range b.subjects {
		subject := rbac.Subject{Kind: rbac.SubjectKind(s.Kind), Name: s.Name, Namespace: s.Namespace}
		if subject.Kind == rbac.ServiceAccount && subject.Namespace == "" {
			subject.Namespace = grant.Namespace
		}
		grant.Subjects = append(grant.Subjects, subject)
	}
	r.grants = append(r.grants, grant)
}

// bindingOf reads what a binding says about itself and about its role.
func bindingOf(kind rbac.BindingKind, meta *metav1.ObjectMeta, ref rbacv1.RoleRef) rbac.Binding {
	b := rbac.Binding{
		Kind: kind, Namespace: meta.Namespace, Name: meta.Name,
		Role: rbac.RoleRef{Kind: rbac.RoleKind(ref.Kind), Name: ref.Name},
	}
	if kind == rbac.RoleBinding {
		b.Managed = owned(meta, meta.Namespace)
		b.TenantRole, _ = strings.CutPrefix(meta.Name, rolePrefix)
		if b.TenantRole == meta.Name {
			b.TenantRole = ""
		}
	} else {
		b.Managed = meta.Labels[labelReadersBinder] == "true"
	}
	return b
}
