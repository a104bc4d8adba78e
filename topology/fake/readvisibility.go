package fake

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
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
	var stored *topology.ClusterReaders
	if have, ok := t.state.readers[want.Tenant]; ok {
		stored = &have
	}
	change := changeTo(c, stored, want)
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
