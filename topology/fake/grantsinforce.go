package fake

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const (
	rolePrefix    = "polyphony-" // starts the names of bindings that Polyphony manages
	clusterReader = "polyphony-cluster-reader"
)

// GrantsInForce implements topology.GrantsInForce.
func (t *Topology) GrantsInForce(ctx context.Context) ([]rbac.Binding, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindGrantsInForce, t.name)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	bindings := t.state.readerBindings()
	for _, ns := range t.state.namespaces {
		bindings = append(bindings, ns.bindings()...)
	}
	return sortBindings(bindings), nil
}

// sortBindings sorts a list in place and returns it.
func sortBindings(bindings []rbac.Binding) []rbac.Binding {
	slices.SortStableFunc(bindings, rbac.Binding.Compare)
	return bindings
}

// readerBindings returns the bindings of cluster readers.
func (s *state) readerBindings() []rbac.Binding {
	var bindings []rbac.Binding
	for _, tenant := range slices.Sorted(maps.Keys(s.readers)) {
		binding := rbac.Binding{
			Kind: rbac.ClusterRoleBinding, Name: clusterReader + "-" + tenant, Managed: true,
			Role:  rbac.RoleRef{Kind: rbac.ClusterRole, Name: clusterReader},
			Rules: topology.ClusterReadRules(),
		}
		for _, group := range s.readers[tenant].Groups {
			binding.Subjects = append(binding.Subjects, rbac.Subject{Kind: rbac.Group, Name: group})
		}
		bindings = append(bindings, binding)
	}
	return bindings
}

// bindings returns the bindings in a namespace, both those of Polyphony and those of others.
func (n *namespace) bindings() []rbac.Binding {
	var bindings []rbac.Binding
	if n.access.value != nil {
		for _, g := range n.access.value.Grants {
			bindings = append(bindings, n.binding(rolePrefix+g.Role, true, g))
		}
	}
	for _, g := range n.grants {
		bindings = append(bindings, n.binding(g.Role, false, g))
	}
	return bindings
}

// binding returns the binding that a grant is in force as.
func (n *namespace) binding(name string, managed bool, g topology.Grant) rbac.Binding {
	g = g.Clone()
	for i, s := range g.Subjects {
		if s.Kind == rbac.ServiceAccount && s.Namespace == "" { // as in Kubernetes: the binding's own
			g.Subjects[i].Namespace = n.value.Name
		}
	}
	return rbac.Binding{
		Kind: rbac.RoleBinding, Namespace: n.value.Name, Name: name,
		Role:    rbac.RoleRef{Kind: rbac.Role, Name: name},
		Managed: managed, TenantRole: tenantRole(name), Rules: g.Rules, Subjects: g.Subjects,
	}
}

// tenantRole returns the role of a tenant that a binding of this name stands for, or "".
func tenantRole(name string) string {
	if role, ok := strings.CutPrefix(name, rolePrefix); ok {
		return role
	}
	return ""
}
