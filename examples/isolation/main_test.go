package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/testcluster"
)

var update = flag.Bool("update", false, "write testdata/output.txt")

func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }

func TestRunPrintsTheGoldenOutput(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), "", &out))
	golden := filepath.Join("testdata", "output.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String(), "to accept it: go test ./examples/isolation -update")
}

// Apart from its name and its network plugin, a cluster gives the same output as the fake.
func TestOnARealCluster(t *testing.T) {
	var onCluster, inMemory bytes.Buffer
	kubeconfig := testcluster.Use(t).Kubeconfig()
	require.NoError(t, run(t.Context(), kubeconfig, &onCluster))
	require.NoError(t, run(t.Context(), "", &inMemory))
	host := strings.TrimPrefix(testcluster.Use(t).URL(), "https://")
	plugin := regexp.MustCompile("(?m)^network enforcement declared: .*$")
	want := strings.ReplaceAll(inMemory.String(), "on memory", "on "+host)
	require.Equal(t, plugin.ReplaceAllString(want, ""), plugin.ReplaceAllString(onCluster.String(), ""))
}
