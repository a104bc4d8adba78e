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

// ClusterReaders implements topology.ReadVisibility.
func (t *Topology) ClusterReaders(ctx context.Context, tenant string) (topology.ClusterReaders, error) {
	c := adapter.Read(topology.KindClusterReaders, tenant)
	if err := t.begin(ctx, c); err != nil {
		return topology.ClusterReaders{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	readers, ok := t.state.readers[tenant]
	if !ok {
		return topology.ClusterReaders{}, c.Fail(topology.ErrNotFound, "")
	}
	return readers.Clone(), nil
}

// EnsureClusterReaders implements topology.ReadVisibility.
func (t *Topology) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	if len(want.Groups) == 0 {
		return t.DeleteClusterReaders(ctx, want.Tenant)
	}
	c := adapter.Ensure(topology.KindClusterReaders, want.Tenant)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	change := c.Created(want.Clone())
	if have, ok := t.state.readers[want.Tenant]; ok {
		change = c.Updated(have.Clone(), want.Clone(), adapter.Diff(have, want))
	}
	if change.Action != topology.Unchanged {
		t.write(func() { t.state.readers[want.Tenant] = want.Clone() })
	}
	return change, t.end(c)
}

// DeleteClusterReaders implements topology.ReadVisibility.
func (t *Topology) DeleteClusterReaders(ctx context.Context, tenant string) (topology.Change, error) {
	c := adapter.Delete(topology.KindClusterReaders, tenant)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	change := c.Unchanged()
	if have, ok := t.state.readers[tenant]; ok {
		change = c.Deleted(have.Clone())
		t.write(func() { delete(t.state.readers, tenant) })
	}
	return change, t.end(c)
}

// Authorize implements topology.Authorizer, from the grants and cluster readers of this infrastructure. As in Kubernetes, the group
// system:masters may do everything.
func (t *Topology) Authorize(ctx context.Context, q rbac.Question) (rbac.Answer, error) {
	if err := t.begin(ctx, adapter.Ask(topology.KindAccess, q.Namespace)); err != nil {
		return rbac.Answer{}, err
	}
	if err := q.Validate(); err != nil {
		return rbac.Answer{}, adapter.Ask(topology.KindAccess, q.Namespace).Invalid(err)
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	return t.state.authorize(q), nil
}

// authorize answers from the grants that can matter: those in the namespace, and those of cluster readers.
func (s *state) authorize(q rbac.Question) rbac.Answer {
	grants := s.readerGrants()
	if ns := s.namespaces[q.Namespace]; ns != nil {
		grants = append(grants, ns.grantsInForce()...)
	}
	return rbac.NewState(byBinding(grants)).Answer(q)
}

// GrantsInForce implements topology.GrantsInForce.
func (t *Topology) GrantsInForce(ctx context.Context) ([]rbac.Binding, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindGrantsInForce, t.name)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	grants := t.state.readerGrants()
	for _, ns := range t.state.namespaces {
		grants = append(grants, ns.grantsInForce()...)
	}
	return byBinding(grants), nil
}

// byBinding sorts grants by what grants.
func byBinding(grants []rbac.Binding) []rbac.Binding {
	slices.SortStableFunc(grants, rbac.Binding.Compare)
	return grants
}

func (s *state) readerGrants() []rbac.Binding {
	var grants []rbac.Binding
	for _, tenant := range slices.Sorted(maps.Keys(s.readers)) {
		grant := rbac.Binding{
			Kind: rbac.ClusterRoleBinding, Name: "polyphony-cluster-reader-" + tenant, Managed: true,
			Role: rbac.RoleRef{Kind: rbac.ClusterRole, Name: "polyphony-cluster-reader"}, Rules: topology.ClusterReadRules(),
		}
		for _, group := range s.readers[tenant].Groups {
			grant.Subjects = append(grant.Subjects, rbac.Subject{Kind: rbac.Group, Name: group})
		}
		grants = append(grants, grant)
	}
	return grants
}

func (n *namespace) grantsInForce() []rbac.Binding {
	var grants []rbac.Binding
	add := func(name string, managed bool, g topology.Grant) {
		g = g.Clone()
		for i, s := range g.Subjects {
			if s.Kind == rbac.ServiceAccount && s.Namespace == "" { // as in Kubernetes, it is the grant's own
				g.Subjects[i].Namespace = n.value.Name
			}
		}
		grants = append(grants, rbac.Binding{
			Kind: rbac.RoleBinding, Namespace: n.value.Name, Name: name, Role: rbac.RoleRef{Kind: rbac.Role, Name: name},
			Managed: managed, TenantRole: tenantRole(name), Rules: g.Rules, Subjects: g.Subjects,
		})
	}
	if n.access.value != nil {
		for _, g := range n.access.value.Grants {
			add(rolePrefix+g.Role, true, g)
		}
	}
	for _, g := range n.grants {
		add(g.Role, false, g)
	}
	return grants
}

// allGrants are those of Polyphony and those of others.
func (n *namespace) allGrants() []topology.Grant {
	if n.access.value == nil {
		return n.grants
	}
	return slices.Concat(n.access.value.Grants, n.grants)
}

// rolePrefix starts the names of Polyphony's own bindings.
const rolePrefix = "polyphony-"

// tenantRole returns the role of a tenant that a binding of this name stands for.
func tenantRole(name string) string {
	if role, ok := strings.CutPrefix(name, rolePrefix); ok {
		return role
	}
	return ""
}
