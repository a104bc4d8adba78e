package testcluster

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindSourceFromAnywhereInTheCheckout(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	want := filepath.Join(here, "binaries")
	// Nested modules have another go.mod on the way up.
	for _, start := range []string{".", "..", "binaries"} {
		src, err := findSourceAbove(filepath.Join(here, start))
		require.NoError(t, err)
		require.Equal(t, want, src.dir)
		require.Equal(t, "v1.36.3", src.version)
	}
	outside := t.TempDir()
	src, err := findSourceAbove(outside, here)
	require.NoError(t, err)
	require.Equal(t, want, src.dir)

	_, err = findSourceAbove(outside)
	require.ErrorContains(t, err, "no checkout of polyphony in or above "+outside)
	require.ErrorContains(t, err, "KUBEBUILDER_ASSETS")
}

func TestControlPlaneIsTheToolsOfTheModule(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("binaries", "go.mod"))
	require.NoError(t, err)
	block := regexp.MustCompile(`(?s)tool \((.*?)\)`).FindSubmatch(mod)
	require.NotNil(t, block)
	var packages []string
	for _, p := range controlPlane {
		packages = append(packages, p.pkg)
	}
	require.ElementsMatch(t, strings.Fields(string(block[1])), packages)
}

func TestCacheDirChangesWithTheModule(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("POLYPHONY_TEST_CACHE", cache)
	src, err := findSource()
	require.NoError(t, err)
	before, err := src.cacheDir()
	require.NoError(t, err)
	require.Equal(t, cache, filepath.Dir(before))
	require.Contains(t, filepath.Base(before), "v1.36.3-")
	again, err := src.cacheDir()
	require.NoError(t, err)
	require.Equal(t, before, again)

	src.sums = append(src.sums, "example.com/upgraded v1.0.0 h1:=\n"...)
	after, err := src.cacheDir()
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}

func TestReadSourceRefusesAModuleWithoutKubernetes(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/m\n")
	writeFile(t, filepath.Join(dir, "go.sum"), "")
	_, err := readSource(dir)
	require.ErrorContains(t, err, "requires no k8s.io/kubernetes")
}
