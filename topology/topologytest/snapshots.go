package topologytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// SnapshotsTopology is what Snapshots needs: namespaces to read.
type SnapshotsTopology interface {
	topology.Namespaces
	topology.Snapshots
}

// Snapshots checks the rules of topology.Snapshots.
func Snapshots[P SnapshotsTopology](t *testing.T, h Harness[P]) {
	RunCases(t, snapshotCases(h))
}

func snapshotCases[P SnapshotsTopology](h Harness[P]) []Case {
	level := func(t T, read topology.Namespaces, name string, live bool) topology.PodSecurity {
		t.Helper()
		ctx := t.Context()
		if live {
			ctx = topology.Live(ctx)
		}
		have, err := read.Namespace(ctx, name)
		require.NoError(t, err)
		return have.PodSecurity
	}
	place := func(t T) string {
		t.Helper()
		want := topology.Namespace{Name: newPlace(t, h.Topology), PodSecurity: topology.PodSecurityRestricted}
		_, err := h.Topology.EnsureNamespace(t.Context(), want)
		require.NoError(t, err)
		return want.Name
	}
	return []Case{
		{"After Refresh, a read returns the changes of other writers", func(t T) {
			name := place(t)
			require.Equal(t, topology.PodSecurityRestricted, level(t, h.Topology, name, false))
			h.Outsider.RemovePodSecurity(t, name)
			h.Topology.Refresh()
			require.Empty(t, level(t, h.Topology, name, false))
		}},
		{"A live read returns the changes of other writers without Refresh", func(t T) {
			name := place(t)
			require.Equal(t, topology.PodSecurityRestricted, level(t, h.Topology, name, false))
			h.Outsider.RemovePodSecurity(t, name)
			require.Empty(t, level(t, h.Topology, name, true))
		}},
		{"A read returns the topology's own changes without Refresh", func(t T) {
			name := place(t)
			require.Equal(t, topology.PodSecurityRestricted, level(t, h.Topology, name, false))
			want := topology.Namespace{Name: name, PodSecurity: topology.PodSecurityBaseline}
			_, err := h.Topology.EnsureNamespace(t.Context(), want)
			require.NoError(t, err)
			require.Equal(t, topology.PodSecurityBaseline, level(t, h.Topology, name, false))
		}},
	}
}
