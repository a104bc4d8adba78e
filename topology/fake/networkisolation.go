package fake

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
)

var networks = slotKind[topology.NetworkRules]{
	topology.KindNetworkRules, func(n *namespace) *slot[topology.NetworkRules] { return &n.network },
}

// NetworkRules implements topology.NetworkIsolation.
func (t *Topology) NetworkRules(ctx context.Context, namespace string) (topology.NetworkRules, error) {
	return networks.read(ctx, t, namespace)
}

// EnsureNetworkRules implements topology.NetworkIsolation.
func (t *Topology) EnsureNetworkRules(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
	return networks.ensure(ctx, t, want.Namespace, want)
}

// DeleteNetworkRules implements topology.NetworkIsolation.
func (t *Topology) DeleteNetworkRules(ctx context.Context, namespace string) (topology.Change, error) {
	return networks.remove(ctx, t, namespace)
}
