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

// childScript names the variable that makes the test binary a program that runs one Score, and is
// killed at a certain write.
const childScript = "POLYPHONY_TEST_CHILD"

// script is what a child does.
type script struct {
	Kubeconfig string
	Provision  *tenant.TenantScore
	Offboard   *tenant.OffboardScore
	Roster     *roster.Score
	KillAfter  int // so many writes; 0: never

	Concurrency int // of tenants
	StallAt     int // the write from which on every write waits until the program is killed; 0: none

	Lease *topology.Lease // to hold until it is killed, and nothing else; it says so in a line
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

// runChild is the program. It prints what failed and returns the exit code.
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

// command is a program of its own that runs the script.
func (s script) command(t *testing.T) (*exec.Cmd, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // the test binary itself
	cmd.Env = append(os.Environ(), childScript+"="+string(data))
	return cmd, nil
}

// start runs the script in a program of its own. What that prints is in the error.
func (s script) start(t *testing.T) error {
	cmd, err := s.command(t)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// child runs the script in a program of its own; killed tells whether that was killed, and not only
// ended.
func child(t *testing.T, s script) (killed bool) {
	t.Helper()
	err := s.start(t)
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
