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

var update = flag.Bool("update", false, "write testdata/output.txt anew")

func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }

func TestInMemory(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), "", &out))
	golden := filepath.Join("testdata", "output.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String(), "if this is as it should be: go test ./examples/isolation -update")
}

// A cluster answers as the model in memory does, but for its name.
func TestOnARealCluster(t *testing.T) {
	var onCluster, inMemory bytes.Buffer
	kubeconfig := testcluster.Use(t).Kubeconfig()
	require.NoError(t, run(t.Context(), kubeconfig, &onCluster))
	require.NoError(t, run(t.Context(), "", &inMemory))
	host := strings.TrimPrefix(testcluster.Use(t).URL(), "https://")
	same := regexp.MustCompile("(?m)^network enforcement declared: .*$") // a cluster may have a plugin that is recognised
	require.Equal(t, same.ReplaceAllString(strings.ReplaceAll(inMemory.String(), "on memory", "on "+host), ""), same.ReplaceAllString(onCluster.String(), ""))
}
