package topologytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// Topology checks the rules of topology.Topology.
func Topology[P topology.Topology](t *testing.T, h Harness[P]) {
	RunCases(t, topologyCases(h))
}

func topologyCases[P topology.Topology](h Harness[P]) []Case {
	return []Case{
		{"The name is constant and not empty", func(t T) {
			name := h.Topology.Name()
			require.NotEmpty(t, name)
			require.Equal(t, name, h.Topology.Name())
			require.Equal(t, name, h.DryRun.Name())
		}},
		{"A reachable topology reports its version and distribution, and no missing permission", func(t T) {
			ready, err := h.Topology.Ready(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, ready.Version)
			require.NotEmpty(t, ready.Distribution)
			require.Empty(t, ready.Missing)
		}},
		{"A cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Ready(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
