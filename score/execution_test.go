package score_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

var unavailable = &topology.Error{Op: "ensure", Kind: "Quota", Name: "acme", Reason: topology.ErrUnavailable}

// tries is a Score whose tries call these functions, one after the other. Later tries do nothing.
func tries(name string, each ...func(context.Context) (interpret.Outcome, error)) *sample {
	var n atomic.Int32
	return &sample{name: name, do: func(ctx context.Context) (interpret.Outcome, error) {
		if i := int(n.Add(1)) - 1; i < len(each) {
			return each[i](ctx)
		}
		return interpret.Outcome{}, nil
	}}
}

func TestRunnerRefusesNegativeOptions(t *testing.T) {
	a := &sample{name: "a"}
	for option, runner := range map[string]score.Runner{"Concurrency": {Concurrency: -1}, "Budget": {Budget: -1},
		"Retries": {Retries: -1}} {
		_, err := runner.Run(t.Context(), a.on(prod))
		require.EqualError(t, err, "score: Runner."+option+" is -1; it must not be negative")
	}
	require.Zero(t, a.executed.Load())
}

func TestRunnerRetriesTransientFailures(t *testing.T) {
	boom := errors.New("boom")
	tests := map[string]struct {
		score   *sample
		retries int
		tries   int32
		err     error
	}{
		"none asked for":         {tries("a", fails(unavailable)), 0, 1, unavailable},
		"passes at the second":   {tries("a", fails(unavailable)), 3, 2, nil},
		"passes at the last":     {tries("a", fails(unavailable), fails(unavailable)), 2, 3, nil},
		"lasts longer":           {&sample{name: "a", do: fails(unavailable)}, 2, 3, unavailable},
		"is not transient":       {&sample{name: "a", do: fails(boom)}, 5, 1, boom},
		"is no longer transient": {tries("a", fails(unavailable), fails(boom)), 5, 2, boom},
		"succeeds":               {&sample{name: "a"}, 5, 1, nil},
		"fails at a step, transient": {tries("a", fails(&interpret.StepError{Step: "quota", Err: unavailable})), 1, 2,
			nil},
		"is as transient as a string": {&sample{name: "a", do: fails(errors.New("unavailable"))}, 5, 1,
			errors.New("unavailable")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				report, err := score.Runner{Retries: tt.retries}.Run(t.Context(), tt.score.on(prod))
				require.Equal(t, tt.tries, tt.score.executed.Load())
				if tt.err == nil {
					require.NoError(t, err)
					return
				}
				require.EqualError(t, report.Results[0].Err, "a on prod: "+tt.err.Error())
			})
		})
	}
}

func TestRetryPausesGrowAndVary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []score.Event
		began := time.Now()
		a, b := &sample{name: "a", do: fails(unavailable)}, &sample{name: "b", do: fails(unavailable)}
		_, err := score.Runner{Retries: 8, Observe: record(&events)}.Run(t.Context(), a.on(prod), b.on(prod))
		require.ErrorIs(t, err, topology.ErrUnavailable)
		var total time.Duration
		pauses := map[string][]time.Duration{}
		for _, e := range events {
			if e, ok := e.(score.Retrying); ok {
				retry := topology.Retrying{Err: unavailable, After: e.After, Try: len(pauses[e.Score]) + 1}
				require.Equal(t, score.Retrying{Score: e.Score, Topology: "prod", Retrying: retry}, e)
				pauses[e.Score] = append(pauses[e.Score], e.After)
				total += e.After
			}
		}
		for _, list := range pauses {
			require.Len(t, list, 8)
			for i, most := range []int{1, 2, 4, 8, 16, 30, 30, 30} {
				require.GreaterOrEqual(t, list[i], time.Duration(most)*time.Second/2, i)
				require.Less(t, list[i], time.Duration(most)*time.Second, i)
			}
		}
		require.NotEqual(t, pauses["a"], pauses["b"])
		require.Equal(t, total, time.Since(began), "it waits for just as long as it says")
	})
}

func TestRunnerDoesNotRetryWhenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// during the first pause
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		a, b := &sample{name: "a", do: fails(unavailable)}, &sample{name: "b"}
		report, err := score.Runner{Retries: 5}.Run(ctx, a.on(prod), b.on(prod))
		require.Equal(t, 100*time.Millisecond, time.Since(began))
		require.EqualValues(t, 1, a.executed.Load())
		require.ErrorIs(t, report.Results[0].Err, topology.ErrUnavailable, "why it failed is what is said")
		require.False(t, report.Results[0].Skipped)
		require.True(t, report.Results[1].Skipped)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Changes of earlier tries stay in the Outcome, whatever a later try finds.
func TestRetriesMergeTheOutcomesOfAllTries(t *testing.T) {
	change := func(name string, action topology.Action) topology.Change {
		return topology.Change{Kind: "Quota", Name: name, Action: action}
	}
	type do = func(context.Context) (interpret.Outcome, error)
	try := func(err error, notes []string, changes ...topology.Change) do {
		return func(context.Context) (interpret.Outcome, error) {
			return interpret.Outcome{Changes: changes, Notes: notes}, err
		}
	}
	for last, err := range map[string]error{"succeeds": nil, "fails": errors.New("boom")} {
		t.Run(last, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := []topology.Change{change("1", topology.Unchanged), change("2", topology.Created),
					change("3", topology.Updated)}
				a := tries("a",
					try(unavailable, []string{"x", "y"}, first...),
					try(unavailable, nil, change("1", topology.Unchanged)),
					try(err, []string{"y", "z"}, change("1", topology.Unchanged), change("2", topology.Unchanged),
						change("3", topology.Updated), change("4", topology.Deleted)))
				report, _ := score.Runner{Retries: 2}.Run(t.Context(), a.on(prod))
				require.Equal(t, interpret.Outcome{
					Changes: []topology.Change{change("2", topology.Created), change("1", topology.Unchanged),
						change("3", topology.Updated), change("4", topology.Deleted)},
					Notes: []string{"x", "y", "z"},
				}, report.Results[0].Outcome)
				require.Equal(t, change("1", topology.Unchanged), first[0], "what an Interpret handed out is its own")
			})
		})
	}
}

// Two tries make the same change if its values are the same. What the change prints does not count.
func TestRetriesMergeChangesByTheirValues(t *testing.T) {
	quota := func(pods string) topology.Quota {
		return topology.Quota{Namespace: "acme", Hard: map[string]resource.Quantity{"pods": resource.MustParse(pods)}}
	}
	update := func(from, to string) topology.Change {
		return topology.Change{
			Kind: topology.KindQuota, Name: "acme", Action: topology.Updated, Before: quota(from), After: quota(to),
			Fields: []topology.FieldChange{{Path: "hard[pods]", From: from, To: to}},
		}
	}
	printed := func(c topology.Change, text string) topology.Change {
		c.Fields = []topology.FieldChange{{Path: text, From: text}}
		return c
	}
	inexact := update("1", "2")
	inexact.Inexact = true
	tests := []struct {
		name        string
		first, last topology.Change
		same        bool
	}{
		{"all is the same", update("1", "2"), update("1", "2"), true},
		{"another text", update("1", "2"), printed(update("1", "2"), "x"), true},
		{"another notation", update("1k", "2"), update("1000", "2"), true},
		{"another value before, the same text", printed(update("1", "3"), "x"), printed(update("2", "3"), "x"), false},
		{"another value after, the same text", printed(update("1", "2"), "x"), printed(update("1", "3"), "x"), false},
		{"a value before that is inexact", update("1", "2"), inexact, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				try := func(err error, change topology.Change) func(context.Context) (interpret.Outcome, error) {
					return func(context.Context) (interpret.Outcome, error) {
						return interpret.Outcome{Changes: []topology.Change{change}}, err
					}
				}
				a := tries("a", try(unavailable, tt.first), try(nil, tt.last))
				report, err := score.Runner{Retries: 1}.Run(t.Context(), a.on(prod))
				require.NoError(t, err)
				want := []topology.Change{tt.first, tt.last}
				if tt.same {
					want = []topology.Change{tt.last}
				}
				require.Equal(t, want, report.Results[0].Outcome.Changes)
			})
		})
	}
}

