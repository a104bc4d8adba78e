package score_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// record returns an observer. It has no lock: the race detector finds two calls at once.
func record(events *[]score.Event) func(score.Event) {
	return func(e score.Event) { *events = append(*events, e) }
}

func TestRunnerObservesEveryEvent(t *testing.T) {
	boom := errors.New("boom")
	steps := []score.Step{
		score.Sequence((&sample{name: "a", do: fails(boom)}).on(prod), (&sample{name: "b"}).on(prod)),
		(&sample{name: "c", do: does(created("x"))}).on(prod),
	}
	var events []score.Event
	report, _ := score.Runner{Observe: record(&events)}.Run(t.Context(), steps...)
	require.Equal(t, []score.Event{
		score.RunStarted{Steps: 3},
		score.Started{Score: "a", Topology: "prod"}, score.Finished{Result: report.Results[0]},
		score.Finished{Result: report.Results[1]}, // skipped, so never started
		score.Started{Score: "c", Topology: "prod"}, score.Finished{Result: report.Results[2]},
		score.RunFinished{Report: report},
	}, events)
	require.ErrorIs(t, report.Results[1].Err, score.ErrSkipped)
	require.True(t, report.Results[1].Skipped)

	events = nil
	report, _ = score.Runner{Concurrency: 8, Observe: record(&events)}.Run(t.Context(), steps...)
	require.Len(t, events, 7)
	require.Equal(t, score.RunStarted{Steps: 3}, events[0])
	require.Equal(t, score.RunFinished{Report: report}, events[6])
	for _, result := range report.Results {
		require.Contains(t, events, score.Event(score.Finished{Result: result}))
	}
}

func TestRunnerObservesARunWithoutSteps(t *testing.T) {
	var events []score.Event
	_, err := score.Runner{Observe: record(&events)}.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t,
		[]score.Event{score.RunStarted{}, score.RunFinished{Report: score.Report{Results: []score.Result{}}}}, events)
}

func TestRunnerObservesTheProgressOfSteps(t *testing.T) {
	retry := topology.Retrying{Op: "ensure", Kind: "Quota", Name: "acme", Err: topology.ErrUnavailable,
		After: time.Second, Try: 2}
	wait := topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"}
	a := &sample{name: "a", do: func(ctx context.Context) (interpret.Outcome, error) {
		return interpret.Run(ctx,
			interpret.Ensure("quota", func(ctx context.Context) (topology.Change, error) {
				topology.ReportProgress(ctx, retry)
				return created("acme"), nil
			}),
			interpret.Check("in force", func(ctx context.Context) error {
				topology.ReportProgress(ctx, wait)
				return nil
			}),
		)
	}}
	var events []score.Event
	report, err := score.Runner{Observe: record(&events)}.Run(t.Context(), a.on(prod))
	require.NoError(t, err)
	require.Equal(t, []score.Event{
		score.RunStarted{Steps: 1},
		score.Started{Score: "a", Topology: "prod"},
		score.Retrying{Score: "a", Topology: "prod", Retrying: retry},
		score.Changed{Score: "a", Topology: "prod", Change: created("acme")},
		score.Waiting{Score: "a", Topology: "prod", Waiting: wait},
		score.Finished{Result: report.Results[0]},
		score.RunFinished{Report: report},
	}, events)
}

// A run without an observer leaves the progress of its steps to the listener in its context.
func TestRunnerWithoutObserverLeavesTheListener(t *testing.T) {
	var heard int
	ctx := topology.WithProgress(t.Context(), func(topology.Progress) { heard++ })
	a := &sample{name: "a", do: func(ctx context.Context) (interpret.Outcome, error) {
		topology.ReportProgress(ctx, topology.Waiting{})
		return interpret.Outcome{}, nil
	}}
	_, err := score.Run(ctx, a.on(prod))
	require.NoError(t, err)
	require.Equal(t, 1, heard)
	_, err = score.Runner{Observe: func(score.Event) {}}.Run(ctx, a.on(prod))
	require.NoError(t, err)
	require.Equal(t, 1, heard)
}

func TestRunnerDropsProgressOfAStepThatHasEnded(t *testing.T) {
	var after func()
	var events []score.Event
	a := &sample{name: "a", do: func(ctx context.Context) (interpret.Outcome, error) {
		after = func() { topology.ReportProgress(ctx, topology.Waiting{}) }
		return interpret.Outcome{}, nil
	}}
	_, err := score.Runner{Observe: record(&events)}.Run(t.Context(), a.on(prod),
		(&sample{name: "b", do: func(context.Context) (interpret.Outcome, error) {
			after()
			return interpret.Outcome{}, nil
		}}).on(prod))
	require.NoError(t, err)
	require.Len(t, events, 6)
	after()
	require.Len(t, events, 6)
}

// Many steps run at once and report progress from several goroutines. Some of them run others.
func TestRunnerKeepsTheOrderOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := func(ctx context.Context) (interpret.Outcome, error) {
			for range 3 {
				go topology.ReportProgress(ctx, topology.Waiting{})
			}
			time.Sleep(time.Second)
			return interpret.Outcome{}, nil
		}
		var steps []score.Step
		for i := range 20 {
			do := busy
			if i%4 == 0 {
				do = func(ctx context.Context) (interpret.Outcome, error) {
					_, err := score.RunWithin(ctx, (&sample{name: fmt.Sprint(i, " within"), do: busy}).on(prod),
						(&sample{name: fmt.Sprint(i, " too")}).on(prod))
					return interpret.Outcome{}, err
				}
			}
			steps = append(steps, (&sample{name: fmt.Sprint(i), do: do}).on(prod))
		}
		var events []score.Event
		report, err := score.Runner{Concurrency: 5, Observe: record(&events)}.Run(t.Context(), steps...)
		require.NoError(t, err)
		require.Equal(t, score.RunStarted{Steps: 20}, events[0])
		require.Equal(t, score.RunFinished{Report: report}, events[len(events)-1])
		requireOrder(t, events)
	})
}

// requireOrder fails unless the events come in the order that Event documents.
func requireOrder(t *testing.T, events []score.Event) {
	t.Helper()
	begun, over := map[string]bool{}, map[string]bool{}
	planned, finished := events[0].(score.RunStarted).Steps, 0
	during := func(name string) { require.True(t, begun[name] && !over[name], name) }
	for _, e := range events[1 : len(events)-1] {
		switch e := e.(type) {
		case score.Started:
			require.False(t, begun[e.Score], e.Score)
			begun[e.Score] = true
		case score.Waiting:
			during(e.Score)
		case score.Planned:
			during(e.Score)
			planned += e.Steps
		case score.Finished:
			during(e.Score)
			over[e.Score] = true
			finished++
		default:
			require.Failf(t, "unexpected", "%T", e)
		}
		require.GreaterOrEqual(t, planned, max(len(begun), finished))
	}
	require.Equal(t, planned, finished)
	require.True(t, slices.ContainsFunc(events, func(e score.Event) bool { _, ok := e.(score.Planned); return ok }))
}
