package topologytest

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// Platforms checks the rules of topology.Platforms.
func Platforms[P topology.Platforms](t *testing.T, h Harness[P]) {
	RunCases(t, platformCases(h))
}

func platformCases[P topology.Platforms](h Harness[P]) []Case {
	read := func(t T) topology.Platform {
		t.Helper()
		p, err := h.Topology.Platform(t.Context())
		require.NoError(t, err)
		return p
	}
	return []Case{
		{"There are name servers, and no rule is open to every peer or every port", func(t T) {
			p := read(t)
			require.NotEmpty(t, p.DNS)
			for _, rule := range slices.Concat(p.DNS, p.APIServer) {
				require.NotEmpty(t, rule.Peers)
				require.NotEmpty(t, rule.Ports)
			}
			require.True(t, p.IPv4 || p.IPv6)
		}},
		{"Lists are sorted", func(t T) {
			p := read(t)
			require.True(t, slices.IsSortedFunc(p.OwnRanges, func(a, b netip.Prefix) int { return a.Compare(b) }))
			require.True(t, slices.IsSorted(p.ExtendedResources))
			require.True(t, slices.IsSortedFunc(p.StorageClasses, func(a, b topology.StorageClass) int {
				return strings.Compare(a.Name, b.Name)
			}))
		}},
		{"Values are not aliased", func(t T) {
			clear(read(t).DNS[0].Ports)
			require.NotZero(t, read(t).DNS[0].Ports[0])
		}},
		{"A cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Platform(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
