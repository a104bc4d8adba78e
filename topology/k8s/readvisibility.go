package k8s

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube/apply"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Groups that may read everywhere are subjects of ClusterRoleBindings to one ClusterRole. RBAC
// evaluates all ClusterRoleBindings for every request. So their number is fixed, instead of one for
// each tenant. A hash of the tenant's name selects the binding. The binding has an annotation for
// each of its tenants, with the groups of that tenant. Its subjects are the groups of all its
// annotations.
const (
	readersRole         = "polyphony-cluster-reader"
	readersBindings     = 16
	annotationReaders   = "readers." + topology.Prefix // the name of the tenant follows
	labelReadersBinding = topology.Prefix + "cluster-readers"
)

// readersBinding returns the name of the binding with a tenant's groups.
func readersBinding(tenant string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(tenant)) // never fails
	return fmt.Sprintf("%s-%x", readersRole, hash.Sum32()%readersBindings)
}

// ClusterReaders implements topology.ReadVisibility.
func (t *Topology) ClusterReaders(ctx context.Context, tenant string) (topology.ClusterReaders, error) {
	c := adapter.Read(topology.KindClusterReaders, tenant)
	readers := topology.ClusterReaders{Tenant: tenant}
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.ClusterRoleBindings.Get(ctx, "", readersBinding(tenant))
		if err != nil {
			return err
		}
		if readers.Groups = readersOf(have, tenant); len(readers.Groups) == 0 {
			return c.Fail(topology.ErrNotFound, "")
		}
		return nil
	})
	if err != nil {
		return topology.ClusterReaders{}, err
	}
	return readers, nil
}

// EnsureClusterReaders implements topology.ReadVisibility.
func (t *Topology) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	c := adapter.Ensure(topology.KindClusterReaders, want.Tenant)
	if len(want.Groups) == 0 {
		return t.setReaders(ctx, c, nil)
	}
	role, err := t.readersRoleTarget(c).Ensure(ctx, nil)
	if err != nil {
		return topology.Change{}, err
	}
	change, err := t.setReaders(ctx, c, want.Groups)
	if err != nil || role.Action == topology.Unchanged {
		return change, err
	}
	if change.Action == topology.Unchanged {
		change = c.Updated(want.Clone(), want.Clone(), slices.Concat(role.Fields, createdRole(role)))
	}
	change.Inexact = change.Action == topology.Updated // the groups had the rights of another role, or none
	return change, nil
}

// createdRole names a role that was missing.
func createdRole(role topology.Change) []topology.FieldChange {
	if role.Action != topology.Created {
		return nil
	}
	return []topology.FieldChange{{Path: "clusterRole", To: readersRole}}
}

// DeleteClusterReaders implements topology.ReadVisibility. The ClusterRole stays, since it gives no
// rights without a binding.
func (t *Topology) DeleteClusterReaders(ctx context.Context, tenant string) (topology.Change, error) {
	return t.setReaders(ctx, adapter.Delete(topology.KindClusterReaders, tenant), nil)
}

func (t *Topology) readersRoleTarget(c adapter.Call) apply.Target[*rbacv1.ClusterRole] {
	want := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: readersRole, Labels: map[string]string{labelReadersBinding: "true"}},
		Rules:      renderRules(topology.ClusterReadRules()),
	}
	return apply.Target[*rbacv1.ClusterRole]{
		Retry: t.retry, Call: c, Client: t.clients.ClusterRoles, Want: want,
		Owned: func(have *rbacv1.ClusterRole) bool { return have.Labels[labelReadersBinding] == "true" },
		Same: func(have *rbacv1.ClusterRole) bool {
			return have.AggregationRule == nil && sameRules(have.Rules, want.Rules)
		},
		Merge: func(have *rbacv1.ClusterRole) *rbacv1.ClusterRole {
			to := have.DeepCopy()
			to.Rules, to.AggregationRule = want.Rules, nil
			return to
		},
		Fields: func(have, to *rbacv1.ClusterRole) []topology.FieldChange {
			type spec struct {
				Rules       []rbacv1.PolicyRule     `json:"rules"`
				Aggregation *rbacv1.AggregationRule `json:"aggregationRule"`
			}
			fields := adapter.Diff(spec{have.Rules, have.AggregationRule}, spec{to.Rules, to.AggregationRule})
			return apply.Prefixed("clusterRole.", fields)
		},
	}
}

