// Package topologytest is the conformance suite of adapters. It has one function for each
// capability of package topology. A function needs only that capability, and the capabilities
// needed to observe it.
//
// # Running it
//
// An adapter describes itself by a [Harness] and calls the function of each capability that it has:
//
//	h := topologytest.Harness[*fake.Topology]{
//		Topology: top, DryRun: top.DryRun(), Outsider: outsider{...},
//	}
//	topologytest.Quotas(t, h)
//
// An adapter that lacks a capability cannot call its function, so no case is ever skipped. An
// adapter that has only [topology.Quotas] runs only [Quotas]; it sets Harness.NewNamespace, because
// it cannot create a namespace itself.
//
// # Suites
//
// Every topology: [Topology].
//
// The parts of a tenant: [Namespaces], [Quotas], [LimitRanges], [NetworkIsolation],
// [AccessControl], [ReadVisibility], [Domains], [Guardrails].
//
// The surroundings of tenants: [Platforms], [Volumes], [Rosters], [Leases], [Snapshots].
//
// Questions: [Authorizer], [Admission], [Reachability], [GrantsInForce], [Inspector].
//
// A suite that needs more than its own capability names what it needs: [ReadVisibilityTopology],
// [DomainsTopology], [GuardrailsTopology], [RostersTopology], [SnapshotsTopology],
// [AuthorizerTopology], [AdmissionTopology], [ReachabilityTopology], [GrantsTopology] and
// [InspectorTopology].
//
// Package tenanttest checks that the capabilities work together for a tenant.
//
// # Cases
//
// Each case is named after the rule that it checks. The tests of this package run each case against
// a deliberately broken adapter, which the case must notice.
//
// # Files
//
// A suite is in the file of its capability, such as quotas.go. A larger one has its cases in
// further files, such as namespaces_drift.go. The broken adapters are in the tests, in files that
// begin with mutants. In the order of the suites above:
//
//   - topology.go
//   - namespaces.go, namespaces_owners.go, namespaces_drift.go, namespaces_lifecycle.go, quotas.go,
//     limitranges.go, networkisolation.go, accesscontrol.go, readvisibility.go, domains.go,
//     guardrails.go, guardrails_table.go (what each rule refuses), guardrails_senders.go,
//     guardrails_member.go
//   - platforms.go, volumes.go, rosters.go, leases.go, leases_losing.go, snapshots.go
//   - authorizer.go, admission.go, admission_fences.go, reachability.go, reachability_policies.go,
//     reachability_rules.go, reachability_selectors.go, grantsinforce.go, grantsinforce_answers.go,
//     inspector.go
//
// What suites share: topologytest.go (harness and cases), outsider.go (what others do), contents.go
// (the cases of every capability that keeps one value), principal.go, manifests.go.
//
// # For other suites
//
// Authors of other suites can use the same parts: [Case], [RunCases], [NewName], [RequireError],
// [RequireChange], [RequireTimeout], [Eventually], [AtOnce] and [Principal]. [T] is the part of
// testing.T that a case uses.
package topologytest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Harness connects a suite to an adapter. Cases use their own namespaces, so the infrastructure may
// be shared and in use.
type Harness[P any] struct {
	Topology P        // the adapter under test
	DryRun   P        // the same infrastructure; its methods write nothing
	Outsider Outsider // another client of the same infrastructure

	// NewNamespace creates a namespace that Polyphony manages, with a name from NewName and the pod
	// security level "restricted", and removes it when the case is over. Nil: the suites create
	// namespaces through Topology, which must then implement topology.Namespaces.
	NewNamespace func(t T) string
}

// newNamespace creates a namespace for one case.
func (h Harness[P]) newNamespace(t T) string {
	t.Helper()
	if h.NewNamespace != nil {
		return h.NewNamespace(t)
	}
	top, ok := any(h.Topology).(topology.Namespaces)
	require.True(t, ok, "set Harness.NewNamespace: a %T cannot create namespaces", h.Topology)
	want := topology.Namespace{Name: newPlace(t, top), PodSecurity: topology.PodSecurityRestricted}
	_, err := top.EnsureNamespace(t.Context(), want)
	require.NoError(t, err)
	return want.Name
}

// T is the part of *testing.T that cases use; its methods are those of testing.TB. It is an
// interface so that the cases can be tested.
type T interface {
	Helper()                           // marks the caller as a helper, for line numbers
	Errorf(format string, args ...any) // reports a failure and goes on
	FailNow()                          // fails the test and ends it
	Context() context.Context          // ends when the test does
	Cleanup(func())                    // calls a function after the test
}

