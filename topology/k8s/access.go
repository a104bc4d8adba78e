package k8s

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const rolePrefix = objectName + "-"

// grants are the Roles and RoleBindings of ours in a namespace, as read.
type grants struct {
	roles    map[string]*rbacv1.Role // by name
	bindings map[string]*rbacv1.RoleBinding
	foreign  []string // bindings that have names of ours and are not, or have lost the label: they give rights that nobody accounts for
}

// check refuses what cannot be withdrawn, since it is not known whose it is.
func (g grants) check(c adapter.Call) error {
	if len(g.foreign) == 0 {
		return nil
	}
	return c.Fail(topology.ErrConflict, fmt.Sprintf("role bindings %q have names of polyphony's and not its label; remove or rename them", g.foreign))
}

// Access implements topology.AccessControl.
func (t *Topology) Access(ctx context.Context, namespace string) (topology.Access, error) {
	c := adapter.Read(topology.KindAccess, namespace)
	have, err := t.grants(ctx, c)
	if err != nil {
		return topology.Access{}, err
	}
	if have.none() {
		return topology.Access{}, c.Fail(topology.ErrNotFound, "")
	}
	return have.access(namespace), nil
}

func (t *Topology) grants(ctx context.Context, c adapter.Call) (grants, error) {
	var have grants
	err := t.retry(ctx, c, func(ctx context.Context) error {
		have = grants{roles: map[string]*rbacv1.Role{}, bindings: map[string]*rbacv1.RoleBinding{}}
		roles, err := t.clients.roles(c.Name).List(ctx, "")
		if err != nil {
			return err
		}
		bindings, err := t.clients.roleBindings(c.Name).List(ctx, "")
		if err != nil {
			return err
		}
		for i := range roles.Items {
			if role := &roles.Items[i]; owned(role, c.Name) {
				have.roles[role.Name] = role
			}
		}
		for i := range bindings.Items {
			binding := &bindings.Items[i]
			if owned(binding, c.Name) {
				have.bindings[binding.Name] = binding
			} else if strings.HasPrefix(binding.Name, rolePrefix) {
				have.foreign = append(have.foreign, binding.Name)
			}
		}
		return nil
	})
	return have, err
}

func (g grants) none() bool { return len(g.roles)+len(g.bindings) == 0 }

