package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

var update = flag.Bool("update", false, "rewrite testdata/output.txt")

func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }

const prefix = "demo-"

// requireGone fails if a tenant of the demo still exists.
func requireGone(t *testing.T, on topology.Namespaces, prefix string) {
	t.Helper()
	for _, name := range []string{"acme", "globex"} {
		_, err := on.Namespace(t.Context(), prefix+name)
		require.ErrorIs(t, err, topology.ErrNotFound)
	}
}

func TestRunInMemoryPrintsTheGoldenOutput(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, "", "", "polyphony-demo-"))
	golden := filepath.Join("testdata", "output.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String(), "to accept the output, run the test with -update")
}

// The program prints the same on a cluster as in memory, except the name of the topology and the
// reasons of answers.
func TestOnARealCluster(t *testing.T) {
	prefix := "quickstart-" + strings.ToLower(rand.Text()[:8]) + "-"
	kubeconfig := testcluster.Use(t).Kubeconfig()
	live, _, err := open(kubeconfig, "")
	require.NoError(t, err)

	var onCluster, inMemory bytes.Buffer
	require.NoError(t, run(t.Context(), &onCluster, kubeconfig, "", prefix))
	requireGone(t, live, prefix)
	require.NoError(t, run(t.Context(), &inMemory, "", "", prefix))
	require.Equal(t, acts(inMemory.String(), "memory"), acts(onCluster.String(), live.Name()))
}

// acts returns the output from the first headline on, without the name of the topology and the
// reasons of its answers.
func acts(output, name string) string {
	_, all, _ := strings.Cut(output, "--- ")
	return reasons.ReplaceAllString(strings.ReplaceAll(all, " on "+name, ""), "$1")
}

var reasons = regexp.MustCompile(`(?m)^(  Yes|  No).*$`)

func TestRunRefusesTenantsThatItDidNotMake(t *testing.T) {
	for name, occupy := range map[string]func(*fake.Topology){
		"a namespace of someone else": func(on *fake.Topology) {
			on.Outsider().CreateNamespace(prefix+"globex",
				"Helm")
		},
		"a tenant of polyphony": func(on *fake.Topology) {
			globex := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: prefix + "globex"}}
			_, err := score.Run(t.Context(), globex.On(on))
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			memory := fake.New(fake.Options{})
			occupy(memory)
			before := memory.Counts().Writes
			err := newDemo(io.Discard, memory, memory.DryRun(), prefix).run(t.Context())
			require.ErrorContains(t, err, "the namespace demo-globex exists and was not made by this program")
			require.Equal(t, before, memory.Counts().Writes)
		})
	}
}

// Each run fails at another write, until a run has no such write.
func TestRunCleansUpAfterEachFailure(t *testing.T) {
	for nth := 1; ; nth++ {
		memory := fake.New(fake.Options{})
		faulty := memory.WithFaults(fake.Fault{Op: "ensure", Nth: nth, Err: topology.ErrUnavailable})
		err := newDemo(io.Discard, faulty, memory.DryRun(), prefix).run(t.Context())
		requireGone(t, memory, prefix)
		if err == nil {
			require.Greater(t, nth, 30, "the faults had no effect")
			return
		}
		require.ErrorIs(t, err, topology.ErrUnavailable)
	}
}

// interrupter interrupts a run when it prints a text.
type interrupter struct {
	text      string
	interrupt context.CancelFunc
}

func (i interrupter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), i.text) {
		i.interrupt()
	}
	return len(p), nil
}

func TestRunCleansUpAfterAnInterrupt(t *testing.T) {
	for _, act := range []string{"Provision", "Run it again", "Drift", "Questions", "Off-board"} {
		t.Run(act, func(t *testing.T) {
			memory := fake.New(fake.Options{})
			ctx, interrupt := context.WithCancel(t.Context())
			err := newDemo(interrupter{act, interrupt}, memory, memory.DryRun(), prefix).run(ctx)
			require.ErrorIs(t, err, context.Canceled)
			requireGone(t, memory, prefix)
		})
	}
}

func TestRunRemovesTheTenantsOfAKilledRun(t *testing.T) {
	memory := fake.New(fake.Options{})
	killed := newDemo(io.Discard, memory, memory.DryRun(), prefix)
	require.NoError(t, killed.provision(t.Context()))

	var out bytes.Buffer
	require.NoError(t, newDemo(&out, memory, memory.DryRun(), prefix).run(t.Context()))
	require.Contains(t, out.String(), "An earlier run was killed")
	requireGone(t, memory, prefix)
}

func TestRunRefusesBadInput(t *testing.T) {
	require.Error(t, run(t.Context(), io.Discard, filepath.Join(t.TempDir(), "nothing"), "", prefix))
	require.ErrorIs(t, run(t.Context(), io.Discard, "", "", "Not A Name"), score.ErrInvalid)
}