// Case is one rule and the code that checks it.
type Case struct {
	Rule string    // a sentence, which is also the name of the subtest
	Run  func(t T) // fails t if the adapter breaks the rule
}

// RunCases runs the cases as parallel subtests.
func RunCases(t *testing.T, cases []Case) {
	for _, c := range cases {
		t.Run(c.Rule, func(t *testing.T) {
			t.Parallel()
			c.Run(t)
		})
	}
}

var (
	runID     = strings.ToLower(rand.Text()[:6])
	runNumber atomic.Int64
)

// NewName returns a name that is not used on the infrastructure: a DNS-1123 label.
func NewName() string { return fmt.Sprintf("pt-%s-%d", runID, runNumber.Add(1)) }

// newPlace returns a name for a namespace, which is removed when the case is over.
func newPlace(t T, top topology.Namespaces) string {
	name := NewName()
	t.Cleanup(func() {
		ctx, cancel := cleanupContext()
		defer cancel()
		_, _ = top.DeleteNamespace(ctx, name) // fails for foreign and protected namespaces, which the case removes
	})
	return name
}

// cleanupContext returns a context for clean-up functions. The context of the case has ended by
// then.
func cleanupContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Minute)
}

func cancelled(t T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// RequireError fails t unless err is a complete [*topology.Error] that matches the sentinel.
func RequireError(t T, err, sentinel error) {
	t.Helper()
	require.ErrorIs(t, err, sentinel)
	var typed *topology.Error
	require.ErrorAs(t, err, &typed, "errors of a topology are *topology.Error")
	require.NotEmpty(t, typed.Op)
	require.NotEmpty(t, typed.Kind)
}

// RequireChange fails t unless got equals want. Before and After must have the same types and hold
// the same amounts; a quantity may be written differently. Fields must have the same paths, and say
// of the same ones that they were not set or no longer are. The texts of values are an adapter's
// own, but the two of a field must differ.
func RequireChange(t T, want, got topology.Change) {
	t.Helper()
	require.Len(t, got.Fields, len(want.Fields), "Fields: %v", got.Fields)
	for i, field := range want.Fields {
		have := got.Fields[i]
		require.Equal(t, field.Path, have.Path)
		require.Equal(t, field.From == "", have.From == "", "From of %s", have)
		require.Equal(t, field.To == "", have.To == "", "To of %s", have)
		require.NotEqual(t, have.From, have.To, have.Path)
	}
	want.Fields, got.Fields = nil, nil
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

// AtOnce calls do from n goroutines and returns their errors.
func AtOnce(n int, do func() error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do() })
	}
	wg.Wait()
	return errs
}

// RequireTimeout requires that do fails with ErrTimeout, and that the error contains naming. The
// argument of do is how long it may wait: at first no longer than a case has to. A busy
// infrastructure may not have answered by then, and the error names nothing. RequireTimeout then
// calls do again with longer limits, up to three minutes. It returns the error.
func RequireTimeout(t T, first time.Duration, naming string, do func(limit time.Duration) error) error {
	t.Helper()
	err := untilNamed(first, naming, do)
	RequireError(t, err, topology.ErrTimeout)
	require.ErrorContains(t, err, naming)
	return err
}

// longestLimit is longer than any answer takes on a busy machine.
const longestLimit = 200 * time.Second

// untilNamed calls do with longer and longer limits, until its error is ErrTimeout and contains
// naming, or do succeeds.
func untilNamed(first time.Duration, naming string, do func(limit time.Duration) error) (err error) {
	for limit := first; limit < longestLimit; limit *= 4 {
		err = do(limit)
		if err == nil || errors.Is(err, topology.ErrTimeout) && strings.Contains(err.Error(), naming) {
			return err
		}
	}
	return err
}

// Eventually waits up to two minutes until holds returns true, and fails t otherwise. It is for
// changes that take effect with a delay, such as rights.
func Eventually(t T, what string, holds func() bool) {
	t.Helper()
	const patience, longestPause = 2 * time.Minute, 250 * time.Millisecond
	deadline := time.Now().Add(patience)
	for pause := 10 * time.Millisecond; !holds(); pause = min(2*pause, longestPause) {
		if time.Now().After(deadline) {
			require.Fail(t, "did not happen within the deadline: "+what)
		}
		time.Sleep(pause)
	}
}
