// Package topologytest is what every adapter has to pass: one function for each capability, and [Tenant] for all that a tenant needs
// together. Adapters run it unchanged:
//
//	h := topologytest.Harness[*fake.Topology]{Topology: top, DryRun: top.DryRun(), Outsider: ...}
//	topologytest.Quotas(t, h)
//
// Each case is named after the rule that it checks, and has been seen to fail against an adapter that breaks the rule. An adapter without a
// capability cannot call its function, so nothing is ever skipped.
package topologytest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// Harness connects the suite to an adapter. Cases use namespaces of their own, so the topology may be shared and in use.
type Harness[P any] struct {
	Topology P
	DryRun   P // the same infrastructure, not written to
	Outsider Outsider
}

// Outsider is somebody else on the same infrastructure, who does what Polyphony would not. Its methods fail the test if they cannot.
type Outsider interface {
	CreateNamespace(t T, name, owner string) // which is not Polyphony's
	LabelNamespace(t T, name, key, value string)
	NamespaceLabel(t T, name, key string) string
	RemovePodSecurity(t T, name string)

	// Occupy puts an object that is not Polyphony's where Polyphony would put its own; kind is "Quota", "LimitRange", "NetworkRules"
	// or "Access", the latter for the role "admin". Occupied tells whether it is still there as it was put.
	Occupy(t T, namespace string, kind topology.Kind)
	Occupied(t T, namespace string, kind topology.Kind) bool

	// Put stores an object, as an administrator who gives way to nothing. The namespace is "" for what is in none; such things may stay.
	Put(t T, namespace, group, resource, manifest string)

	// Grant gives rights in a namespace that Polyphony knows nothing of.
	Grant(t T, namespace string, g topology.Grant)

	// AddNetworkPolicy adds one that is not Polyphony's, in the namespace that it names.
	AddNetworkPolicy(t T, p netpolicy.Policy)

	// SetGuardrailsVersion makes the rules that are installed those of another release, as far as they say so themselves.
	SetGuardrailsVersion(t T, version int)

	// HoldLease makes somebody hold a lease who does not renew it, whoever holds it now. The duration is in whole seconds.
	HoldLease(t T, name, holder string, duration time.Duration)

	ClaimVolume(t T, namespace, claim string)
	Hold(t T, namespace string) // keeps it from going once it is deleted
	Release(t T, namespace string)
}

// T is the part of *testing.T that cases use, so that cases can themselves be tested.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Context() context.Context
	Cleanup(func())
}

// check is one case.
type check struct {
	rule string
	run  func(t T)
}

// runChecks runs the cases side by side: a topology is for many at once.
func runChecks(t *testing.T, checks []check) {
	for _, c := range checks {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

// Base is what every capability is tested together with.
type Base interface {
	topology.Topology
	topology.Namespaces
}

var (
	runID     = strings.ToLower(rand.Text()[:6])
	runNumber atomic.Int64
)

// newName returns a name that nobody uses.
func newName() string { return fmt.Sprintf("pt-%s-%d", runID, runNumber.Add(1)) }

// newNamespace makes a namespace for one case, and removes it afterwards.
func newNamespace(t T, base Base) string {
	t.Helper()
	name := newName()
	_, err := base.EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: topology.PodSecurityRestricted})
	require.NoError(t, err)
	t.Cleanup(func() { cleanUp(base, name) })
	return name
}

// cleanUp removes what a case leaves, as far as it is ours. Its context is its own, since the case's has ended.
func cleanUp(base topology.Namespaces, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = base.DeleteNamespace(ctx, name) // what is not ours or protected, the case itself takes care of
}

func cancelled(t T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func requireError(t T, err, sentinel error) {
	t.Helper()
	require.ErrorIs(t, err, sentinel)
	var typed *topology.Error
	require.ErrorAs(t, err, &typed, "errors of a topology are *topology.Error")
	require.NotEmpty(t, typed.Op)
	require.NotEmpty(t, typed.Kind)
}

// requireChange compares what a change says to people and, by type and by amount, what it says to
// programs.
func requireChange(t T, want, got topology.Change) {
	t.Helper()
	for _, value := range []struct {
		name      string
		want, got any
	}{{"Before", want.Before, got.Before}, {"After", want.After, got.After}} {
		require.IsType(t, value.want, value.got, "the type of %s", value.name)
		require.Empty(t, adapter.Diff(value.want, value.got), "%s", value.name)
	}
	want.Before, want.After, got.Before, got.After = nil, nil, nil, nil
	require.Equal(t, want, got)
}

// atOnce calls do from several goroutines and returns their errors.
func atOnce(n int, do func() error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do() })
	}
	wg.Wait()
	return errs
}

// eventuallyPatience is how long eventually waits, in nanoseconds.
var eventuallyPatience atomic.Int64

func init() { eventuallyPatience.Store(int64(20 * time.Second)) }

// eventually waits for what an infrastructure takes a moment to learn.
func eventually(t T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Duration(eventuallyPatience.Load())); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.Fail(t, "never came true: "+what)
		}
	}
}

// shortWait is long enough to see that nothing happens.
const shortWait = 300 * time.Millisecond
