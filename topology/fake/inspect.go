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
		ns := t.state.namespaces[name]
		inspected := topology.NamespaceInspection{Namespace: ns.value.Clone(), Labels: ns.labels()}
		if !ns.quota.foreign {
			inspected.Quota = ns.quota.copied()
		}
		if !ns.limitRange.foreign {
			inspected.LimitRange = ns.limitRange.copied()
		}
		in.Namespaces = append(in.Namespaces, inspected)
	}
	return in, nil
}