func TestBudgetSkipsTheRest(t *testing.T) {
	boom := errors.New("boom")
	var steps []score.Step
	var all []*sample
	for i := range 10 {
		s := &sample{name: fmt.Sprint(i)}
		if i%2 == 0 {
			s.do = fails(boom)
		}
		all, steps = append(all, s), append(steps, s.on(prod))
	}
	report, err := score.Runner{Budget: 3}.Run(t.Context(), steps...)
	require.ErrorIs(t, err, score.ErrBudget)
	require.Len(t, report.Results, 10)
	for i, result := range report.Results {
		skipped := i > 4 // three of the first five failed
		require.Equal(t, skipped, result.Skipped, i)
		require.Equal(t, skipped, errors.Is(result.Err, score.ErrBudget), i)
		require.Equal(t, skipped, errors.Is(result.Err, score.ErrSkipped), i)
		require.Equal(t, !skipped, all[i].executed.Load() == 1, i)
	}
	require.EqualError(t, report.Results[9].Err,
		"9 on prod: skipped: as many steps have failed as the run's budget allows")

	_, err = score.Runner{Budget: 6}.Run(t.Context(), steps...)
	require.NotErrorIs(t, err, score.ErrSkipped)
	_, err = score.Run(t.Context(), steps...)
	require.NotErrorIs(t, err, score.ErrSkipped)
}

// Four steps run when the budget is used up. They finish, and no other step starts.
func TestBudgetLetsRunningStepsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		takes := func(d time.Duration, err error) func(context.Context) (interpret.Outcome, error) {
			return func(context.Context) (interpret.Outcome, error) {
				time.Sleep(d)
				return interpret.Outcome{}, err
			}
		}
		steps := []score.Step{
			(&sample{name: "fails late", do: takes(3*time.Second, boom)}).on(prod),
			score.Sequence((&sample{name: "fails", do: takes(time.Second, boom)}).on(prod),
				(&sample{name: "after it"}).on(prod)),
			score.Sequence((&sample{name: "succeeds", do: takes(2*time.Second, nil)}).on(prod),
				(&sample{name: "then"}).on(prod)),
			(&sample{name: "waits", do: takes(4*time.Second, nil)}).on(prod),
		}
		for i := range 20 {
			steps = append(steps, (&sample{name: fmt.Sprint(i)}).on(prod))
		}
		report, _ := score.Runner{Concurrency: 4, Budget: 1}.Run(t.Context(), steps...)
		var ran []string
		for _, result := range report.Results {
			if !result.Skipped {
				ran = append(ran, result.Score)
			}
		}
		require.Equal(t, []string{"fails late", "fails", "succeeds", "waits"}, ran)
		require.EqualError(t, report.Results[2].Err, "after it on prod: skipped, since fails on prod failed",
			"the nearest reason is the one that is said")
		require.ErrorIs(t, report.Results[4].Err, score.ErrBudget)
		require.Contains(t, report.String(), "\nstopped: 2 of 26 steps done, 2 failed, 22 not begun\n")
	})
}

// A step that waits for another try fails when the budget is used up.
func TestBudgetEndsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &sample{name: "a", do: fails(unavailable)}, &sample{name: "b", do: fails(errors.New("boom"))}
		_, err := score.Runner{Concurrency: 2, Budget: 1, Retries: 9}.Run(t.Context(), a.on(prod), b.on(prod))
		require.ErrorIs(t, err, topology.ErrUnavailable)
		require.EqualValues(t, 1, a.executed.Load())
	})
}

func TestReportOfACancelledRunSaysHowFarItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var steps []score.Step
		for i := range 300 {
			steps = append(steps,
				(&sample{name: fmt.Sprint(i), do: func(ctx context.Context) (interpret.Outcome, error) {
					select {
					case <-time.After(time.Second):
						return interpret.Outcome{}, nil
					case <-ctx.Done():
						return interpret.Outcome{}, ctx.Err()
					}
				}}).on(prod))
		}
		time.AfterFunc(24*time.Second+time.Second/2, cancel)
		began := time.Now()
		report, err := score.Runner{Concurrency: 5}.Run(ctx, steps...)
		require.ErrorIs(t, err, context.Canceled)
		require.Less(t, time.Since(began), 25*time.Second)
		require.Len(t, report.Results, 300)
		text := report.String()
		require.Regexp(t,
			`\n0 created, 0 updated, 0 deleted, 0 unchanged\nstopped: 120 of 300 steps done, 5 failed, 175 not begun\n$`, text)
	})
}
