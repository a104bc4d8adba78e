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

// smallSource returns a module with two programs that build quickly.
func smallSource(t *testing.T) source {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "go.mod"), "module example.com/small\n\ngo 1.26.0\n")
	writeFile(t, filepath.Join(dir, "one", "main.go"), hello)
	writeFile(t, filepath.Join(dir, "two", "main.go"), hello)
	return source{dir: dir, version: "v1.2.3", programs: []program{
		{"one", "example.com/small/one"}, {"two", "example.com/small/two"},
	}}
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

// reportOften shortens the interval of progress reports for one test.
func reportOften(t *testing.T) {
	t.Helper()
	interval := progressInterval
	progressInterval = 10 * time.Millisecond
	t.Cleanup(func() { progressInterval = interval })
}

func TestBuildReportsProgress(t *testing.T) {
	reportOften(t)
	dir := filepath.Join(t.TempDir(), "cache")
	var log bytes.Buffer
	require.NoError(t, smallSource(t).buildMissing(t.Context(), &log, dir))
	require.NoError(t, exec.Command(filepath.Join(dir, "two")).Run())
	for _, want := range []string{
		"building Kubernetes v1.2.3 into " + dir,
		"building one (1 of 2)\n", "building one (1 of 2), ", " s so far\n", "built one (1 of 2) in",
		"building two (2 of 2)\n", "built two (2 of 2) in",
		"all built after",
	} {
		require.Contains(t, log.String(), want)
	}
}

func TestConcurrentBuildsBuildOnce(t *testing.T) {
	src, dir := smallSource(t), t.TempDir()
	unlock, err := lockFile(t.Context(), filepath.Join(dir, ".lock"), func() {})
	require.NoError(t, err)
	logs := make([]bytes.Buffer, 3)
	var group, waiting sync.WaitGroup
	waiting.Add(len(logs))
	for i := range logs {
		log := io.MultiWriter(&logs[i], onLine{"another process is building into " + dir, sync.OnceFunc(waiting.Done)})
		group.Go(func() { assert.NoError(t, src.buildMissing(t.Context(), log, dir)) })
	}
	waiting.Wait() // until all of them wait for the lock
	unlock()
	group.Wait()
	var all strings.Builder
	for i := range logs {
		all.WriteString(logs[i].String())
	}
	require.Equal(t, 1, strings.Count(all.String(), "built one"), all.String())
	require.Equal(t, 1, strings.Count(all.String(), "built two"), all.String())
}

func TestBuildContinuesAfterAFailure(t *testing.T) {
	src, dir := smallSource(t), t.TempDir()
	writeFile(t, filepath.Join(src.dir, "two", "main.go"), "package main\n\nfunc main() { nonsense() }\n")
	err := src.buildMissing(t.Context(), io.Discard, dir)
	require.ErrorContains(t, err, "build two in "+src.dir)
	require.ErrorContains(t, err, "undefined: nonsense", "the output of the compiler")
	require.Equal(t, []string{".lock", "one"}, fileNames(t, dir), "no temporary directory remains")

	writeFile(t, filepath.Join(src.dir, "two", "main.go"), hello)
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".building-killed"), 0o755))
	var log bytes.Buffer
	require.NoError(t, src.buildMissing(t.Context(), &log, dir))
	require.NotContains(t, log.String(), "building one")
	require.Equal(t, []string{".lock", "one", "two"}, fileNames(t, dir))
}

func TestBuildStopsWithItsContext(t *testing.T) {
	reportOften(t)
	src, dir := smallSource(t), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	require.ErrorIs(t, src.buildMissing(ctx, onLine{"so far", cancel}, dir), context.Canceled)
	require.Equal(t, []string{".lock"}, fileNames(t, dir))

	unlock, err := lockFile(t.Context(), filepath.Join(dir, ".lock"), func() {})
	require.NoError(t, err)
	defer unlock()
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	require.ErrorIs(t, src.buildMissing(ctx, onLine{"waiting for it", cancel}, dir), context.Canceled)
}

// onLine is a log that calls do for each line that contains the text.
type onLine struct {
	text string
	do   func()
}

func (l onLine) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(l.text)) {
		l.do()
	}
	return len(line), nil
}

func TestBuildNeedsGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := smallSource(t).buildMissing(t.Context(), io.Discard, t.TempDir())
	require.ErrorContains(t, err, "needs the go command")
}

func TestBuildRefusesACacheThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	err := smallSource(t).buildMissing(t.Context(), io.Discard, filepath.Join(file, "cache"))
	require.ErrorContains(t, err, "set POLYPHONY_TEST_CACHE")
}

func TestBuildReturnsCompleteAssets(t *testing.T) {
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
