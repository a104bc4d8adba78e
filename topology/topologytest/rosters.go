package topologytest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// RostersTopology is what Rosters needs: tenants to list.
type RostersTopology interface {
	topology.Namespaces
	topology.Rosters
}

// Rosters checks the rules of topology.Rosters. Package tenanttest checks the runs over rosters.
func Rosters[P RostersTopology](t *testing.T, h Harness[P]) {
	RunCases(t, rosterCases(h))
}

func rosterCases[P RostersTopology](h Harness[P]) []Case {
	ensure := func(t T, roster string) string {
		t.Helper()
		want := topology.Namespace{
			Name: newPlace(t, h.Topology), PodSecurity: topology.PodSecurityRestricted, Roster: roster,
		}
		_, err := h.Topology.EnsureNamespace(t.Context(), want)
		require.NoError(t, err)
		return want.Name
	}
	return []Case{
		{"Tenants are listed by name, with their rosters, and without foreign namespaces", func(t T) {
			roster, foreign := NewName(), NewName()
			one, other, single := ensure(t, roster), ensure(t, NewName()), ensure(t, "")
			h.Outsider.CreateNamespace(t, foreign, "team-blue")
			all, err := h.Topology.Tenants(t.Context())
			require.NoError(t, err)
			require.True(t, slices.IsSortedFunc(all, func(a, b topology.Namespace) int {
				return strings.Compare(a.Name, b.Name)
			}))
			rosters := map[string]string{}
			for _, ns := range all {
				require.True(t, ns.Managed)
				rosters[ns.Name] = ns.Roster
			}
			require.Equal(t, roster, rosters[one])
			require.NotEmpty(t, rosters[other])
			require.NotEqual(t, roster, rosters[other])
			require.Contains(t, rosters, single)
			require.Empty(t, rosters[single])
			require.NotContains(t, rosters, foreign)
		}},
		{"A cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Tenants(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
