// Package scoretest checks what every Score owes, whatever it is about:
//
//   - its name is constant and not empty, and its value survives JSON;
//   - validating it, and asking for its Interpret, asks nothing of the infrastructure;
//   - a plan says just what the run then does, and writes nothing;
//   - a second run changes and writes nothing;
//   - with a cancelled context it writes nothing and fails with the context's error;
//   - wherever a run is cut off, another one ends in the same state.
//
// A Score's own tests call [Run] with an infrastructure to run on.
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

// Infrastructure is something to run a Score on, fresh for each check.
type Infrastructure[P topology.Topology] struct {
	Topology P
	DryRun   P // the same, not written to

	Calls  func() int // how often a capability was called so far
	Writes func() int // how often something was changed so far
	State  func() any // all that there is, to be compared

	// CutAfter returns the same infrastructure for somebody whose calls fail, with an error that wraps [ErrCut], once n have been made.
	CutAfter func(n int) P
}

// ErrCut is how calls fail for somebody who is cut off.
var ErrCut = errors.New("cut off")

// T is the part of *testing.T that the checks use, so that they can themselves be tested.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Context() context.Context
}

// Score is what every Score has, whatever its type parameter.
type Score interface {
	Name() string
	Validate() error
}

// Run checks a Score. newInfrastructure makes an infrastructure on which the Score has something to do; bind is the Score's method On.
func Run[S Score, P topology.Topology](t *testing.T, s S, newInfrastructure func(T) Infrastructure[P], bind func(S, P) score.Step) {
	for _, c := range checks(s, newInfrastructure, bind) {
		t.Run(c.rule, func(t *testing.T) { c.run(t) })
	}
}

type check struct {
	rule string
	run  func(t T)
}

func checks[S Score, P topology.Topology](s S, newInfrastructure func(T) Infrastructure[P], bind func(S, P) score.Step) []check {
	return []check{
		{"the name is constant and not empty", func(t T) {
			once, again := s.Name(), s.Name()
			require.NotEmpty(t, once)
			require.Equal(t, once, again)
		}},
		{"the value survives JSON", func(t T) {
			data, err := json.Marshal(s)
			require.NoError(t, err)
			again := reflect.New(reflect.TypeFor[S]())
			require.NoError(t, json.Unmarshal(data, again.Interface()))
			twice, err := json.Marshal(again.Interface())
			require.NoError(t, err)
			require.JSONEq(t, string(data), string(twice))
		}},
		{"validating asks nothing of the infrastructure", func(t T) {
			infra := newInfrastructure(t)
			before := infra.Calls()
			bind(s, infra.Topology)
			require.NoError(t, s.Validate())
			require.NoError(t, s.Validate())
			require.Equal(t, before, infra.Calls())
		}},
		{"a plan says what the run then does, and writes nothing", func(t T) {
			infra := newInfrastructure(t)
			before, state := infra.Writes(), infra.State()
			plan, err := score.Run(t.Context(), bind(s, infra.DryRun))
			require.NoError(t, err)
			require.Equal(t, before, infra.Writes())
			require.Equal(t, state, infra.State())
			report, err := score.Run(t.Context(), bind(s, infra.Topology))
			require.NoError(t, err)
			require.True(t, report.Changed(), "the infrastructure for this check leaves the Score nothing to do")
			require.Equal(t, plan, report)
		}},
		{"a second run changes and writes nothing", func(t T) {
			infra := newInfrastructure(t)
			_, err := score.Run(t.Context(), bind(s, infra.Topology))
			require.NoError(t, err)
			before := infra.Writes()
			report, err := score.Run(t.Context(), bind(s, infra.Topology))
			require.NoError(t, err)
			require.False(t, report.Changed(), report.String())
			require.Equal(t, before, infra.Writes())
		}},
		{"with a cancelled context nothing is written", func(t T) {
			infra := newInfrastructure(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			before := infra.Writes()
			cancelling := score.Runner{Observe: func(e score.Event) { // once the Score has begun, since the runner itself begins none later
				if _, ok := e.(score.Started); ok {
					cancel()
				}
			}}
			_, err := cancelling.Run(ctx, bind(s, infra.Topology))
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, before, infra.Writes())
		}},
		{"wherever a run is cut off, another ends in the same state", func(t T) {
			whole := newInfrastructure(t)
			_, err := score.Run(t.Context(), bind(s, whole.Topology))
			require.NoError(t, err)
			want := whole.State()
			for n := 0; ; n++ {
				infra := newInfrastructure(t)
				_, err := score.Run(t.Context(), bind(s, infra.CutAfter(n)))
				if err == nil {
					require.Positive(t, n, "no call was made at all")
					return
				}
				require.ErrorIs(t, err, ErrCut)
				_, err = score.Run(t.Context(), bind(s, infra.Topology))
				require.NoError(t, err)
				require.Equal(t, want, infra.State(), "cut off after %d calls", n)
			}
		}},
	}
}
