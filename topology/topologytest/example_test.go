package topologytest_test

import (
	"context"
	"sync"
	"testing"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// shelf is a third party's adapter whose only capability is Quotas.
type shelf struct {
	*shelves

	dry bool
}

type shelves struct {
	mu         sync.Mutex
	namespaces map[string]*topology.Quota // nil: a namespace without a quota
	foreign    map[string]bool
}

func (s shelf) Quota(_ context.Context, namespace string) (topology.Quota, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.namespaces[namespace]
	if have == nil || s.foreign[namespace] {
		return topology.Quota{}, adapter.Read(topology.KindQuota, namespace).Fail(topology.ErrNotFound, "")
	}
	return have.Clone(), nil
}

func (s shelf) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	call := adapter.Ensure(topology.KindQuota, want.Namespace)
	if ctx.Err() != nil {
		return topology.Change{}, call.Stopped(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	have, exists := s.namespaces[want.Namespace]
	switch {
	case !exists && !s.dry:
		return topology.Change{}, call.Fail(topology.ErrNotFound, "the namespace does not exist")
	case s.foreign[want.Namespace]:
		return topology.Change{}, call.Fail(topology.ErrConflict, "the quota is foreign")
	}
	change := call.Created(want.Clone())
	if have != nil {
		fields := adapter.Diff(*have, want)
		change = call.Updated(have.Clone(), want.Clone(), fields)
		if len(fields) == 0 {
			change = call.Unchanged()
		}
	}
	if !s.dry {
		s.namespaces[want.Namespace] = new(want.Clone())
	}
	return change, nil
}

func (s shelf) DeleteQuota(ctx context.Context, namespace string) (topology.Change, error) {
	call := adapter.Delete(topology.KindQuota, namespace)
	if ctx.Err() != nil {
		return topology.Change{}, call.Stopped(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.namespaces[namespace]
	if have == nil || s.foreign[namespace] {
		return call.Unchanged(), nil
	}
	if !s.dry {
		s.namespaces[namespace] = nil
	}
	return call.Deleted(have.Clone()), nil
}

func (s shelf) AwaitQuota(ctx context.Context, namespace string) error {
	if s.dry {
		return nil
	}
	_, err := s.Quota(ctx, namespace)
	return err
}

// neighbour is the part of an Outsider that the suite of quotas needs.
type neighbour struct {
	topologytest.Outsider
	*shelves
}

func (n neighbour) Occupy(_ topologytest.T, namespace string, _ topology.Kind) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.namespaces[namespace], n.foreign[namespace] = &topology.Quota{}, true
}

func (n neighbour) Occupied(_ topologytest.T, namespace string, _ topology.Kind) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.foreign[namespace] && n.namespaces[namespace] != nil && len(n.namespaces[namespace].Hard) == 0
}

// newHarness describes the adapter to the suite. The adapter cannot create namespaces, so the
// harness says how a case gets one.
func newHarness() topologytest.Harness[shelf] {
	s := &shelves{namespaces: map[string]*topology.Quota{}, foreign: map[string]bool{}}
	return topologytest.Harness[shelf]{
		Topology: shelf{shelves: s},
		DryRun:   shelf{shelves: s, dry: true},
		Outsider: neighbour{shelves: s},
		NewNamespace: func(topologytest.T) string {
			name := topologytest.NewName()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.namespaces[name] = nil
			return name
		},
	}
}

// An adapter that implements one capability runs one suite, in a test of its own package.
func Example() {
	TestConformance := func(t *testing.T) { topologytest.Quotas(t, newHarness()) }
	_ = TestConformance // in a test, it is a function of the package
}
