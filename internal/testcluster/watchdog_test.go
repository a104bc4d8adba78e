package testcluster

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// victim is an environment variable of the process that
// [TestWatchdogCleansUpAfterAKilledProcess] kills.
const victim = "TESTCLUSTER_TEST_VICTIM"

// runVictim starts a cluster and waits to be killed.
func runVictim() {
	if _, err := Start(context.Background(), Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("started")
	select {}
}

func TestWatchdogCleansUpAfterAKilledProcess(t *testing.T) {
	_, err := Build(t.Context(), os.Stderr) // so that the victim need not build
	require.NoError(t, err)
	for _, when := range []struct {
		name  string
		ready bool   // wait until the cluster is ready
		part  string // then wait for a process whose command line contains this
	}{
		{name: "while etcd starts", part: "/etcd --name"},
		{name: "while the API server starts", part: "/kube-apiserver --etcd-servers"},
		{name: "when it is ready", ready: true, part: "/kube-controller-manager --kubeconfig"},
	} {
		t.Run(when.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(cmd.Environ(), victim+"=yes", "TMPDIR="+dir)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			if when.ready {
				line, err := bufio.NewReader(out).ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, "started\n", line)
			}
			require.Eventually(t, func() bool {
				return strings.Contains(strings.Join(processesOf(t, dir), "\n"), when.part)
			}, startTimeout, time.Millisecond)

			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()

			require.Eventually(t, func() bool {
				entries, err := os.ReadDir(dir)
				return err == nil && len(entries) == 0 && len(processesOf(t, dir)) == 0
			}, startTimeout, 50*time.Millisecond)
		})
	}
}

// The watchdog gets the id of a process that is not of the cluster, as if the id had been reused.
func TestWatchdogSparesOtherProcesses(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command("sleep", "3600")
	require.NoError(t, other.Start())
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	dog, err := startWatchdog(dir, true)
	require.NoError(t, err)
	require.NoError(t, dog.watch(other.Process.Pid))

	require.NoError(t, dog.pipe.Close()) // as if this process had died
	require.NoError(t, dog.cmd.Wait())
	require.NoDirExists(t, dir)
	require.Contains(t, processList(t), fmt.Sprintf("%d ", other.Process.Pid))
}

func TestWatchFailsIfTheWatchdogHasEnded(t *testing.T) {
	dog, err := startWatchdog(t.TempDir(), false)
	require.NoError(t, err)
	require.NoError(t, dog.cmd.Process.Kill())
	_, _ = dog.cmd.Process.Wait()
	require.ErrorContains(t, dog.watch(1), "the watchdog has ended")
}

// processesOf returns the processes with the directory in their arguments. Zombies have none.
func processesOf(t *testing.T, dir string) (found []string) {
	t.Helper()
	for line := range strings.Lines(processList(t)) {
		if strings.Contains(line, dir) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func processList(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,args=").Output()
	require.NoError(t, err)
	return string(out)
}

func requireEmptyDir(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
