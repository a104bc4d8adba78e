package testcluster

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// setAssets sets KUBEBUILDER_ASSETS to a directory with these scripts, and with the real programs
// for which there is no script.
func setAssets(t *testing.T, scripts map[string]string) {
	t.Helper()
	built, err := Build(t.Context(), os.Stderr)
	require.NoError(t, err)
	dir := t.TempDir()
	for _, name := range required {
		path := filepath.Join(dir, name)
		if script, ok := scripts[name]; ok {
			script = "#!/bin/sh\n" + strings.ReplaceAll(script, "REAL", filepath.Join(built, name))
			require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
		} else {
			require.NoError(t, os.Symlink(filepath.Join(built, name), path))
		}
	}
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	t.Setenv("TMPDIR", t.TempDir())
}

func TestStartQuotesAComponentThatEnds(t *testing.T) {
	for _, name := range required {
		t.Run(name, func(t *testing.T) {
			setAssets(t, map[string]string{name: "echo to stdout\necho to stderr >&2\nexit 3\n"})
			_, err := Start(t.Context(), Options{Log: io.Discard})
			require.ErrorContains(t, err, name+" ended by itself (exit status 3); the end of its log:\nto stdout\nto stderr")
			requireEmptyDir(t, os.Getenv("TMPDIR"))
		})
	}
}

func TestStartQuotesAComponentThatHangs(t *testing.T) {
	waiting := filepath.Join(t.TempDir(), "waiting")
	setAssets(t, map[string]string{"kube-apiserver": "echo waiting for Godot\ntouch " + waiting + "\nexec sleep 3600\n"})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	go func() { // the deadline passes once the component has written its log
		for ctx.Err() == nil {
			if _, err := os.Stat(waiting); err == nil {
				cancel(context.DeadlineExceeded)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	_, err := Start(ctx, Options{Log: io.Discard})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "kube-apiserver did not become ready")
	require.ErrorContains(t, err, "waiting for Godot")
	requireEmptyDir(t, os.Getenv("TMPDIR"))
}

// Another process may take the port before the component listens on it.
func TestStartTriesAnotherPort(t *testing.T) {
	const once = `
[ -e NAME.tried ] && exec REAL "$@"
touch NAME.tried
echo "listen tcp 127.0.0.1:1: bind: address already in use"
exit 1
`
	setAssets(t, map[string]string{
		"kube-apiserver":          strings.ReplaceAll(once, "NAME", "a"),
		"kube-controller-manager": strings.ReplaceAll(once, "NAME", "c"),
	})
	cluster, err := Start(t.Context(), Options{Log: io.Discard})
	require.NoError(t, err)
	require.NoError(t, cluster.Stop())
}

func TestLastLinesShortensALog(t *testing.T) {
	var log strings.Builder
	for i := range 100 {
		log.WriteString(strconv.Itoa(i) + "\n")
	}
	log.WriteString("\n\n")
	require.Equal(t, "98\n99", lastLines([]byte(log.String()), 2, 10))
	require.Equal(t, "0123456789 ...", lastLines([]byte("0123456789abc"), 2, 10))
	require.Empty(t, lastLines(nil, 2, 10))
}

func TestFreePortIsBelowTheRangeOfOutgoingConnections(t *testing.T) {
	for range 100 {
		port, err := freePort()
		require.NoError(t, err)
		require.True(t, 20000 <= port && port < 30000, port)
	}
}
