package score_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// cluster is a topology without any capability.
type cluster struct{ name string }

func (c *cluster) Name() string { return c.name }

func (c *cluster) Ready(context.Context) (topology.Readiness, error) {
	return topology.Readiness{}, nil
}

// sample is a Score that counts its calls.
type sample struct {
	name    string
	invalid error
	do      func(context.Context) (interpret.Outcome, error) // nil: does nothing

	validated, interpreted, executed atomic.Int32
	ranOn                            atomic.Pointer[cluster]
}

func (s *sample) Name() string { return s.name }

func (s *sample) Validate() error {
	s.validated.Add(1)
	return s.invalid
}

func (s *sample) Interpret() interpret.Interpret[*cluster] {
	s.interpreted.Add(1)
	return interpret.Func[*cluster](func(ctx context.Context, c *cluster) (interpret.Outcome, error) {
		s.executed.Add(1)
		s.ranOn.Store(c)
		if s.do == nil {
			return interpret.Outcome{}, nil
		}
		return s.do(ctx)
	})
}

func (s *sample) on(c *cluster) score.Step { return score.Bind[*cluster](s, c) }

var prod = &cluster{name: "prod"}

func fails(err error) func(context.Context) (interpret.Outcome, error) {
	return func(context.Context) (interpret.Outcome, error) { return interpret.Outcome{}, err }
}

func does(changes ...topology.Change) func(context.Context) (interpret.Outcome, error) {
	return func(context.Context) (interpret.Outcome, error) { return interpret.Outcome{Changes: changes}, nil }
}

func created(name string) topology.Change {
	return topology.Change{Kind: "Quota", Name: name, Action: topology.Created}
}

// names returns the Scores of the results, in order.
func names(r score.Report) []string {
	var all []string
	for _, result := range r.Results {
		all = append(all, result.Score)
	}
	return all
}

func TestBindRunsTheScoreOnItsTopology(t *testing.T) {
	staging := &cluster{name: "staging"}
	a, b := &sample{name: "a", do: does(created("x"))}, &sample{name: "b"}
	report, err := score.Run(t.Context(), a.on(prod), b.on(staging))
	require.NoError(t, err)
	require.Equal(t, []score.Result{
		{Score: "a", Topology: "prod", Outcome: interpret.Outcome{Changes: []topology.Change{created("x")}}},
		{Score: "b", Topology: "staging"},
	}, report.Results)
	require.Same(t, prod, a.ranOn.Load())
	require.Same(t, staging, b.ranOn.Load())
}

// Bind runs nothing, and a Step may run several times.
func TestBindRunsNothing(t *testing.T) {
	a := &sample{name: "a"}
	step := score.Sequence(a.on(prod))
	require.Zero(t, a.validated.Load()+a.interpreted.Load()+a.executed.Load())
	for range 2 {
		_, err := score.Run(t.Context(), step)
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, a.executed.Load())
}

func TestRunRefusesStepsThatCannotRun(t *testing.T) {
	var noScore *sample
	var noTopology *cluster
	a := &sample{name: "a"}
	tests := map[string]struct {
		step score.Step
		want string
	}{
		"empty step": {score.Step{}, "the Step is empty; make it with Bind or the On method of a Score"},
		"no score": {score.Bind[*cluster](nil, prod),
			"(none) on (none): invalid score: the Score or the topology is nil; bind both"},
		"no topology":          {score.Bind[topology.Topology](anywhere{a}, nil), "is nil; bind both"},
		"neither":              {score.Bind[topology.Topology](nil, nil), "is nil; bind both"},
		"nil pointer score":    {score.Bind[*cluster](noScore, prod), "is nil; bind both"},
		"nil pointer topology": {score.Bind[*cluster](a, noTopology), "is nil; bind both"},
		"nil pointer, as port": {score.Bind[topology.Topology](anywhere{a}, noTopology), "is nil; bind both"},
		"nil in a sequence": {score.Sequence(a.on(prod), score.Sequence(score.Bind[*cluster](nil, prod))),
			"is nil; bind both"},
		"empty in a sequence":   {score.Sequence(score.Step{}), "the Step is empty"},
		"a sequence of nothing": {score.Sequence(), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			other := &sample{name: "other"}
			_, err := score.Run(t.Context(), other.on(prod), tt.step)
			if tt.want == "" {
				require.NoError(t, err)
				require.EqualValues(t, 1, other.executed.Load())
				return
			}
			require.ErrorIs(t, err, score.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
			require.Zero(t, other.executed.Load(), "nothing may run")
			require.Zero(t, a.executed.Load())
		})
	}
}

// anywhere is a Score that calls no capability.
type anywhere struct{ *sample }

func (s anywhere) Interpret() interpret.Interpret[topology.Topology] {
	return interpret.Func[topology.Topology](func(context.Context, topology.Topology) (interpret.Outcome, error) {
		s.executed.Add(1)
		return interpret.Outcome{}, nil
	})
}

func TestSequenceSkipsTheRestAfterAFailure(t *testing.T) {
	boom := errors.New("boom")
	step := func(name string, err error) *sample { return &sample{name: name, do: fails(err)} }
	ok, broken, after, last, apart := step("ok", nil), step("broken", boom), step("after", nil), step("last", nil),
		step("apart", nil)

	report, err := score.Run(t.Context(), score.Sequence(ok.on(prod), score.Sequence(broken.on(prod), after.on(prod)),
		last.on(prod)), apart.on(prod))
	require.ErrorIs(t, err, boom)
	require.Equal(t, []string{"ok", "broken", "after", "last", "apart"}, names(report))
	require.NoError(t, report.Results[0].Err)
	require.NotErrorIs(t, report.Results[1].Err, score.ErrSkipped)
	for _, i := range []int{2, 3} {
		require.ErrorIs(t, report.Results[i].Err, score.ErrSkipped)
		require.NotErrorIs(t, report.Results[i].Err, boom, "what failed is said once")
	}
	require.EqualError(t, report.Results[2].Err, "after on prod: skipped, since broken on prod failed")
	require.NoError(t, report.Results[4].Err)
	for s, times := range map[*sample]int32{ok: 1, broken: 1, after: 0, last: 0, apart: 1} {
		require.Equal(t, times, s.executed.Load(), s.name)
	}
}

// The caller's slice may change after Sequence has returned.
func TestSequenceCopiesItsSteps(t *testing.T) {
	a, b := &sample{name: "a"}, &sample{name: "b"}
	steps := []score.Step{a.on(prod)}
	sequence := score.Sequence(steps...)
	steps[0] = b.on(prod)
	report, err := score.Run(t.Context(), sequence)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names(report))
}
