package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
)

func Example() {
	if err := compose(context.Background(), os.Stdout, newSite()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// tenant/acme on site
	//   + Namespace acme created
	//   + NetworkRules acme created
	//   + Quota acme created
	//   + LimitRange acme created
	//   = Access acme unchanged
	//   = ClusterReaders acme unchanged
	// zone/acme.example.org on site
	//   + Zone acme.example.org created
	// tenant/globex on site
	//   + Namespace globex created
	//   + NetworkRules globex created
	//   + Quota globex created
	//   + LimitRange globex created
	//   = Access globex unchanged
	//   = ClusterReaders globex unchanged
	// zone/globex.example.org on site
	//   + Zone globex.example.org created
	// 10 created, 0 updated, 0 deleted, 4 unchanged
}

// A tenant that fails stops the steps that follow in its sequence, and nothing else.
func Example_failure() {
	on := newSite()
	on.Outsider().CreateNamespace("acme", "Helm")
	_ = compose(context.Background(), os.Stdout, on) // the report has the error too
	// Output:
	// tenant/acme on site
	//   x namespace: ensure Namespace "acme": exists and is not managed by polyphony, its owner is "Helm"; set tenantConfig.adopt to take it over
	// zone/acme.example.org on site
	//   x skipped, since tenant/acme on site failed
	// tenant/globex on site
	//   + Namespace globex created
	//   + NetworkRules globex created
	//   + Quota globex created
	//   + LimitRange globex created
	//   = Access globex unchanged
	//   = ClusterReaders globex unchanged
	// zone/globex.example.org on site
	//   + Zone globex.example.org created
	// 5 created, 0 updated, 0 deleted, 2 unchanged, 2 of 4 steps failed
}

func TestComposeTwiceChangesNothing(t *testing.T) {
	on := newSite()
	require.NoError(t, compose(t.Context(), io.Discard, on))
	writes := on.Counts().Writes
	report, err := score.Run(t.Context(),
		ZoneScore{Zone: "acme.example.org", Tenant: "acme"}.On(on), namedTenant("acme").On(on))
	require.NoError(t, err)
	require.False(t, report.Changed(), report.String())
	require.Equal(t, writes, on.Counts().Writes)
}

func TestZoneScoreRefusesTheZoneOfAnotherTenant(t *testing.T) {
	on := newSite()
	require.NoError(t, compose(t.Context(), io.Discard, on))
	_, err := score.Run(t.Context(), ZoneScore{Zone: "acme.example.org", Tenant: "globex"}.On(on))
	require.ErrorIs(t, err, topology.ErrConflict)
	zone, err := on.Zone(t.Context(), "acme.example.org")
	require.NoError(t, err)
	require.Equal(t, Zone{Name: "acme.example.org", Tenant: "acme", TTL: tenant.Duration(defaultTTL)}, zone)
}

func TestNameServersReportChangesOfAZone(t *testing.T) {
	on := newSite()
	require.NoError(t, compose(t.Context(), io.Discard, on))
	report, err := score.Run(t.Context(), ZoneScore{Zone: "acme.example.org", Tenant: "acme", TTL: tenant.Duration(time.Minute)}.On(on))
	require.NoError(t, err)
	updated := report.Changes()[0]
	require.Equal(t, topology.Updated, updated.Action)
	require.Equal(t, []topology.FieldChange{{Path: "ttl", From: "5m", To: "1m"}}, updated.Fields)
	require.Equal(t, Zone{Name: "acme.example.org", Tenant: "acme", TTL: tenant.Duration(time.Minute)}, updated.After)

	change, err := on.DeleteZone(t.Context(), "acme.example.org")
	require.NoError(t, err)
	require.Equal(t, topology.Deleted, change.Action)
	change, err = on.DeleteZone(t.Context(), "acme.example.org")
	require.NoError(t, err)
	require.Equal(t, topology.Unchanged, change.Action)
	_, err = on.Zone(t.Context(), "acme.example.org")
	require.ErrorIs(t, err, topology.ErrNotFound)
}

func TestZoneScoreValidateReportsEveryMistake(t *testing.T) {
	for _, ttl := range []time.Duration{-time.Second, 1500 * time.Millisecond} {
		_, err := score.Run(t.Context(), ZoneScore{Zone: "not a zone", Tenant: "", TTL: tenant.Duration(ttl)}.On(newSite()))
		require.ErrorIs(t, err, score.ErrInvalid)
		for _, path := range []string{"zone:", "tenant:", "ttl:"} {
			require.ErrorContains(t, err, path)
		}
	}
}

func TestZoneScoreHasAReadableTTLInJSON(t *testing.T) {
	s := ZoneScore{Zone: "acme.example.org", Tenant: "acme", TTL: tenant.Duration(90 * time.Second)}
	data, err := json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, `{"zone": "acme.example.org", "tenant": "acme", "ttl": "1m30s"}`, string(data))
	var read ZoneScore
	require.NoError(t, json.Unmarshal(data, &read))
	require.Equal(t, s, read)

	s.TTL = 0
	data, err = json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, `{"zone": "acme.example.org", "tenant": "acme"}`, string(data))
	require.Error(t, json.Unmarshal([]byte(`{"ttl": 300}`), &read), "a number has no unit")
}
