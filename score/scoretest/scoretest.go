// Package scoretest checks the rules that hold for every Score.
//
// # Rules
//
// [Run] checks that
//
//   - the name is constant and not empty,
//   - the value survives JSON,
//   - validating and binding the Score makes no call,
//   - a plan reports what the run then does, and writes nothing,
//   - a second run changes and writes nothing,
//   - a run whose context is cancelled writes nothing and fails with the error of the context,
//   - after a run that was interrupted at any call, another run reaches the same state.
//
// # Use
//
// The test of a Score calls [Run] with an [Infrastructure] to run on. When a check interrupts a
// run, the calls of that infrastructure fail with [ErrCut]. [T] and [Score] are the parts of a test
// and of a Score that Run needs.
package scoretest

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// Infrastructure is where a check runs a Score. Every check gets a new one.
type Infrastructure[P topology.Topology] struct {
	// Topology is the topology to run on.
	Topology P

	// DryRun is the same topology without writes.
	DryRun P

	// Calls returns the number of calls of capabilities so far.
	Calls func() int

	// Writes returns the number of writes so far.
	Writes func() int

	// State returns everything that exists, for a comparison with require.Equal.
	State func() any

	// CutAfter returns the same topology, but all calls after the first n fail with an error that
	// wraps [ErrCut].
	CutAfter func(n int) P
}

// ErrCut is the failure of calls after a cut.
var ErrCut = errors.New("cut off")

// T is the part of *testing.T that the checks use; its methods are those of testing.TB. It is an
// interface so that the checks can be tested.
type T interface {
	Helper()                           // marks the caller as a helper, for line numbers
	Errorf(format string, args ...any) // reports a failure and goes on
	FailNow()                          // fails the test and ends it
	Context() context.Context          // ends when the test does
}

// Score is the part of a score.Score that does not depend on its type parameter.
type Score interface {
	// Name is that of score.Score.
	Name() string

	// Validate is that of score.Score.
	Validate() error
}

// Run checks a Score. The function newInfrastructure returns a new infrastructure on which the
// Score has something to do. The function bind is the method On of the Score.
func Run[S Score, P topology.Topology](
	t *testing.T, s S, newInfrastructure func(T) Infrastructure[P], bind func(S, P) score.Step,
) {
	for _, c := range checks(s, newInfrastructure, bind) {
		t.Run(c.rule, func(t *testing.T) { c.run(t) })
	}
}

// check is one rule, and the function that checks it.
type check struct {
	rule string
	run  func(t T)
}

// checks returns the checks of a Score.
func checks[S Score, P topology.Topology](
	s S, newInfrastructure func(T) Infrastructure[P], bind func(S, P) score.Step,
) []check {
	of := subject[S, P]{s, newInfrastructure, bind}
	return []check{
		{"the name is constant and not empty", of.checkName},
		{"the value survives JSON", of.checkJSON},
		{"validating and binding the Score makes no call", of.checkValidate},
		{"a plan reports what the run then does, and writes nothing", of.checkPlan},
		{"a second run changes and writes nothing", of.checkSecondRun},
		{"a run whose context is cancelled writes nothing", of.checkCancel},
		{"after a run that was interrupted at any call, another run reaches the same state", of.checkCut},
	}
}

// subject is a Score under test.
type subject[S Score, P topology.Topology] struct {
	score             S
	newInfrastructure func(T) Infrastructure[P]
	bind              func(S, P) score.Step
}

// run runs the Score on a topology.
func (s subject[S, P]) run(t T, on P) (score.Report, error) {
	return score.Run(t.Context(), s.bind(s.score, on))
}

func (s subject[S, P]) checkName(t T) {
	first, second := s.score.Name(), s.score.Name()
	require.NotEmpty(t, first)
	require.Equal(t, first, second)
}

func (s subject[S, P]) checkJSON(t T) {
	data, err := json.Marshal(s.score)
	require.NoError(t, err)
	decoded := reflect.New(reflect.TypeFor[S]())
	require.NoError(t, json.Unmarshal(data, decoded.Interface()))
	again, err := json.Marshal(decoded.Interface())
	require.NoError(t, err)
	require.JSONEq(t, string(data), string(again))
}

func (s subject[S, P]) checkValidate(t T) {
	infra := s.newInfrastructure(t)
	before := infra.Calls()
	s.bind(s.score, infra.Topology)
	require.NoError(t, s.score.Validate())
	require.NoError(t, s.score.Validate())
	require.Equal(t, before, infra.Calls())
}

func (s subject[S, P]) checkPlan(t T) {
	infra := s.newInfrastructure(t)
	before, state := infra.Writes(), infra.State()
	plan, err := s.run(t, infra.DryRun)
	require.NoError(t, err)
	require.Equal(t, before, infra.Writes())
	require.Equal(t, state, infra.State())
	report, err := s.run(t, infra.Topology)
	require.NoError(t, err)
	require.True(t, report.Changed(), "the Score has nothing to do on the infrastructure for this check")
	require.Equal(t, plan, report)
}

func (s subject[S, P]) checkSecondRun(t T) {
	infra := s.newInfrastructure(t)
	_, err := s.run(t, infra.Topology)
	require.NoError(t, err)
	before := infra.Writes()
	report, err := s.run(t, infra.Topology)
	require.NoError(t, err)
	require.False(t, report.Changed(), report.String())
	require.Equal(t, before, infra.Writes())
}

// checkCancel cancels the context once the Score has started, because a Runner starts no Score
// later.
func (s subject[S, P]) checkCancel(t T) {
	infra := s.newInfrastructure(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := infra.Writes()
	runner := score.Runner{Observe: func(e score.Event) {
		if _, ok := e.(score.Started); ok {
			cancel()
		}
	}}
	_, err := runner.Run(ctx, s.bind(s.score, infra.Topology))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, infra.Writes())
}

func (s subject[S, P]) checkCut(t T) {
	whole := s.newInfrastructure(t)
	_, err := s.run(t, whole.Topology)
	require.NoError(t, err)
	want := whole.State()
	for n := 0; ; n++ {
		infra := s.newInfrastructure(t)
		_, err := s.run(t, infra.CutAfter(n))
		if err == nil {
			require.Positive(t, n, "the Score made no call")
			return
		}
		require.ErrorIs(t, err, ErrCut)
		_, err = s.run(t, infra.Topology)
		require.NoError(t, err)
		require.Equal(t, want, infra.State(), "cut off after %d calls", n)
	}
}
