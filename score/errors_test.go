package score_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

func TestErrorNamesScoreTopologyAndStep(t *testing.T) {
	cause := errors.New("boom")
	require.EqualError(t, &score.Error{Score: "tenant/acme", Topology: "prod", Step: "quota", Err: cause},
		"tenant/acme on prod: quota: boom")
	require.EqualError(t, &score.Error{Score: "tenant/acme", Topology: "prod", Err: cause}, "tenant/acme on prod: boom")
	require.Equal(t, cause, errors.Unwrap(&score.Error{Err: cause}))
}

func TestRunReturnsEveryErrorTyped(t *testing.T) {
	conflict := &topology.Error{Op: "ensure", Kind: "Quota", Name: "acme", Reason: topology.ErrConflict}
	staging := &cluster{name: "staging"}
	plain := errors.New("plain")
	inStep := func(ctx context.Context) (interpret.Outcome, error) {
		return interpret.Run(ctx,
			interpret.Ensure("quota", func(context.Context) (topology.Change, error) { return created("x"), conflict }))
	}
	report, err := score.Run(t.Context(),
		(&sample{name: "a", do: inStep}).on(prod), (&sample{name: "b"}).on(prod),
		(&sample{name: "c", do: fails(plain)}).on(staging))

	var all *multierror.Error
	require.ErrorAs(t, err, &all)
	want := []*score.Error{
		{Score: "a", Topology: "prod", Step: "quota", Err: conflict},
		{Score: "c", Topology: "staging", Err: plain},
	}
	require.Len(t, all.Errors, len(want))
	for i, w := range want {
		var have *score.Error
		require.ErrorAs(t, all.Errors[i], &have)
		require.Equal(t, w, have)
	}
	var first *score.Error
	require.ErrorAs(t, err, &first)
	require.Equal(t, want[0], first)
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorIs(t, err, plain)
	require.EqualError(t, report.Err(), err.Error())
	require.Equal(t, want[0].Error()+"\n"+want[1].Error(), err.Error(), "a line each")

	require.Equal(t, want[0], report.Results[0].Err)
	require.Equal(t, []topology.Change{created("x")}, report.Results[0].Outcome.Changes,
		"what was done before the failure is in the report")
	require.NoError(t, report.Results[1].Err)
	require.Equal(t, want[1], report.Results[2].Err)
}

func TestErrorOfAnInvalidScoreHasNoStep(t *testing.T) {
	mistake := errors.New("name: Required value")
	_, err := score.Run(t.Context(), (&sample{name: "a", invalid: mistake}).on(prod))
	var typed *score.Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, "a", typed.Score)
	require.Equal(t, "prod", typed.Topology)
	require.Empty(t, typed.Step)
	require.ErrorIs(t, err, score.ErrInvalid)
	require.ErrorIs(t, err, mistake)
	require.EqualError(t, typed, "a on prod: invalid score: name: Required value")
}

// An Interpret may wrap the error of a step, or fail at several steps at once. The Error keeps all
// of it.
func TestErrorKeepsEveryCause(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	at := func(step string, err error) error { return &interpret.StepError{Step: step, Err: err} }
	tests := map[string]struct {
		err  error
		step string
		text string
	}{
		"plain":   {one, "", "a on prod: one"},
		"step":    {at("quota", one), "quota", "a on prod: quota: one"},
		"wrapped": {fmt.Errorf("around: %w", at("quota", one)), "quota", "a on prod: quota: around: step quota: one"},
		"joined": {errors.Join(at("quota", one), at("limits", two)), "quota",
			"a on prod: quota: step quota: one\nstep limits: two"},
		"nested": {at("outer", at("inner", one)), "outer", "a on prod: outer: step inner: one"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			report, err := score.Run(t.Context(), (&sample{name: "a", do: fails(tt.err)}).on(prod))
			var typed *score.Error
			require.ErrorAs(t, err, &typed)
			require.Equal(t, tt.step, typed.Step)
			require.EqualError(t, report.Results[0].Err, tt.text)
			require.ErrorIs(t, err, one)
			require.Equal(t, name == "joined", errors.Is(err, two))
		})
	}
}

func TestReportErrIsNilWithoutFailures(t *testing.T) {
	require.NoError(t, score.Report{}.Err())
	require.NoError(t, score.Report{Results: []score.Result{{Score: "a"}}}.Err())
	boom := errors.New("boom")
	require.ErrorIs(t, score.Report{Results: []score.Result{{Score: "a"}, {Score: "b", Err: boom}}}.Err(), boom)
}
