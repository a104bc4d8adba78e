// Package faketest has what tests of several packages need of the fake: [Infrastructure] for the
// rules of scoretest, and [Edited] to edit the changes that a Score gets.
package faketest

import (
	"context"
	"encoding/json"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// Infrastructure returns top for scoretest, after the steps in prepare.
func Infrastructure(
	t scoretest.T, top *fake.Topology, prepare ...score.Step,
) scoretest.Infrastructure[*fake.Topology] {
	if len(prepare) > 0 {
		_, err := score.Run(t.Context(), prepare...)
		require.NoError(t, err)
	}
	return scoretest.Infrastructure[*fake.Topology]{
		Topology: top, DryRun: top.DryRun(),
		Calls:  func() int { return top.Counts().Calls },
		Writes: func() int { return top.Counts().Writes },
		State: func() any {
			data, err := json.Marshal(top.State())
			require.NoError(t, err)
			return string(data)
		},
		CutAfter: func(n int) *fake.Topology {
			return top.WithFaults(fake.Fault{After: n, Err: scoretest.ErrCut})
		},
	}
}

// Edited is a fake that edits the changes that its Ensure methods return.
type Edited struct {
	*fake.Topology

	Edit func(*topology.Change)
}

// DryRun returns the dry run of the fake, edited in the same way.
func (e Edited) DryRun() Edited { return Edited{e.Topology.DryRun(), e.Edit} }

func (e Edited) edited(c topology.Change, err error) (topology.Change, error) {
	e.Edit(&c)
	return c, err
}

// EnsureNamespace implements topology.Namespaces.
func (e Edited) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	return e.edited(e.Topology.EnsureNamespace(ctx, want))
}

// EnsureQuota implements topology.Quotas.
func (e Edited) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	return e.edited(e.Topology.EnsureQuota(ctx, want))
}

// EnsureLimitRange implements topology.LimitRanges.
func (e Edited) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return e.edited(e.Topology.EnsureLimitRange(ctx, want))
}

// EnsureNetworkRules implements topology.NetworkIsolation.
func (e Edited) EnsureNetworkRules(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
	return e.edited(e.Topology.EnsureNetworkRules(ctx, want))
}

// EnsureAccess implements topology.AccessControl.
func (e Edited) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	return e.edited(e.Topology.EnsureAccess(ctx, want))
}

// EnsureClusterReaders implements topology.ReadVisibility.
func (e Edited) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	return e.edited(e.Topology.EnsureClusterReaders(ctx, want))
}

// EnsureGuardrails implements topology.Guardrails.
func (e Edited) EnsureGuardrails(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
	return e.edited(e.Topology.EnsureGuardrails(ctx, want))
}
