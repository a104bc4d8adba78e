package testcluster

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const hello = "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(1) }\n"

// small is a module with two programs that are built quickly.
func small(t *testing.T) source {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/small\n\ngo 1.26.0\n")
	writeFile(t, filepath.Join(dir, "one", "main.go"), hello)
	writeFile(t, filepath.Join(dir, "two", "main.go"), hello)
	return source{dir: dir, version: "v1.2.3", programs: []program{{"one", "example.com/small/one"}, {"two", "example.com/small/two"}}}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func fileNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestBuildShowsProgress(t *testing.T) {
	interval := progressInterval
	progressInterval = 10 * time.Millisecond
	t.Cleanup(func() { progressInterval = interval })
	dir := filepath.Join(t.TempDir(), "cache")
	var log bytes.Buffer
	require.NoError(t, small(t).provide(t.Context(), &log, dir))
	require.NoError(t, exec.Command(filepath.Join(dir, "two")).Run())
	for _, want := range []string{
		"building Kubernetes v1.2.3 into " + dir,
		"building one (1 of 2)\n", "building one (1 of 2), 0 s so far\n", "built one (1 of 2) in",
		"building two (2 of 2)\n", "built two (2 of 2) in",
		"all built after",
	} {
		require.Contains(t, log.String(), want)
	}
}

func TestBuildsAtOnceDoTheWorkOnce(t *testing.T) {
	src, dir := small(t), t.TempDir()
	logs := make([]bytes.Buffer, 3)
	var group sync.WaitGroup
	for i := range logs {
		group.Go(func() { assert.NoError(t, src.provide(t.Context(), &logs[i], dir)) })
	}
	group.Wait()
	var all strings.Builder
	for i := range logs {
		all.WriteString(logs[i].String())
	}
	require.Equal(t, 1, strings.Count(all.String(), "built one"), all.String())
	require.Equal(t, 1, strings.Count(all.String(), "built two"), all.String())
	require.Contains(t, all.String(), "another process is building into "+dir)
}

func TestBuildGoesOnWhereItFailed(t *testing.T) {
	src, dir := small(t), t.TempDir()
	writeFile(t, filepath.Join(src.dir, "two", "main.go"), "package main\n\nfunc main() { nonsense() }\n")
	err := src.provide(t.Context(), io.Discard, dir)
	require.ErrorContains(t, err, "build two in "+src.dir)
	require.ErrorContains(t, err, "undefined: nonsense", "the compiler's own words")
	require.Equal(t, []string{".lock", "one"}, fileNames(t, dir), "nothing unfinished")

	writeFile(t, filepath.Join(src.dir, "two", "main.go"), hello)
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".building-killed"), 0o755))
	var log bytes.Buffer
	require.NoError(t, src.provide(t.Context(), &log, dir))
	require.NotContains(t, log.String(), "building one")
	require.Equal(t, []string{".lock", "one", "two"}, fileNames(t, dir))
}

func TestBuildCanBeCancelled(t *testing.T) {
	src, dir := small(t), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, src.provide(ctx, io.Discard, dir), context.DeadlineExceeded)
	require.Equal(t, []string{".lock"}, fileNames(t, dir))

	unlock, err := lockFile(t.Context(), filepath.Join(dir, ".lock"), func() {})
	require.NoError(t, err)
	defer unlock()
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, src.provide(ctx, io.Discard, dir), context.DeadlineExceeded, "waiting for another")
}

func TestBuildNeedsGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := small(t).provide(t.Context(), io.Discard, t.TempDir())
	require.ErrorContains(t, err, "the go command is needed")
}

func TestBuildNeedsACacheThatCanBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	err := small(t).provide(t.Context(), io.Discard, filepath.Join(file, "cache"))
	require.ErrorContains(t, err, "set POLYPHONY_TEST_CACHE")
}

func TestAssetsAreUsedAsTheyAre(t *testing.T) {
	assets := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	for _, name := range []string{"etcd", "kube-apiserver"} { // all that envtest has
		writeFile(t, filepath.Join(assets, name), "")
		require.NoError(t, os.Chmod(filepath.Join(assets, name), 0o755))
	}
	_, err := Start(t.Context(), Options{Log: io.Discard})
	require.ErrorContains(t, err, assets+", which has no executable kube-controller-manager")

	writeFile(t, filepath.Join(assets, "kube-controller-manager"), "")
	_, err = Build(t.Context(), io.Discard)
	require.ErrorContains(t, err, "no executable kube-controller-manager")

	require.NoError(t, os.Chmod(filepath.Join(assets, "kube-controller-manager"), 0o755))
	dir, err := Build(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, assets, dir)
}
