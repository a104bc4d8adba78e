package k8s

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/apply"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// rolePrefix is the beginning of the names of Roles and RoleBindings. The role follows.
const rolePrefix = objectName + "-"

// Access implements topology.AccessControl. A grant is a Role and a RoleBinding of the same name.
func (t *Topology) Access(ctx context.Context, namespace string) (topology.Access, error) {
	c := adapter.Read(topology.KindAccess, namespace)
	have, err := t.readGrants(ctx, c)
	if err != nil {
		return topology.Access{}, err
	}
	if have.none() {
		return topology.Access{}, c.Fail(topology.ErrNotFound, "")
	}
	return have.access(namespace), nil
}

// EnsureAccess implements topology.AccessControl. It repairs a role before it binds it, so that no
// new subject gets rules that another client has added.
func (t *Topology) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	c := adapter.Ensure(topology.KindAccess, want.Namespace)
	if len(want.Grants) == 0 {
		return t.withdrawAll(ctx, c)
	}
	have, err := t.readGrants(ctx, c)
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
	var inexact bool
	for i := 0; i < len(want.Grants) && err == nil; i++ {
		var done ensuredGrant
		if done, err = t.ensureGrant(ctx, c, want.Grants[i], have); err == nil {
			reached.Grants = append(reached.Grants, want.Grants[i])
		}
		changed = changed || done.written
		inexact = inexact || done.inexact
		fields = append(fields, done.fields...)
	}
	switch {
	case !changed && err != nil:
		return topology.Change{}, err
	case !changed:
		return c.Unchanged(), nil
	case have.none():
		return c.Created(reached.Clone()), err
	}
	before := have.access(want.Namespace)
	return topology.Change{
		Kind: c.Kind, Name: c.Name, Action: topology.Updated, Before: before, After: reached.Clone(), Inexact: inexact,
		Fields: append(adapter.Diff(before, reached), fields...),
	}, err
}

// DeleteAccess implements topology.AccessControl.
func (t *Topology) DeleteAccess(ctx context.Context, namespace string) (topology.Change, error) {
	return t.withdrawAll(ctx, adapter.Delete(topology.KindAccess, namespace))
}

// storedGrants are the Roles and RoleBindings of Polyphony in a namespace.
type storedGrants struct {
	roles    map[string]*rbacv1.Role // by name
	bindings map[string]*rbacv1.RoleBinding

	// foreign are the bindings with a name of Polyphony but without its label. Polyphony cannot
	// withdraw the rights that they give.
	foreign []string
}