func (g grants) names() []string {
	var names []string
	for name := range g.roles {
		names = append(names, name)
	}
	for name := range g.bindings {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (g grants) access(namespace string) topology.Access {
	access := topology.Access{Namespace: namespace}
	for _, name := range g.names() {
		grant := topology.Grant{Role: strings.TrimPrefix(name, rolePrefix)}
		if role := g.roles[name]; role != nil {
			grant.Rules = toRules(role.Rules)
		}
		if binding := g.bindings[name]; binding != nil {
			grant.Subjects = toSubjects(binding.Subjects)
		}
		access.Grants = append(access.Grants, grant)
	}
	return access
}

// EnsureAccess implements topology.AccessControl. A role is put right before it is bound, so nobody new gets rules that somebody else left there.
func (t *Topology) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	c := adapter.Ensure(topology.KindAccess, want.Namespace)
	if len(want.Grants) == 0 {
		return t.withdrawAll(ctx, c)
	}
	have, err := t.grants(ctx, c)
	if err == nil {
		err = have.check(c)
	}
	if err != nil {
		return topology.Change{}, err
	}
	changed, err := t.withdraw(ctx, c, have, func(name string) bool {
		return slices.ContainsFunc(want.Grants, func(g topology.Grant) bool { return rolePrefix+g.Role == name })
	})
	reached := topology.Access{Namespace: want.Namespace}
	var fields []topology.FieldChange
	for i := 0; i < len(want.Grants) && err == nil; i++ {
		var written bool
		var more []topology.FieldChange
		if written, more, err = t.ensureGrant(ctx, c, want.Grants[i], have); err == nil {
			reached.Grants = append(reached.Grants, want.Grants[i])
		}
		changed = changed || written
		fields = append(fields, more...)
	}
	change := c.Unchanged()
	switch {
	case !changed && err != nil:
		return topology.Change{}, err
	case !changed:
	case have.none():
		change = c.Created(reached)
	default:
		before := have.access(want.Namespace)
		change = topology.Change{
			Kind: c.Kind, Name: c.Name, Action: topology.Updated, Before: before, After: reached, Inexact: len(fields) > 0,
			Fields: append(adapter.Diff(before, reached), fields...),
		}
	}
	return change, err
}

// DeleteAccess implements topology.AccessControl.
func (t *Topology) DeleteAccess(ctx context.Context, namespace string) (topology.Change, error) {
	return t.withdrawAll(ctx, adapter.Delete(topology.KindAccess, namespace))
}

func (t *Topology) withdrawAll(ctx context.Context, c adapter.Call) (topology.Change, error) {
	have, err := t.grants(ctx, c)
	if err != nil {
		return topology.Change{}, err
	}
	change := c.Unchanged()
	changed, err := t.withdraw(ctx, c, have, func(string) bool { return false })
	switch {
	case changed:
		change = c.Deleted(have.access(c.Name))
	case err != nil:
		return topology.Change{}, err
	}
	if err == nil {
		err = have.check(c)
	}
	return change, err
}

// withdraw removes the grants of ours that are not wanted, bindings first, since those are what gives the rights. It tells whether
// anything was removed, also when it fails in the end.
func (t *Topology) withdraw(ctx context.Context, c adapter.Call, have grants, wanted func(name string) bool) (changed bool, err error) {
	for _, name := range have.names() {
		if wanted(name) {
			continue
		}
		if binding := have.bindings[name]; binding != nil {
			emptied, err := t.empty(ctx, c, binding)
			changed = changed || emptied
			if err != nil {
				return changed, err
			}
			gone, err := remove(ctx, t, c, client[*rbacv1.RoleBinding](t.clients.roleBindings(c.Name)), name, c.Name, nil)
			changed = changed || gone.Action == topology.Deleted
			if err != nil {
				return changed, err
			}
		}
		if have.roles[name] != nil {
			gone, err := remove(ctx, t, c, client[*rbacv1.Role](t.clients.roles(c.Name)), name, c.Name, nil)
			changed = changed || gone.Action == topology.Deleted
			if err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

// empty takes the subjects out of a binding that finalizers would keep in force after it is deleted.
func (t *Topology) empty(ctx context.Context, c adapter.Call, binding *rbacv1.RoleBinding) (written bool, err error) {
	if len(binding.Finalizers) == 0 || len(binding.Subjects) == 0 {
		return false, nil
	}
	err = t.retry(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.roleBindings(c.Name).Get(ctx, binding.Name)
		if apierrors.IsNotFound(err) || err == nil && !owned(have, c.Name) {
			return nil
		}
		if err != nil || t.dry {
			return err
		}
		have.Subjects = nil
		return vanished(t.clients.roleBindings(c.Name).Update(ctx, have))
	})
	return err == nil, err
}

// ensureGrant tells whether it has written, also when it fails in the end, and what of it the port has no words for.
func (t *Topology) ensureGrant(ctx context.Context, c adapter.Call, grant topology.Grant, have grants) (written bool, fields []topology.FieldChange, err error) {
	name := rolePrefix + grant.Role
	role, err := t.keepRole(c, name, grant.Rules).ensure(ctx, t, known(have.roles[name]))
	if err != nil {
		return false, nil, err
	}
	written = role.Action != topology.Unchanged
	binding, err := t.keepBinding(c, name, grant.Subjects).ensure(ctx, t, known(have.bindings[name]))
	if err != nil {
		return written, nil, err
	}
	written = written || binding.Action != topology.Unchanged
	return written, prefixed("grants["+grant.Role+"].", slices.Concat(role.Fields, binding.Fields)), nil
}

// known is the object as it was read, or nil if there was none, which means to read again before writing.
func known[T any](object *T) **T {
	if object == nil {
		return nil
	}
	return &object
}

func (t *Topology) keepRole(c adapter.Call, name string, rules []rbac.Rule) keeper[*rbacv1.Role] {
	want := &rbacv1.Role{ObjectMeta: meta(c.Name, name, c.Name), Rules: renderRules(rules)}
	return keeper[*rbacv1.Role]{
		call: c, client: t.clients.roles(c.Name), tenant: c.Name, want: want,
		same: func(have *rbacv1.Role) bool { return sameRules(have.Rules, want.Rules) },
		merge: func(have *rbacv1.Role) *rbacv1.Role {
			to := have.DeepCopy()
			to.Rules = want.Rules
			return to
		},
		fields: func(have, _ *rbacv1.Role) []topology.FieldChange {
			return adapter.Diff(roleSpec{have.Rules}, roleSpec{renderRules(toRules(have.Rules))})
		},
	}
}

// sameRules compares all that there is in a rule.
func sameRules(a, b []rbacv1.PolicyRule) bool {
	return slices.EqualFunc(a, b, func(x, y rbacv1.PolicyRule) bool {
		return slices.Equal(x.Verbs, y.Verbs) && slices.Equal(x.APIGroups, y.APIGroups) && slices.Equal(x.Resources, y.Resources) &&
			slices.Equal(x.ResourceNames, y.ResourceNames) && slices.Equal(x.NonResourceURLs, y.NonResourceURLs)
	})
}

// roleSpec and bindingSpec name the fields of objects that have no specification of their own.
type roleSpec struct {
	Rules []rbacv1.PolicyRule `json:"rules"`
}

type bindingSpec struct {
	RoleRef  rbacv1.RoleRef   `json:"roleRef"`
	Subjects []rbacv1.Subject `json:"subjects"`
}

func (t *Topology) keepBinding(c adapter.Call, name string, subjects []rbac.Subject) keeper[*rbacv1.RoleBinding] {
	want := &rbacv1.RoleBinding{
		ObjectMeta: meta(c.Name, name, c.Name),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   renderSubjects(subjects),
	}
	return keeper[*rbacv1.RoleBinding]{
		call: c, client: t.clients.roleBindings(c.Name), tenant: c.Name, want: want,
		same: func(have *rbacv1.RoleBinding) bool {
			return have.RoleRef == want.RoleRef && slices.Equal(have.Subjects, want.Subjects)
		},
		merge: func(have *rbacv1.RoleBinding) *rbacv1.RoleBinding {
			to := have.DeepCopy()
			to.RoleRef, to.Subjects = want.RoleRef, want.Subjects
			return to
		},
		fields: func(have, to *rbacv1.RoleBinding) []topology.FieldChange {
			return adapter.Diff(bindingSpec{have.RoleRef, have.Subjects}, bindingSpec{to.RoleRef, renderSubjects(toSubjects(have.Subjects))})
		},
		replaceable: func(have *rbacv1.RoleBinding) bool { return have.RoleRef == want.RoleRef }, // a roleRef cannot be changed
	}
}

func renderRules(rules []rbac.Rule) []rbacv1.PolicyRule {
	var rendered []rbacv1.PolicyRule
	for _, r := range rules {
		rendered = append(rendered, rbacv1.PolicyRule{APIGroups: r.APIGroups, Resources: r.Resources, Verbs: r.Verbs, ResourceNames: r.ResourceNames})
	}
	return rendered
}

func toRules(rules []rbacv1.PolicyRule) []rbac.Rule {
	var read []rbac.Rule
	for _, r := range rules {
		read = append(read, rbac.Rule{APIGroups: r.APIGroups, Resources: r.Resources, Verbs: r.Verbs, ResourceNames: r.ResourceNames})
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
