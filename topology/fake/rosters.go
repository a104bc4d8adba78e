package fake

import (
	"context"
	"maps"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Tenants implements topology.Rosters.
func (t *Topology) Tenants(ctx context.Context) ([]topology.Namespace, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindTenants, t.name)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	var all []topology.Namespace
	for _, name := range slices.Sorted(maps.Keys(t.state.namespaces)) {
		if ns := t.state.namespaces[name]; ns.value.Managed {
			all = append(all, ns.value.Clone())
		}
	}
	return all, nil
}