// setReaders writes the groups of one tenant into its binding, and makes the subjects of the
// binding the groups of all its tenants. A binding without subjects stays, since it gives no rights
// and there are few.
func (t *Topology) setReaders(ctx context.Context, c adapter.Call, groups []string) (topology.Change, error) {
	change := c.Unchanged()
	name := readersBinding(c.Name)
	bindings := t.clients.ClusterRoleBindings
	var replacement *rbacv1.ClusterRoleBinding // of a binding that is deleted, with the groups of all tenants
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		have, err := bindings.Get(ctx, "", name)
		missing := apierrors.IsNotFound(err)
		switch {
		case missing && replacement != nil:
			_, err := bindings.Create(ctx, replacement)
			return err
		case missing && len(groups) == 0:
			return nil
		case missing:
			have = &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{labelReadersBinding: "true"}},
			}
		case err != nil:
			return err
		case have.Labels[labelReadersBinding] != "true" && len(groups) == 0:
			return nil // the binding is foreign, and the tenant has no readers
		case have.Labels[labelReadersBinding] != "true":
			return c.Fail(topology.ErrConflict,
				"the ClusterRoleBinding "+name+" is not managed by polyphony; remove or rename it")
		}
		to := withReaders(have, c.Name, groups)
		if !missing && equality.Semantic.DeepEqual(have, to) {
			return nil
		}
		if change.Action == topology.Unchanged {
			change = readersChange(c, have, to)
		}
		switch {
		case missing:
			_, err = bindings.Create(ctx, to)
		case have.RoleRef != to.RoleRef: // an update cannot change the role
			replacement = to.DeepCopy()
			replacement.ObjectMeta = metav1.ObjectMeta{Name: to.Name, Labels: to.Labels, Annotations: to.Annotations}
			if err := apply.IgnoreNotFound(bindings.Delete(ctx, have)); err != nil {
				return err
			}
			_, err = bindings.Create(ctx, replacement)
		default:
			_, err = bindings.Update(ctx, to)
		}
		return err
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// readersChange returns the change of one tenant's groups. It names other repairs of the shared
// binding after fields of the binding.
func readersChange(c adapter.Call, have, to *rbacv1.ClusterRoleBinding) topology.Change {
	before := topology.ClusterReaders{Tenant: c.Name, Groups: readersOf(have, c.Name)}
	after := topology.ClusterReaders{Tenant: c.Name, Groups: readersOf(to, c.Name)}
	switch {
	case len(before.Groups) == 0 && len(after.Groups) > 0:
		return c.Created(after)
	case len(before.Groups) > 0 && len(after.Groups) == 0:
		return c.Deleted(before)
	}
	fields := adapter.Diff(before, after)
	if len(fields) == 0 {
		fields = adapter.Diff(bindingSpec{have.RoleRef, have.Subjects}, bindingSpec{to.RoleRef, to.Subjects})
		fields = append(fields, apply.OwnerFields(have)...)
	}
	change := topology.Change{
		Kind: c.Kind, Name: c.Name, Action: topology.Updated, Fields: fields, Before: before, After: after,
	}
	implied := withReaders(have, c.Name, before.Groups)
	change.Inexact = have.RoleRef != implied.RoleRef || !slices.Equal(have.Subjects, implied.Subjects)
	return change
}

// withReaders returns a copy of a binding with the groups of one tenant.
func withReaders(have *rbacv1.ClusterRoleBinding, tenant string, groups []string) *rbacv1.ClusterRoleBinding {
	to := have.DeepCopy()
	to.OwnerReferences = nil
	if to.Annotations == nil {
		to.Annotations = map[string]string{}
	}
	delete(to.Annotations, annotationReaders+tenant)
	if len(groups) > 0 {
		data, _ := json.Marshal(groups) // strings always marshal
		to.Annotations[annotationReaders+tenant] = string(data)
	}
	var all []string
	for key := range maps.Keys(to.Annotations) {
		if name, ok := strings.CutPrefix(key, annotationReaders); ok {
			all = append(all, readersOf(to, name)...)
		}
	}
	slices.Sort(all)
	to.Subjects = nil
	for _, group := range slices.Compact(all) {
		to.Subjects = append(to.Subjects, rbacv1.Subject{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: group})
	}
	to.RoleRef = rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: readersRole}
	return to
}

// readersOf returns the groups in the annotation of a tenant. An annotation that is no list counts
// as none, and Kubernetes' own groups are never a tenant's.
func readersOf(binding *rbacv1.ClusterRoleBinding, tenant string) []string {
	var groups []string
	if json.Unmarshal([]byte(binding.Annotations[annotationReaders+tenant]), &groups) != nil {
		return nil
	}
	return slices.DeleteFunc(groups, func(group string) bool { return strings.HasPrefix(group, "system:") })
}
