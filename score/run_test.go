package score_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
)

func TestRunValidatesEverythingFirst(t *testing.T) {
	mistake := errors.New("mistake")
	for _, concurrency := range []int{0, 1, 4} {
		t.Run(fmt.Sprint("concurrency ", concurrency), func(t *testing.T) {
			good, bad, nested, worse := &sample{name: "good"}, &sample{name: "bad", invalid: mistake},
				&sample{name: "nested"}, &sample{name: "worse", invalid: mistake}
			var events []score.Event
			runner := score.Runner{Concurrency: concurrency,
				Observe: func(e score.Event) { events = append(events, e) }}
			report, err := runner.Run(t.Context(), good.on(prod), bad.on(prod),
				score.Sequence(nested.on(prod), worse.on(prod)))

			var all *multierror.Error
			require.ErrorAs(t, err, &all)
			require.Len(t, all.Errors, 2, "the mistakes of all Scores come back at once")
			require.ErrorIs(t, err, score.ErrInvalid)
			require.ErrorIs(t, err, mistake)
			for _, s := range []*sample{good, bad, nested, worse} {
				require.EqualValues(t, 1, s.validated.Load(), s.name)
				require.Zero(t, s.interpreted.Load(), s.name)
			}
			require.Empty(t, events)

			require.Equal(t, []string{"good", "bad", "nested", "worse"}, names(report))
			require.Empty(t, report.Changes())
			require.NoError(t, report.Results[0].Err)
			require.ErrorIs(t, report.Results[1].Err, score.ErrInvalid)
			require.NoError(t, report.Results[2].Err)
			require.ErrorIs(t, report.Results[3].Err, score.ErrInvalid)
		})
	}
}

func TestRunWithoutStepsReturnsAnEmptyReport(t *testing.T) {
	for _, concurrency := range []int{0, 3} {
		report, err := score.Runner{Concurrency: concurrency}.Run(t.Context())
		require.NoError(t, err)
		require.Empty(t, report.Results)
		require.False(t, report.Changed())
	}
}

func TestRunnerRefusesNegativeConcurrency(t *testing.T) {
	a := &sample{name: "a"}
	_, err := score.Runner{Concurrency: -1}.Run(t.Context(), a.on(prod))
	require.EqualError(t, err, "score: Runner.Concurrency is -1; it must not be negative")
	require.Zero(t, a.executed.Load())
}

func TestRunContinuesAfterAFailure(t *testing.T) {
	boom := errors.New("boom")
	for _, concurrency := range []int{0, 1, 2, 9} {
		a, b, c := &sample{name: "a", do: fails(boom)}, &sample{name: "b", do: fails(boom)},
			&sample{name: "c", do: does(created("x"))}
		report, err := score.Runner{Concurrency: concurrency}.Run(t.Context(), a.on(prod), b.on(prod), c.on(prod))
		var all *multierror.Error
		require.ErrorAs(t, err, &all)
		require.Len(t, all.Errors, 2)
		require.EqualValues(t, 3, a.executed.Load()+b.executed.Load()+c.executed.Load())
		require.NotErrorIs(t, err, score.ErrSkipped)
		require.True(t, report.Changed())
	}
}

func TestZeroRunnerKeepsTheOrder(t *testing.T) {
	var order []string
	var steps []score.Step
	for i := range 20 {
		name := fmt.Sprint(i)
		steps = append(steps, (&sample{name: name, do: func(context.Context) (interpret.Outcome, error) {
			order = append(order, name) // the race detector finds two steps at once
			return interpret.Outcome{}, nil
		}}).on(prod))
	}
	report, err := score.Run(t.Context(), steps...)
	require.NoError(t, err)
	require.Equal(t, names(report), order)
	require.Len(t, order, 20)
}

