package fake

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Authorize implements topology.Authorizer from the grants and cluster readers that are stored. As
// in Kubernetes, the group system:masters may do everything.
func (t *Topology) Authorize(ctx context.Context, q rbac.Question) (rbac.Answer, error) {
	c := adapter.Ask(topology.KindAccess, q.Namespace)
	if err := t.begin(ctx, c); err != nil {
		return rbac.Answer{}, err
	}
	if err := q.Validate(); err != nil {
		return rbac.Answer{}, c.Invalid(err)
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	return t.state.authorize(q), nil
}

// authorize answers from the bindings of the namespace and of cluster readers.
func (s *state) authorize(q rbac.Question) rbac.Answer {
	bindings := s.readerBindings()
	if ns := s.namespaces[q.Namespace]; ns != nil {
		bindings = append(bindings, ns.bindings()...)
	}
	return rbac.NewState(sortBindings(bindings)).Answer(q)
}
