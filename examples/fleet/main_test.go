package main

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/progress"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

var update = flag.Bool("update", false, "rewrite the files of testdata")

func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(have), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), have, "if the new output is correct, run: go test ./examples/fleet -update")
}

// inMemoryFleet returns the fleet of a run without a kubeconfig, and the buffer that it prints to.
func inMemoryFleet(t *testing.T) (fleet, *bytes.Buffer) {
	t.Helper()
	clusters, err := open(t.Context(), nil)
	require.NoError(t, err)
	var out bytes.Buffer
	return fleet{clusters: clusters, roster: newRoster(), runner: score.Runner{Concurrency: 8}, out: &out}, &out
}

// tenants returns the names of the tenants of a cluster, without the prefix.
func tenants(t *testing.T, c cluster) (names []string) {
	t.Helper()
	all, err := c.Tenants(t.Context())
	require.NoError(t, err)
	for _, ns := range all {
		names = append(names, ns.Name[len(prefix):])
	}
	return names
}

func TestConvergeFinishesTheOtherClusters(t *testing.T) {
	f, out := inMemoryFleet(t)
	require.EqualError(t, f.converge(t.Context()), "1 of 3 clusters failed: east")
	golden(t, "output.txt", out.String())
	for i, c := range f.clusters {
		plan, err := roster.MakePlan(t.Context(), f.roster, c)
		require.NoError(t, err)
		require.Equal(t, i == 1, len(plan.Tenants) > 0, "only the failed cluster still differs from the roster: %s", c.Name())
	}
}

func TestPlanAndApplyPrintsThePlans(t *testing.T) {
	f, out := inMemoryFleet(t)
	require.EqualError(t, f.planAndApply(t.Context()), "1 of 3 clusters failed: east")
	golden(t, "plan.txt", out.String())
	require.Equal(t, []string{"acme", "globex", "initech"}, tenants(t, f.clusters[2]))
}

func TestConvergeReportsThatAllClustersMatch(t *testing.T) {
	for name, do := range map[string]func(fleet, context.Context) error{"converge": fleet.converge, "plan": fleet.planAndApply} {
		t.Run(name, func(t *testing.T) {
			f, out := inMemoryFleet(t)
			f.clusters = slices.Delete(f.clusters, 1, 2)
			require.NoError(t, do(f, t.Context()))
			require.Contains(t, out.String(), "all 2 clusters are as they should be\n")
		})
	}
}

func TestPlanAndApplySkipsAClusterWithoutAPlan(t *testing.T) {
	f, out := inMemoryFleet(t)
	memory := fake.New(fake.Options{Name: "north"})
	f.clusters = append(f.clusters[2:], cluster{memory, memory.WithFaults(fake.Fault{Op: "read", Kind: "Tenants", Err: topology.ErrUnavailable}).DryRun()})
	require.EqualError(t, f.planAndApply(t.Context()), "1 of 2 clusters failed: north")
	require.Contains(t, out.String(), "no plan: roster/fleet on north: tenants: read Tenants")
	require.Zero(t, memory.Counts().Writes)
	require.Equal(t, []string{"acme", "globex", "initech"}, tenants(t, f.clusters[0]))
}

func TestRemovedRosterRemovesAllTenants(t *testing.T) {
	f, _ := inMemoryFleet(t)
	f.roster = removed(f.roster)
	require.NoError(t, f.converge(t.Context()))
	for _, c := range f.clusters {
		require.Empty(t, tenants(t, c))
	}
}

func TestLogAndProgressBarObserveTheSameRun(t *testing.T) {
	f, _ := inMemoryFleet(t)
	var lines, bar bytes.Buffer
	log, show := score.Log(slog.New(slog.NewTextHandler(&lines, nil))), progress.Bar(&bar)
	f.runner.Observe = func(e score.Event) {
		log(e)
		show(e)
	}
	require.Error(t, f.converge(t.Context()))
	require.Contains(t, lines.String(), `level=ERROR msg="step failed" score=tenant/polyphony-fleet-acme topology=east`)
	require.Contains(t, lines.String(), `msg="run failed" done=11 failed=4 skipped=0`)
	require.Contains(t, bar.String(), "steps to do: 3\n11 of 15 steps done, 4 failed, after ")
}

func TestConvergeReportsAnUnreachableCluster(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(`{"apiVersion": "v1", "kind": "Config", "current-context": "x",
		"contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}], "users": [{"name": "x"}],
		"clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}]}`), 0o600))
	f, out := inMemoryFleet(t)
	remote, err := open(t.Context(), []string{kubeconfig})
	require.NoError(t, err)
	f.clusters = append(f.clusters[2:], remote...)
	f.roster.Wait = tenant.Duration(time.Second)
	require.EqualError(t, f.converge(t.Context()), "1 of 2 clusters failed: 127.0.0.1:1")
	require.Contains(t, out.String(), "--- roster/fleet on 127.0.0.1:1\n  x lease: ")
	require.Equal(t, []string{"acme", "globex", "initech"}, tenants(t, f.clusters[0]))
}

func TestOpenRefusesAMissingKubeconfig(t *testing.T) {
	_, err := open(t.Context(), []string{filepath.Join(t.TempDir(), "nothing")})
	require.Error(t, err)
}