// Every step waits for the one after it. They finish in reverse order if all of them run at once.
// Otherwise the test deadlocks, which synctest reports.
func TestRunnerReturnsResultsInTheOrderOfSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 5
		var steps []score.Step
		finished := make([]chan struct{}, n+1)
		for i := range finished {
			finished[i] = make(chan struct{})
		}
		close(finished[n])
		for i := range n {
			steps = append(steps,
				score.Sequence((&sample{name: fmt.Sprint(i), do: func(context.Context) (interpret.Outcome, error) {
					<-finished[i+1]
					close(finished[i])
					return does(created(fmt.Sprint(i)))(t.Context())
				}}).on(prod), (&sample{name: fmt.Sprint(i, " then")}).on(prod)))
		}
		var events []string
		report, err := score.Runner{Concurrency: n, Observe: func(e score.Event) {
			if f, ok := e.(score.Finished); ok && len(f.Outcome.Changes) > 0 {
				events = append(events, f.Score)
			}
		}}.Run(t.Context(), steps...)
		require.NoError(t, err)
		require.Equal(t, []string{"0", "0 then", "1", "1 then", "2", "2 then", "3", "3 then", "4", "4 then"},
			names(report))
		for i := range n {
			require.Equal(t, created(fmt.Sprint(i)), report.Results[2*i].Outcome.Changes[0])
			require.Empty(t, report.Results[2*i+1].Outcome.Changes)
		}
		require.ElementsMatch(t, []string{"4", "3", "2", "1", "0"}, events)
	})
}

func TestRunnerConcurrencyIsALimit(t *testing.T) {
	for concurrency, want := range map[int]int32{0: 1, 1: 1, 3: 3, 100: 8} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running, most, entered atomic.Int32
				release := make(chan struct{})
				var steps []score.Step
				for i := range 8 {
					steps = append(steps,
						(&sample{name: fmt.Sprint(i), do: func(context.Context) (interpret.Outcome, error) {
							most.Store(max(most.Load(), running.Add(1)))
							entered.Add(1)
							<-release
							running.Add(-1)
							return interpret.Outcome{}, nil
						}}).on(prod))
				}
				done := make(chan error)
				go func() {
					_, err := score.Runner{Concurrency: concurrency}.Run(t.Context(), steps...)
					done <- err
				}()
				synctest.Wait() // until every step that may run does
				require.Equal(t, want, entered.Load())
				close(release)
				require.NoError(t, <-done)
				require.Equal(t, want, most.Load())
				require.EqualValues(t, 8, entered.Load())
			})
		})
	}
}

func TestRunSkipsTheRestWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first := &sample{name: "first", do: func(context.Context) (interpret.Outcome, error) {
		cancel()
		return does(created("x"))(ctx)
	}}
	second, third := &sample{name: "second"}, &sample{name: "third"}
	report, err := score.Run(ctx, score.Sequence(first.on(prod), second.on(prod)), third.on(prod))

	require.Equal(t, []string{"first", "second", "third"}, names(report))
	require.NoError(t, report.Results[0].Err)
	require.Len(t, report.Results[0].Outcome.Changes, 1)
	for _, result := range report.Results[1:] {
		require.ErrorIs(t, result.Err, score.ErrSkipped)
		require.ErrorIs(t, result.Err, context.Canceled)
	}
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, second.executed.Load()+third.executed.Load())
}

func TestRunStartsNothingAfterTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, b := &sample{name: "a"}, &sample{name: "b"}
	report, err := score.Runner{Concurrency: 2}.Run(ctx, a.on(prod), b.on(prod))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, score.ErrSkipped)
	require.Len(t, report.Results, 2)
	require.Zero(t, a.executed.Load()+b.executed.Load())
}

type key struct{}

func TestRunPassesTheContextToTheInterpret(t *testing.T) {
	var have any
	a := &sample{name: "a", do: func(ctx context.Context) (interpret.Outcome, error) {
		have = ctx.Value(key{})
		return interpret.Outcome{}, nil
	}}
	_, err := score.Run(context.WithValue(t.Context(), key{}, "value"), a.on(prod))
	require.NoError(t, err)
	require.Equal(t, "value", have)
}
