package topologytest

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// VolumeTopology is what Volumes tests.
type VolumeTopology interface {
	Base
	topology.Volumes
}

// Volumes checks the rules of topology.Volumes.
func Volumes[P VolumeTopology](t *testing.T, h Harness[P]) {
	runChecks(t, volumeChecks(h))
}

func volumeChecks[P VolumeTopology](h Harness[P]) []check {
	return []check{
		{"claims are listed by name", func(t T) {
			name := newNamespace(t, h.Topology)
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
		{"a namespace that does not exist has none", func(t T) {
			volumes, err := h.Topology.Volumes(t.Context(), newName())
			require.NoError(t, err)
			require.Empty(t, volumes)
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Volumes(cancelled(t), "any")
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}

// PlatformTopology is what Platforms tests.
type PlatformTopology interface {
	topology.Topology
	topology.Platforms
}

// Platforms checks the rules of topology.Platforms and of topology.Topology itself.
func Platforms[P PlatformTopology](t *testing.T, h Harness[P]) {
	runChecks(t, platformChecks(h))
}

func platformChecks[P PlatformTopology](h Harness[P]) []check {
	return []check{
		{"the name is constant and not empty", func(t T) {
			require.NotEmpty(t, h.Topology.Name())
			require.Equal(t, h.Topology.Name(), h.DryRun.Name())
		}},
		{"a reachable topology says what it is and lacks nothing", func(t T) {
			ready, err := h.Topology.Ready(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, ready.Version)
			require.NotEmpty(t, ready.Distribution)
			require.Empty(t, ready.Missing)
		}},
		{"there are name servers, on UDP and TCP, and no rule is about everybody", func(t T) {
			p, err := h.Topology.Platform(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, p.DNS)
			for _, rule := range slices.Concat(p.DNS, p.APIServer) {
				require.NotEmpty(t, rule.Peers)
				require.NotEmpty(t, rule.Ports)
			}
			require.True(t, p.IPv4 || p.IPv6)
			require.True(t, slices.IsSortedFunc(p.OwnRanges, func(a, b netip.Prefix) int { return a.Compare(b) }))
		}},
		{"values are not aliased", func(t T) {
			p, err := h.Topology.Platform(t.Context())
			require.NoError(t, err)
			clear(p.DNS[0].Ports)
			again, err := h.Topology.Platform(t.Context())
			require.NoError(t, err)
			require.NotZero(t, again.DNS[0].Ports[0])
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Platform(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
			_, err = h.Topology.Ready(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
