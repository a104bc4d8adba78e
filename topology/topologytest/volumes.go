package topologytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// Volumes checks the rules of topology.Volumes.
func Volumes[P topology.Volumes](t *testing.T, h Harness[P]) {
	RunCases(t, volumeCases(h))
}

func volumeCases[P topology.Volumes](h Harness[P]) []Case {
	return []Case{
		{"Claims are listed by name", func(t T) {
			name := h.newNamespace(t)
			for _, claim := range []string{"two", "one"} {
				h.Outsider.ClaimVolume(t, name, claim)
			}
			volumes, err := h.Topology.Volumes(t.Context(), name)
			require.NoError(t, err)
			require.Len(t, volumes, 2)
			require.Equal(t, "one", volumes[0].Name)
			require.Equal(t, "two", volumes[1].Name)
			require.Positive(t, volumes[0].Size.Sign())
		}},
		{"A namespace that does not exist has no volumes", func(t T) {
			volumes, err := h.Topology.Volumes(t.Context(), NewName())
			require.NoError(t, err)
			require.Empty(t, volumes)
		}},
		{"A cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Volumes(cancelled(t), "any")
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
