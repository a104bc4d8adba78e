package k8s

import (
	"context"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// GrantsInForce implements topology.GrantsInForce by four lists, read page by page. Aggregated
// ClusterRoles have the rules that their controller has filled in.
func (t *Topology) GrantsInForce(ctx context.Context) ([]rbac.Binding, error) {
	var r grantReader
	err := t.retry.Do(ctx, adapter.Read(topology.KindGrantsInForce, t.name), func(ctx context.Context) error {
		r = grantReader{rules: map[roleKey][]rbacv1.PolicyRule{}}
		if err := r.readRoles(ctx, t.clients); err != nil {
			return err
		}
		return eachBinding(ctx, t.clients, r.add)
	})
	slices.SortFunc(r.grants, rbac.Binding.Compare)
	return r.grants, err
}

// storedBinding is a binding of either kind, as stored.
type storedBinding struct {
	binding  rbac.Binding // without rules and subjects
	subjects []rbacv1.Subject
}

// eachBinding reads all bindings, ClusterRoleBindings first.
func eachBinding(ctx context.Context, c kube.Clients, each func(storedBinding)) error {
	err := kube.Each(ctx, c.ClusterRoleBindings, "", func(b *rbacv1.ClusterRoleBinding) {
		each(storedBinding{toBinding(rbac.ClusterRoleBinding, &b.ObjectMeta, b.RoleRef), b.Subjects})
	})
	if err != nil {
		return err
	}
	return kube.Each(ctx, c.RoleBindings, "", func(b *rbacv1.RoleBinding) {
		each(storedBinding{toBinding(rbac.RoleBinding, &b.ObjectMeta, b.RoleRef), b.Subjects})
	})
}

// toBinding reads what a binding states about itself and about its role.
func toBinding(kind rbac.BindingKind, meta *metav1.ObjectMeta, ref rbacv1.RoleRef) rbac.Binding {
	b := rbac.Binding{
		Kind: kind, Namespace: meta.Namespace, Name: meta.Name,
		Role: rbac.RoleRef{Kind: rbac.RoleKind(ref.Kind), Name: ref.Name},
	}
	if kind == rbac.ClusterRoleBinding {
		b.Managed = meta.Labels[labelReadersBinding] == "true"
		return b
	}
	b.Managed = owned(meta, meta.Namespace)
	if role, ok := strings.CutPrefix(meta.Name, rolePrefix); ok {
		b.TenantRole = role
	}
	return b
}

// roleKey names a role: the namespace of a ClusterRole is empty.
type roleKey struct {
	kind            rbac.RoleKind
	namespace, name string
}

// grantReader resolves bindings to the rules of their roles.
type grantReader struct {
	rules  map[roleKey][]rbacv1.PolicyRule
	grants []rbac.Binding
}

func (r *grantReader) readRoles(ctx context.Context, c kube.Clients) error {
	err := kube.Each(ctx, c.ClusterRoles, "", func(role *rbacv1.ClusterRole) {
		r.rules[roleKey{rbac.ClusterRole, "", role.Name}] = role.Rules
	})
	if err != nil {
		return err
	}
	return kube.Each(ctx, c.Roles, "", func(role *rbacv1.Role) {
		r.rules[roleKey{rbac.Role, role.Namespace, role.Name}] = role.Rules
	})
}

func (r *grantReader) add(b storedBinding) {
	grant := b.binding
	role := roleKey{rbac.ClusterRole, "", grant.Role.Name}
	if grant.Role.Kind == rbac.Role {
		role = roleKey{rbac.Role, grant.Namespace, grant.Role.Name}
	}
	for _, rule := range toRules(r.rules[role]) {
		if len(rule.Resources) > 0 { // the others are about paths
			grant.Rules = append(grant.Rules, rule)
		}
	}
	for _, subject := range toSubjects(b.subjects) {
		if subject.Kind == rbac.ServiceAccount && subject.Namespace == "" {
			subject.Namespace = grant.Namespace
		}
		grant.Subjects = append(grant.Subjects, subject)
	}
	r.grants = append(r.grants, grant)
}
