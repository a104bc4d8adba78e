package score_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// runs returns the function of a Score that runs others. Its changes are theirs.
func runs(report *score.Report, steps ...score.Step) func(context.Context) (interpret.Outcome, error) {
	return func(ctx context.Context) (interpret.Outcome, error) {
		within, err := score.RunWithin(ctx, steps...)
		if report != nil {
			*report = within
		}
		return interpret.Outcome{Changes: within.Changes()}, err
	}
}

func TestRunWithinJoinsTheRun(t *testing.T) {
	var within score.Report
	var events []score.Event
	roster := &sample{name: "roster", do: runs(&within, (&sample{name: "a", do: does(created("a"))}).on(prod),
		(&sample{name: "b"}).on(prod))}
	report, err := score.Runner{Observe: record(&events)}.Run(t.Context(), roster.on(prod),
		(&sample{name: "c"}).on(prod))
	require.NoError(t, err)
	require.Equal(t, []string{"roster", "c"}, names(report), "what runs within is no step of the run around it")
	require.Equal(t, []topology.Change{created("a")}, report.Results[0].Outcome.Changes)
	require.Equal(t, []string{"a", "b"}, names(within))
	require.Equal(t, []score.Event{
		score.RunStarted{Steps: 2},
		score.Started{Score: "roster", Topology: "prod"},
		score.Planned{Score: "roster", Topology: "prod", Steps: 2},
		score.Started{Score: "a", Topology: "prod"}, score.Finished{Result: within.Results[0]},
		score.Started{Score: "b", Topology: "prod"}, score.Finished{Result: within.Results[1]},
		score.Finished{Result: report.Results[0]},
		score.Started{Score: "c", Topology: "prod"}, score.Finished{Result: report.Results[1]},
		score.RunFinished{Report: report},
	}, events)
}

func TestRunWithinOutsideOfARunIsRun(t *testing.T) {
	a := &sample{name: "a", do: does(created("a"))}
	report, err := score.RunWithin(t.Context(), a.on(prod), (&sample{name: "b", do: fails(unavailable)}).on(prod))
	require.ErrorIs(t, err, topology.ErrUnavailable)
	require.Equal(t, []string{"a", "b"}, names(report))
	require.True(t, report.Changed())
}

func TestRunWithinValidatesEverythingFirst(t *testing.T) {
	mistake := errors.New("mistake")
	good, bad := &sample{name: "good"}, &sample{name: "bad", invalid: mistake}
	var within score.Report
	var events []score.Event
	roster := &sample{name: "roster", do: runs(&within, good.on(prod), score.Sequence(good.on(prod), bad.on(prod)),
		score.Step{})}
	_, err := score.Runner{Concurrency: 2, Retries: 3, Observe: record(&events)}.Run(t.Context(), roster.on(prod))
	require.ErrorIs(t, err, score.ErrInvalid)
	require.ErrorIs(t, err, mistake)
	require.Zero(t, good.executed.Load())
	require.Len(t, within.Results, 4)
	require.ErrorIs(t, within.Results[2].Err, mistake)
	require.Len(t, events, 4, "no event of what does not run")
}

// load counts the steps that run at once, without those that only run others, and keeps the
// maximum.
type load struct {
	mu        sync.Mutex
	now, most int
	total     atomic.Int32
}

func (l *load) add(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now += n
	l.most = max(l.most, l.now)
}

func (l *load) work(context.Context) (interpret.Outcome, error) {
	l.add(1)
	time.Sleep(time.Second)
	l.add(-1)
	l.total.Add(1)
	return interpret.Outcome{}, nil
}

// Steps run others, three levels deep and from several goroutines. They finish: synctest would
// report a deadlock.
func TestRunWithinSharesTheConcurrency(t *testing.T) {
	for _, concurrency := range []int{1, 2, 3, 7, 100} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l load
				leaves := func(n int) (steps []score.Step) {
					for i := range n {
						steps = append(steps, (&sample{name: fmt.Sprint("leaf ", i), do: l.work}).on(prod))
					}
					return steps
				}
				parent := func(steps ...score.Step) score.Step {
					return (&sample{name: "parent", do: func(ctx context.Context) (interpret.Outcome, error) {
						_, _ = l.work(ctx)
						_, err := score.RunWithin(ctx, steps...)
						_, _ = l.work(ctx)
						return interpret.Outcome{}, err
					}}).on(prod)
				}
				twice := (&sample{name: "twice", do: func(ctx context.Context) (interpret.Outcome, error) {
					var both sync.WaitGroup
					for range 2 {
						both.Go(func() { _, _ = score.RunWithin(ctx, leaves(3)...) })
					}
					both.Wait()
					return l.work(ctx)
				}}).on(prod)
				steps := append(leaves(5), parent(leaves(10)...), parent(parent(leaves(4)...), parent(leaves(6)...),
					twice), twice, parent())
				_, err := score.Runner{Concurrency: concurrency}.Run(t.Context(), steps...)
				require.NoError(t, err)
				require.EqualValues(t, 5+12+(2+6+8+7)+7+2, l.total.Load())
				require.LessOrEqual(t, l.most, concurrency)
				if concurrency <= 7 {
					require.Equal(t, concurrency, l.most, "no place stays empty")
				}
			})
		})
	}
}

