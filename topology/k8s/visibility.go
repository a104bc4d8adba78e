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

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Groups that may read everywhere are subjects of ClusterRoleBindings to one ClusterRole. RBAC goes through all ClusterRoleBindings of a cluster with every
// request, so there is a fixed number of them and not one for each tenant. A tenant's groups are written down in an annotation of
// the binding that its name falls into; the subjects are the sum of these.
const (
	readersRole        = "polyphony-cluster-reader"
	readersShards      = 16
	annotationReaders  = "readers." + topology.Prefix // and the tenant's name
	labelReadersBinder = topology.Prefix + "cluster-readers"
)

func readersBinding(tenant string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(tenant)) // never fails
	return fmt.Sprintf("%s-%x", readersRole, hash.Sum32()%readersShards)
}

// ClusterReaders implements topology.ReadVisibility.
func (t *Topology) ClusterReaders(ctx context.Context, tenant string) (topology.ClusterReaders, error) {
	c := adapter.Read(topology.KindClusterReaders, tenant)
	readers := topology.ClusterReaders{Tenant: tenant}
	err := t.retry(ctx, c, func(ctx context.Context) error {
		have, err := t.clients.clusterRoleBindings().Get(ctx, readersBinding(tenant))
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
	role, err := t.keepReadersRole(c).ensure(ctx, t, nil)
	if err != nil {
		return topology.Change{}, err
	}
	change, err := t.setReaders(ctx, c, want.Groups)
	if err == nil && change.Action == topology.Unchanged && role.Action != topology.Unchanged {
		change.Action, change.Fields = topology.Updated, slices.Concat(role.Fields, createdRole(role))
	}
	return change, err
}

// createdRole names a role that was missing.
func createdRole(role topology.Change) []topology.FieldChange {
	if role.Action != topology.Created {
		return nil
	}
	return []topology.FieldChange{{Path: "clusterRole", To: readersRole}}
}

// DeleteClusterReaders implements topology.ReadVisibility. The ClusterRole stays: it gives nothing to anybody by itself.
func (t *Topology) DeleteClusterReaders(ctx context.Context, tenant string) (topology.Change, error) {
	return t.setReaders(ctx, adapter.Delete(topology.KindClusterReaders, tenant), nil)
}

func (t *Topology) keepReadersRole(c adapter.Call) keeper[*rbacv1.ClusterRole] {
	want := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: readersRole, Labels: map[string]string{labelReadersBinder: "true"}},
		Rules:      renderRules(topology.ClusterReadRules()),
	}
	return keeper[*rbacv1.ClusterRole]{
		call: c, client: t.clients.clusterRoles(), want: want,
		same: func(have *rbacv1.ClusterRole) bool {
			return have.AggregationRule == nil && sameRules(have.Rules, want.Rules)
		},
		merge: func(have *rbacv1.ClusterRole) *rbacv1.ClusterRole {
			to := have.DeepCopy()
			to.Rules, to.AggregationRule = want.Rules, nil
			return to
		},
		owned: func(have *rbacv1.ClusterRole) bool { return have.Labels[labelReadersBinder] == "true" },
		fields: func(have, to *rbacv1.ClusterRole) []topology.FieldChange {
			type spec struct {
				Rules       []rbacv1.PolicyRule     `json:"rules"`
				Aggregation *rbacv1.AggregationRule `json:"aggregationRule"`
			}
			return prefixed("clusterRole.", adapter.Diff(spec{have.Rules, have.AggregationRule}, spec{to.Rules, to.AggregationRule}))
		},
	}
}

// setReaders writes the groups of one tenant into its binding, and makes the binding's subjects the sum of all tenants in it.
func (t *Topology) setReaders(ctx context.Context, c adapter.Call, groups []string) (topology.Change, error) {
	change := c.Unchanged()
	name := readersBinding(c.Name)
	bindings := t.clients.clusterRoleBindings()
	var replacing *rbacv1.ClusterRoleBinding // what has been deleted to be created anew, with the groups of all tenants
	err := t.retry(ctx, c, func(ctx context.Context) error {
		have, err := bindings.Get(ctx, name)
		missing := apierrors.IsNotFound(err)
		switch {
		case missing && replacing != nil:
			return bindings.Create(ctx, replacing)
		case missing && len(groups) == 0:
			return nil
		case missing:
			have = &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{labelReadersBinder: "true"}}}
		case err != nil:
			return err
		case have.Labels[labelReadersBinder] != "true" && len(groups) == 0:
			return nil // there are none of ours
		case have.Labels[labelReadersBinder] != "true":
			return c.Fail(topology.ErrConflict, "the ClusterRoleBinding "+name+" is not managed by polyphony; remove or rename it")
		}
		to := withReaders(have, c.Name, groups)
		if !missing && equality.Semantic.DeepEqual(have, to) {
			return nil
		}
		if change.Action == topology.Unchanged {
			change = readersChange(change, have, to)
		}
		if !missing && have.RoleRef != to.RoleRef && !t.dry { // which cannot be changed
			replacing = to.DeepCopy()
			replacing.ObjectMeta = metav1.ObjectMeta{Name: to.Name, Labels: to.Labels, Annotations: to.Annotations}
			if err := bindings.Delete(ctx, have); err != nil {
				return vanished(err)
			}
			return bindings.Create(ctx, replacing)
		}
		return t.writeReaders(ctx, to, missing)
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// writeReaders stores a binding. One that has no subjects left stays: it gives nothing, and there are few.
func (t *Topology) writeReaders(ctx context.Context, to *rbacv1.ClusterRoleBinding, missing bool) error {
	switch {
	case t.dry:
		return nil
	case missing:
		return t.clients.clusterRoleBindings().Create(ctx, to)
	default:
		return vanished(t.clients.clusterRoleBindings().Update(ctx, to))
	}
}

// readersChange says what becomes of one tenant's groups. Other repairs of a shared binding are named by its own fields.
func readersChange(change topology.Change, have, to *rbacv1.ClusterRoleBinding) topology.Change {
	before, after := readersOf(have, change.Name), readersOf(to, change.Name)
	if len(before) > 0 {
		change.Before = topology.ClusterReaders{Tenant: change.Name, Groups: before}
	}
	if len(after) > 0 {
		change.After = topology.ClusterReaders{Tenant: change.Name, Groups: after}
	}
	switch {
	case len(before) == 0 && len(after) > 0:
		change.Action = topology.Created
	case len(before) > 0 && len(after) == 0:
		change.Action = topology.Deleted
	default:
		change.Action = topology.Updated
		change.Fields = adapter.Diff(topology.ClusterReaders{Groups: before}, topology.ClusterReaders{Groups: after})
		if len(change.Fields) == 0 {
			change.Fields = append(adapter.Diff(bindingSpec{have.RoleRef, have.Subjects}, bindingSpec{to.RoleRef, to.Subjects}), ownerFields(have)...)
		}
	}
	return change
}

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

// readersOf are the groups written down for a tenant. What is not a list of ours counts as none, and Kubernetes' own groups are never ours.
func readersOf(binding *rbacv1.ClusterRoleBinding, tenant string) []string {
	var groups []string
	if json.Unmarshal([]byte(binding.Annotations[annotationReaders+tenant]), &groups) != nil {
		return nil
	}
	return slices.DeleteFunc(groups, func(group string) bool { return strings.HasPrefix(group, "system:") })
}
