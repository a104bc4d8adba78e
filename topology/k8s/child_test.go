package k8s_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

// childScript is an environment variable with a script in JSON. The test binary then runs the
// script instead of tests.
const childScript = "POLYPHONY_TEST_CHILD"

// script is what a child process does.
type script struct {
	Kubeconfig string
	Provision  *tenant.TenantScore
	Offboard   *tenant.OffboardScore
	Roster     *roster.Score
	KillAfter  int // the number of writes before it is killed; 0: never

	Concurrency int // of tenants
	StallAt     int // the first write that hangs until the process is killed; 0: none

	Lease *topology.Lease // if set, the child only holds it until it is killed, and prints a line once it does
}

func (s script) step(top *k8s.Topology) score.Step {
	switch {
	case s.Offboard != nil:
		return s.Offboard.On(top)
	case s.Roster != nil:
		return s.Roster.On(top.Snapshot())
	default:
		return s.Provision.On(top)
	}
}

// runChild runs a script in a child process. It prints the error and returns the exit code.
func runChild(data string) int {
	err := func() error {
		var s script
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			return err
		}
		cfg, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig)
		if err != nil {
			return err
		}
		killer := &cutter{nth: s.KillAfter, after: true, cut: func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }}
		cfg.Wrap(killer.wrap)
		cfg.Wrap(stall(s.StallAt))
		top, err := k8s.New(cfg, k8s.Options{Name: "test"})
		if err != nil {
			return err
		}
		if s.Lease != nil {
			return holdUntilKilled(top, *s.Lease)
		}
		_, err = score.Runner{Concurrency: s.Concurrency}.Run(context.Background(), s.step(top))
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// command returns a command that runs the script in a child process.
func (s script) command(t *testing.T) (*exec.Cmd, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // the test binary itself
	cmd.Env = append(os.Environ(), childScript+"="+string(data))
	return cmd, nil
}

// run runs the script in a child process. An error contains the output.
func (s script) run(t *testing.T) error {
	cmd, err := s.command(t)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// runToKill runs the script in a child process. It reports whether the process was killed, and
// fails if the process returned an error.
func runToKill(t *testing.T, s script) (killed bool) {
	t.Helper()
	err := s.run(t)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			require.Equal(t, syscall.SIGKILL, status.Signal())
			return true
		}
	}
	require.NoError(t, err)
	return false
}
