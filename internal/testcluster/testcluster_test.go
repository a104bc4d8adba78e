package testcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	// These tests always start a cluster, even if those of other packages use an existing one.
	for _, name := range []string{"USE_EXISTING_CLUSTER", "KUBECONFIG", "KUBEBUILDER_ASSETS"} {
		_ = os.Unsetenv(name)
	}
	if os.Getenv(victim) != "" {
		runVictim()
	}
	os.Exit(Run(m))
}

// kubectl runs the kubectl of the same version, with this kubeconfig.
func kubectl(t *testing.T, kubeconfig, stdin string, args ...string) (string, error) {
	t.Helper()
	dir, err := Build(context.Background(), os.Stderr) // not t.Context(), which has ended in a cleanup
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(dir, "kubectl"), append([]string{"--kubeconfig=" + kubeconfig}, args...)...)
	cmd.Env = append(cmd.Environ(), "HOME="+t.TempDir()) // for its cache of discovery
	cmd.Stdin = strings.NewReader(stdin)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}

// mustKubectl is [kubectl] where it has to succeed.
func mustKubectl(t *testing.T, kubeconfig, stdin string, args ...string) string {
	t.Helper()
	out, err := kubectl(t, kubeconfig, stdin, args...)
	require.NoError(t, err)
	return out
}

// identity is whom the API server takes the user of a kubeconfig for.
type identity struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

func whoami(t *testing.T, kubeconfig string) identity {
	t.Helper()
	var review struct {
		Status struct {
			UserInfo identity `json:"userInfo"`
		} `json:"status"`
	}
	out := mustKubectl(t, kubeconfig, "", "auth", "whoami", "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(out), &review))
	return review.Status.UserInfo
}

func TestClusterHasThePinnedVersion(t *testing.T) {
	var version struct{ Major, Minor, GitVersion string }
	out := mustKubectl(t, Use(t).Kubeconfig(), "", "get", "--raw", "/version")
	require.NoError(t, json.Unmarshal([]byte(out), &version))
	require.Equal(t, "v1.36.3", version.GitVersion)
	require.Equal(t, "1", version.Major)
	require.Equal(t, "36", version.Minor)
}

func TestUseSharesOneCluster(t *testing.T) {
	first, second := Use(t), Use(t)
	require.Same(t, first, second)
	require.Regexp(t, `^https://127\.0\.0\.1:\d+$`, Use(t).URL())
}

func TestKubeconfigMayDoEverything(t *testing.T) {
	cluster := Use(t)
	require.Equal(t, identity{"admin", []string{"system:masters", "system:authenticated"}}, whoami(t, cluster.Kubeconfig()))
	require.Equal(t, "yes\n", mustKubectl(t, cluster.Kubeconfig(), "", "auth", "can-i", "*", "*", "-A"))
}

func TestKubeconfigForHasAnIdentityAndNoRights(t *testing.T) {
	path, err := Use(t).KubeconfigFor("ada", "acme-developers", "acme-auditors")
	require.NoError(t, err)
	who := whoami(t, path)
	require.Equal(t, "ada", who.Username)
	require.ElementsMatch(t, []string{"acme-developers", "acme-auditors", "system:authenticated"}, who.Groups)

	_, err = kubectl(t, path, "", "get", "secrets", "-n", "default")
	require.ErrorContains(t, err, `User "ada" cannot list resource "secrets"`)
}

func TestClusterRefusesAnonymousRequests(t *testing.T) {
	cluster := Use(t)
	transport := cluster.client.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = nil
	response, err := (&http.Client{Transport: transport}).Get(cluster.URL() + "/version")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)
}

func TestKubeconfigForWritesOneFilePerCall(t *testing.T) {
	cluster := Use(t)
	paths := make([]string, 8)
	var group sync.WaitGroup
	for i := range paths {
		group.Go(func() {
			var err error
			paths[i], err = cluster.KubeconfigFor("../same:name")
			assert.NoError(t, err)
		})
	}
	group.Wait()
	seen := map[string]bool{}
	for _, path := range paths {
		require.FileExists(t, path)
		require.Equal(t, filepath.Dir(cluster.Kubeconfig()), filepath.Dir(path))
		seen[path] = true
	}
	require.Len(t, seen, len(paths))

	_, err := cluster.KubeconfigFor("")
	require.ErrorContains(t, err, "name of a user")
}

func TestRestartAPIServerKeepsPortAndData(t *testing.T) {
	cluster := Use(t)
	url, pid := cluster.URL(), cluster.APIServerPID()
	mustKubectl(t, cluster.Kubeconfig(), "", "create", "configmap", "kept", "-n", "default", "--from-literal=a=b")

	require.NoError(t, cluster.RestartAPIServer(t.Context()))

	require.NotEqual(t, pid, cluster.APIServerPID())
	require.Equal(t, url, cluster.URL())
	require.Equal(t, "b", mustKubectl(t, cluster.Kubeconfig(), "", "get", "configmap", "kept", "-n", "default", "-o", "jsonpath={.data.a}"))
	mustKubectl(t, cluster.Kubeconfig(), "", "delete", "configmap", "kept", "-n", "default")
}

// KUBECONFIG names a file that does not exist, so the test also shows that Start ignores it.
func TestStopRemovesAllProcessesAndFiles(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "precious"))
	t.Setenv("TMPDIR", t.TempDir())
	var log bytes.Buffer
	cluster, err := Start(t.Context(), Options{Log: &log})
	require.NoError(t, err)
	require.Contains(t, log.String(), cluster.URL()+" ready after")
	require.NotEmpty(t, processesOf(t, os.Getenv("TMPDIR")))

	require.NoError(t, cluster.Stop())
	require.NoError(t, cluster.Stop(), "the second call does nothing")
	require.Empty(t, processesOf(t, os.Getenv("TMPDIR")))
	requireEmptyDir(t, os.Getenv("TMPDIR"))

	_, err = cluster.KubeconfigFor("ada")
	require.ErrorIs(t, err, errStopped)
	require.ErrorIs(t, cluster.RestartAPIServer(t.Context()), errStopped)
}

func TestStopKeepsTheDirectoryOfTheCaller(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "dir")
	cluster, err := Start(t.Context(), Options{Log: io.Discard, Dir: dir})
	require.NoError(t, err)
	require.NoError(t, cluster.Stop())
	require.FileExists(t, filepath.Join(dir, "kube-apiserver.log"))

	_, err = Start(t.Context(), Options{Log: io.Discard, Dir: dir})
	require.ErrorContains(t, err, "is not empty")
	require.FileExists(t, filepath.Join(dir, "kube-apiserver.log"), "a refused directory is not changed")
}

func TestStopReportsAComponentThatHadEnded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	cluster, err := Start(t.Context(), Options{Log: io.Discard})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(cluster.controller.cmd.Process.Pid, syscall.SIGKILL))
	<-cluster.controller.ended

	err = cluster.Stop()
	require.ErrorContains(t, err, "kube-controller-manager ended by itself (signal: killed)")
	require.NotContains(t, err.Error(), "etcd ended")
	requireEmptyDir(t, os.Getenv("TMPDIR"))
	require.Empty(t, processesOf(t, os.Getenv("TMPDIR")))
}

func TestStartWithACancelledContextLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{Log: io.Discard})
	require.ErrorIs(t, err, context.Canceled)
	requireEmptyDir(t, os.Getenv("TMPDIR"))
	require.Empty(t, processesOf(t, os.Getenv("TMPDIR")))
}
