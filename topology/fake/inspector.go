package fake

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

// Inspect implements topology.Inspector.
func (t *Topology) Inspect(ctx context.Context) (topology.Inspection, error) {
	in := topology.Inspection{Topology: t.name, At: time.Now().UTC().Truncate(time.Second)}
	var err error
	if in.Readiness, err = t.Ready(ctx); err != nil {
		return topology.Inspection{}, err
	}
	if in.Platform, err = t.Platform(ctx); err != nil {
		return topology.Inspection{}, err
	}
	if in.Policies, err = t.NetworkPolicies(ctx, ""); err != nil {
		return topology.Inspection{}, err
	}
	if in.Grants, err = t.GrantsInForce(ctx); err != nil {
		return topology.Inspection{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	if t.state.guardrails != nil {
		in.Guardrails = t.state.guardrails.Clone()
	}
	for _, name := range slices.Sorted(maps.Keys(t.state.namespaces)) {
		in.Namespaces = append(in.Namespaces, t.state.namespaces[name].inspection())
	}
	return in, nil
}

// inspection returns a namespace with Polyphony's own values in it.
func (n *namespace) inspection() topology.NamespaceInspection {
	in := topology.NamespaceInspection{Namespace: n.value.Clone(), Labels: n.labels()}
	if !n.quota.foreign {
		in.Quota = n.quota.copied()
	}
	if !n.limitRange.foreign {
		in.LimitRange = n.limitRange.copied()
	}
	return in
}
