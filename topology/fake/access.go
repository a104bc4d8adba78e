package fake

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// ClusterReaders implements topology.ReadVisibility.
func (t *Topology) ClusterReaders(ctx context.Context, tenant string) (topology.ClusterReaders, error) {
	c := call{"read", "ClusterReaders", tenant}
	if err := t.begin(ctx, c); err != nil {
		return topology.ClusterReaders{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	readers, ok := t.state.readers[tenant]
	if !ok {
		return topology.ClusterReaders{}, c.fails(topology.ErrNotFound, "")
	}
	return readers.Clone(), nil
}

// EnsureClusterReaders implements topology.ReadVisibility.
func (t *Topology) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	if len(want.Groups) == 0 {
		return t.DeleteClusterReaders(ctx, want.Tenant)
	}
	c := call{"ensure", "ClusterReaders", want.Tenant}
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	change := topology.Change{Kind: c.kind, Name: c.name, Action: topology.Created}
	if have, ok := t.state.readers[want.Tenant]; ok {
		change.Action = topology.Unchanged
		if change.Fields = topology.Diff(have, want); len(change.Fields) > 0 {
			change.Action = topology.Updated
		}
	}
	if change.Action != topology.Unchanged {
		t.write(func() { t.state.readers[want.Tenant] = want.Clone() })
	}
	return change, t.end(c)
}

// DeleteClusterReaders implements topology.ReadVisibility.
func (t *Topology) DeleteClusterReaders(ctx context.Context, tenant string) (topology.Change, error) {
	c := call{"delete", "ClusterReaders", tenant}
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	change := topology.Change{Kind: c.kind, Name: c.name, Action: topology.Unchanged}
	if _, ok := t.state.readers[tenant]; ok {
		change.Action = topology.Deleted
		t.write(func() { delete(t.state.readers, tenant) })
	}
	return change, t.end(c)
}

// Authorize implements topology.Authorizer, from the grants and cluster readers of this infrastructure. As in Kubernetes, the group
// system:masters may do everything.
func (t *Topology) Authorize(ctx context.Context, q topology.AccessQuestion) (topology.AccessAnswer, error) {
	if err := t.begin(ctx, call{"ask", "Access", q.Namespace}); err != nil {
		return topology.AccessAnswer{}, err
	}
	if err := q.Check(); err != nil {
		return topology.AccessAnswer{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	return t.state.authorize(q), nil
}

// authorize answers from the grants that can matter: those in the namespace, and those of cluster readers.
func (s *state) authorize(q topology.AccessQuestion) topology.AccessAnswer {
	grants := s.readerGrants()
	if ns := s.namespaces[q.Namespace]; ns != nil {
		grants = append(grants, ns.grantsInForce()...)
	}
	return topology.NewGrantState(byBinding(grants)).Answer(q)
}

// GrantsInForce implements topology.GrantsInForce.
func (t *Topology) GrantsInForce(ctx context.Context) ([]topology.GrantInForce, error) {
	if err := t.begin(ctx, call{"read", "GrantsInForce", t.name}); err != nil {
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
func byBinding(grants []topology.GrantInForce) []topology.GrantInForce {
	slices.SortStableFunc(grants, func(a, b topology.GrantInForce) int { return strings.Compare(a.Binding, b.Binding) })
	return grants
}

func (s *state) readerGrants() []topology.GrantInForce {
	var grants []topology.GrantInForce
	for _, tenant := range slices.Sorted(maps.Keys(s.readers)) {
		grant := topology.GrantInForce{Binding: "ClusterRoleBinding of the cluster readers of " + tenant, Role: "ClusterRole polyphony-cluster-reader", Rules: topology.ClusterReadRules()}
		for _, group := range s.readers[tenant].Groups {
			grant.Subjects = append(grant.Subjects, topology.Subject{Kind: topology.Group, Name: group})
		}
		grants = append(grants, grant)
	}
	return grants
}

func (n *namespace) grantsInForce() []topology.GrantInForce {
	var grants []topology.GrantInForce
	add := func(name string, g topology.Grant) {
		at, g := n.value.Name+"/"+name, g.Clone()
		for i, s := range g.Subjects {
			if s.Kind == topology.ServiceAccount && s.Namespace == "" { // as in Kubernetes, it is the grant's own
				g.Subjects[i].Namespace = n.value.Name
			}
		}
		grants = append(grants, topology.GrantInForce{Binding: "RoleBinding " + at, Role: "Role " + at, Namespace: n.value.Name, Rules: g.Rules, Subjects: g.Subjects})
	}
	if n.access.value != nil {
		for _, g := range n.access.value.Grants {
			add("polyphony-"+g.Role, g)
		}
	}
	for _, g := range n.grants {
		add(g.Role, g)
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
