package fake

import (
	"context"
	"fmt"
	"slices"

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

func (s *state) authorize(q topology.AccessQuestion) topology.AccessAnswer {
	if slices.Contains(q.Groups, "system:masters") {
		return topology.AccessAnswer{Allowed: true, Reason: "the group system:masters may do everything"}
	}
	if ns := s.namespaces[q.Namespace]; ns != nil {
		for _, g := range ns.allGrants() {
			if subject := holder(g.Subjects, q); subject != "" && slices.ContainsFunc(g.Rules, func(r topology.Rule) bool { return allows(r, q) }) {
				return topology.AccessAnswer{Allowed: true, Reason: fmt.Sprintf("the role %s in %s, held by %s", g.Role, q.Namespace, subject)}
			}
		}
	}
	if slices.ContainsFunc(topology.ClusterReadRules(), func(r topology.Rule) bool { return allows(r, q) }) {
		for tenant, readers := range s.readers {
			for _, group := range readers.Groups {
				if slices.Contains(q.Groups, group) {
					return topology.AccessAnswer{Allowed: true, Reason: fmt.Sprintf("the group %s of %s reads workloads everywhere", group, tenant)}
				}
			}
		}
	}
	return topology.AccessAnswer{Reason: "nothing grants it"}
}

// allGrants are those of Polyphony and those of others.
func (n *namespace) allGrants() []topology.Grant {
	if n.access.value == nil {
		return n.grants
	}
	return slices.Concat(n.access.value.Grants, n.grants)
}

// holder is the first of the subjects that the question is asked for, or "".
func holder(subjects []topology.Subject, q topology.AccessQuestion) string {
	for _, s := range subjects {
		switch {
		case s.Kind == topology.Group && slices.Contains(q.Groups, s.Name), s.Kind == topology.User && q.User == s.Name,
			s.Kind == topology.ServiceAccount && q.User == "system:serviceaccount:"+s.Namespace+":"+s.Name:
			return string(s.Kind) + " " + s.Name
		}
	}
	return ""
}

func allows(r topology.Rule, q topology.AccessQuestion) bool {
	resource := q.Resource
	if q.Subresource != "" {
		resource += "/" + q.Subresource
	}
	return slices.Contains(r.Verbs, q.Verb) && slices.Contains(r.APIGroups, q.APIGroup) && slices.Contains(r.Resources, resource)
}