// readGrants reads the Roles and RoleBindings of a namespace.
func (t *Topology) readGrants(ctx context.Context, c adapter.Call) (storedGrants, error) {
	var have storedGrants
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		have = storedGrants{roles: map[string]*rbacv1.Role{}, bindings: map[string]*rbacv1.RoleBinding{}}
		roles, err := kube.All(ctx, t.clients.Roles, c.Name, "")
		if err != nil {
			return err
		}
		bindings, err := kube.All(ctx, t.clients.RoleBindings, c.Name, "")
		if err != nil {
			return err
		}
		for _, role := range roles {
			if owned(role, c.Name) {
				have.roles[role.Name] = role
			}
		}
		for _, binding := range bindings {
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

// check refuses foreign bindings, which cannot be withdrawn.
func (g storedGrants) check(c adapter.Call) error {
	if len(g.foreign) == 0 {
		return nil
	}
	return c.Fail(topology.ErrConflict, fmt.Sprintf(
		"the role bindings %q have names of polyphony but not its label; remove or rename them", g.foreign))
}

func (g storedGrants) none() bool { return len(g.roles)+len(g.bindings) == 0 }

// names returns the names of the objects, sorted.
func (g storedGrants) names() []string {
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

func (g storedGrants) access(namespace string) topology.Access {
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

func (t *Topology) withdrawAll(ctx context.Context, c adapter.Call) (topology.Change, error) {
	have, err := t.readGrants(ctx, c)
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

// withdraw removes the grants that are not wanted: bindings first, since they give the rights. It
// reports whether it has removed anything, also if it fails later.
func (t *Topology) withdraw(
	ctx context.Context, c adapter.Call, have storedGrants, wanted func(name string) bool,
) (changed bool, err error) {
	for _, name := range have.names() {
		if wanted(name) {
			continue
		}
		if binding := have.bindings[name]; binding != nil {
			removed, err := t.removeBinding(ctx, c, binding)
			changed = changed || removed
			if err != nil {
				return changed, err
			}
		}
		if have.roles[name] != nil {
			change, err := apply.Removal[*rbacv1.Role]{
				Retry: t.retry, Call: c, Client: t.clients.Roles,
				Namespace: c.Name, Name: name, Owned: ownedBy[*rbacv1.Role](c.Name),
			}.Delete(ctx)
			changed = changed || change.Action == topology.Deleted
			if err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

// removeBinding empties and deletes a binding. It reports whether it has written, also if it fails
// later.
func (t *Topology) removeBinding(
	ctx context.Context, c adapter.Call, binding *rbacv1.RoleBinding,
) (written bool, err error) {
	written, err = t.emptyBinding(ctx, c, binding)
	if err != nil {
		return written, err
	}
	change, err := apply.Removal[*rbacv1.RoleBinding]{
		Retry: t.retry, Call: c, Client: t.clients.RoleBindings,
		Namespace: c.Name, Name: binding.Name, Owned: ownedBy[*rbacv1.RoleBinding](c.Name),
	}.Delete(ctx)
	return written || change.Action == topology.Deleted, err
}

// emptyBinding takes the subjects out of a binding with finalizers, which would keep it in force
// after it is deleted.
func (t *Topology) emptyBinding(
	ctx context.Context, c adapter.Call, binding *rbacv1.RoleBinding,
) (written bool, err error) {
	if len(binding.Finalizers) == 0 || len(binding.Subjects) == 0 {
		return false, nil
	}
	err = t.retry.Do(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.RoleBindings.Get(ctx, c.Name, binding.Name)
		if apierrors.IsNotFound(err) || err == nil && !owned(have, c.Name) {
			return nil
		}
		if err != nil {
			return err
		}
		have.Subjects = nil
		_, err = t.clients.RoleBindings.Update(ctx, have)
		return err
	})
	return err == nil, err
}

// ensuredGrant is the outcome of ensureGrant, also if it fails.
type ensuredGrant struct {
	written bool
	inexact bool                   // as in topology.Change
	fields  []topology.FieldChange // that topology.Grant cannot express
}

func (t *Topology) ensureGrant(
	ctx context.Context, c adapter.Call, grant topology.Grant, have storedGrants,
) (done ensuredGrant, err error) {
	name := rolePrefix + grant.Role
	role, err := t.roleTarget(c, name, grant.Rules).Ensure(ctx, have.roles[name])
	if err != nil {
		return done, err
	}
	done.written, done.inexact = role.Action != topology.Unchanged, role.Inexact
	binding, err := t.bindingTarget(c, name, grant.Subjects).Ensure(ctx, have.bindings[name])
	if err != nil {
		return done, err
	}
	done.written = done.written || binding.Action != topology.Unchanged
	done.inexact = done.inexact || binding.Inexact
	done.fields = apply.Prefixed("grants["+grant.Role+"].", slices.Concat(role.Fields, binding.Fields))
	return done, nil
}

func (t *Topology) roleTarget(c adapter.Call, name string, rules []rbac.Rule) apply.Target[*rbacv1.Role] {
	want := &rbacv1.Role{ObjectMeta: meta(c.Name, name, c.Name), Rules: renderRules(rules)}
	beyond := func(have *rbacv1.Role) []topology.FieldChange {
		return adapter.Diff(roleSpec{have.Rules}, roleSpec{renderRules(toRules(have.Rules))})
	}
	return apply.Target[*rbacv1.Role]{
		Retry: t.retry, Call: c, Client: t.clients.Roles, Owned: ownedBy[*rbacv1.Role](c.Name), Want: want,
		Same: func(have *rbacv1.Role) bool { return sameRules(have.Rules, want.Rules) },
		Merge: func(have *rbacv1.Role) *rbacv1.Role {
			to := have.DeepCopy()
			to.Rules = want.Rules
			return to
		},
		Fields:  func(have, _ *rbacv1.Role) []topology.FieldChange { return beyond(have) },
		Inexact: func(have *rbacv1.Role) bool { return len(beyond(have)) > 0 },
	}
}

func (t *Topology) bindingTarget(
	c adapter.Call, name string, subjects []rbac.Subject,
) apply.Target[*rbacv1.RoleBinding] {
	want := &rbacv1.RoleBinding{
		ObjectMeta: meta(c.Name, name, c.Name),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects:   renderSubjects(subjects),
	}
	beyond := func(have *rbacv1.RoleBinding) []topology.FieldChange {
		return adapter.Diff(
			bindingSpec{have.RoleRef, have.Subjects}, bindingSpec{want.RoleRef, renderSubjects(toSubjects(have.Subjects))})
	}
	sameRole := func(have *rbacv1.RoleBinding) bool { return have.RoleRef == want.RoleRef }
	return apply.Target[*rbacv1.RoleBinding]{
		Retry: t.retry, Call: c, Client: t.clients.RoleBindings, Owned: ownedBy[*rbacv1.RoleBinding](c.Name), Want: want,
		Same: func(have *rbacv1.RoleBinding) bool {
			return sameRole(have) && slices.Equal(have.Subjects, want.Subjects)
		},
		Merge: func(have *rbacv1.RoleBinding) *rbacv1.RoleBinding {
			to := have.DeepCopy()
			to.RoleRef, to.Subjects = want.RoleRef, want.Subjects
			return to
		},
		Fields:      func(have, _ *rbacv1.RoleBinding) []topology.FieldChange { return beyond(have) },
		Inexact:     func(have *rbacv1.RoleBinding) bool { return len(beyond(have)) > 0 },
		Replaceable: sameRole, // an update cannot change the role
	}
}