// The zero Runner keeps the order of nested steps too.
func TestRunWithinKeepsTheOrder(t *testing.T) {
	var order []string // the race detector finds two steps at once
	step := func(name string, within ...score.Step) score.Step {
		return (&sample{name: name, do: func(ctx context.Context) (interpret.Outcome, error) {
			order = append(order, name)
			_, err := score.RunWithin(ctx, within...)
			order = append(order, "/"+name)
			return interpret.Outcome{}, err
		}}).on(prod)
	}
	_, err := score.Run(t.Context(), step("a", step("b"), score.Sequence(step("c"), step("d"))), step("e"))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "/b", "c", "/c", "d", "/d", "/a", "e", "/e"}, order)
}

func TestRunWithinSharesTheRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		passes, lasts := tries("passes", fails(unavailable)), &sample{name: "lasts", do: fails(unavailable)}
		roster := &sample{name: "roster", do: runs(nil, passes.on(prod), lasts.on(prod))}
		_, err := score.Runner{Retries: 2}.Run(t.Context(), roster.on(prod))
		require.ErrorIs(t, err, topology.ErrUnavailable)
		require.EqualValues(t, 2, passes.executed.Load())
		require.EqualValues(t, 3, lasts.executed.Load())
		require.EqualValues(t, 1, roster.executed.Load(), "its steps were tried again, so it is not")

		early := tries("early", fails(unavailable), runs(nil, passes.on(prod)))
		_, err = score.Runner{Retries: 2}.Run(t.Context(), early.on(prod))
		require.NoError(t, err)
		require.EqualValues(t, 2, early.executed.Load(), "it had not run any other yet")
	})
}

func TestRunWithinSharesTheBudget(t *testing.T) {
	boom := errors.New("boom")
	failing := func(n int) (steps []score.Step) {
		for i := range n {
			steps = append(steps, (&sample{name: fmt.Sprint(i), do: fails(boom)}).on(prod))
		}
		return steps
	}
	var one, two score.Report
	first, second := &sample{name: "first", do: runs(&one, failing(2)...)},
		&sample{name: "second", do: runs(&two, failing(5)...)}
	last := &sample{name: "last"}
	report, err := score.Runner{Budget: 4}.Run(t.Context(), first.on(prod), second.on(prod), last.on(prod))
	require.ErrorIs(t, err, score.ErrBudget)
	// two of the first run, then the budget of two is used up
	for i, skipped := range []bool{false, false, true, true, true} {
		require.Equal(t, skipped, two.Results[i].Skipped, i)
		require.Equal(t, skipped, errors.Is(two.Results[i].Err, score.ErrBudget), i)
	}
	require.Len(t, one.Results, 2)
	require.False(t, report.Results[1].Skipped, "some that it runs were skipped, itself was not")
	require.True(t, report.Results[2].Skipped)
	require.Zero(t, last.executed.Load())
	require.Contains(t, report.String(), "\nstopped: 0 of 3 steps done, 2 failed, 1 not begun\n")
}

func TestRunWithinStopsWhenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l load
		var leaves []score.Step
		for i := range 10 {
			leaves = append(leaves, (&sample{name: fmt.Sprint(i), do: l.work}).on(prod))
		}
		var within score.Report
		hurried := &sample{name: "hurried", do: func(ctx context.Context) (interpret.Outcome, error) {
			// of these steps only, not of the run
			ctx, cancel := context.WithTimeout(ctx, 2500*time.Millisecond)
			defer cancel()
			return runs(&within, leaves...)(ctx)
		}}
		after := &sample{name: "after"}
		report, err := score.Run(t.Context(), hurried.on(prod), after.on(prod))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualValues(t, 3, l.total.Load())
		for i, result := range within.Results {
			require.Equal(t, i >= 3, result.Skipped, i)
		}
		require.NoError(t, report.Results[1].Err, "the run around it goes on")
	})
}

// A large nested run starts no goroutine for each step, and needs little memory.
func TestRunWithinOfManyStepsIsCheap(t *testing.T) {
	const n, concurrency = 10_000, 16
	before, most := runtime.NumGoroutine(), 0
	var mu sync.Mutex
	leaf := &sample{name: "leaf", do: func(context.Context) (interpret.Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		most = max(most, runtime.NumGoroutine())
		return interpret.Outcome{}, nil
	}}
	steps := make([]score.Step, n)
	for i := range steps {
		steps[i] = leaf.on(prod)
	}
	_, err := score.Runner{Concurrency: concurrency}.Run(t.Context(),
		(&sample{name: "roster", do: runs(nil, steps...)}).on(prod))
	require.NoError(t, err)
	require.EqualValues(t, n, leaf.executed.Load())
	require.LessOrEqual(t, most, before+concurrency)
}

func BenchmarkRunWithin(b *testing.B) {
	leaf := &sample{name: "leaf"}
	steps := make([]score.Step, 10_000)
	for i := range steps {
		steps[i] = leaf.on(prod)
	}
	roster := (&sample{name: "roster", do: runs(nil, steps...)}).on(prod)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (score.Runner{Concurrency: 16, Observe: func(score.Event) {}}).Run(b.Context(),
			roster); err != nil {
			b.Fatal(err)
		}
	}
}
