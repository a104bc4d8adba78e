package interpret_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

func change(name string, action topology.Action) topology.Change {
	return topology.Change{Kind: "Quota", Name: name, Action: action}
}

// steps returns steps that append their names to order and return their entry of results.
func steps(order *[]string, names []string, results map[string]result) []interpret.Step {
	var all []interpret.Step
	for _, name := range names {
		all = append(all, interpret.Ensure(name, func(context.Context) (topology.Change, error) {
			*order = append(*order, name)
			return results[name].change, results[name].err
		}))
	}
	return all
}

type result struct {
	change topology.Change
	err    error
}

func TestRunRecordsTheChangesOfItsSteps(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name    string
		results map[string]result
		order   []string
		changes []topology.Change
		fails   string
	}{
		{
			name: "in order, with the unchanged ones",
			results: map[string]result{
				"one":   {change: change("1", topology.Created)},
				"two":   {change: change("2", topology.Unchanged)},
				"three": {change: change("3", topology.Deleted)},
			},
			order: []string{"one", "two", "three"},
			changes: []topology.Change{
				change("1", topology.Created), change("2", topology.Unchanged), change("3", topology.Deleted),
			},
		},
		{
			name:    "a zero Change is not recorded",
			results: map[string]result{"two": {change: change("2", topology.Updated)}},
			order:   []string{"one", "two", "three"},
			changes: []topology.Change{change("2", topology.Updated)},
		},
		{
			name: "the first failure ends the run",
			results: map[string]result{
				"one":   {change: change("1", topology.Created)},
				"two":   {err: boom},
				"three": {change: change("3", topology.Created)},
			},
			order:   []string{"one", "two"},
			changes: []topology.Change{change("1", topology.Created)},
			fails:   "two",
		},
		{
			name:    "the change of a step that fails is recorded",
			results: map[string]result{"two": {change: change("2", topology.Updated), err: boom}},
			order:   []string{"one", "two"},
			changes: []topology.Change{change("2", topology.Updated)},
			fails:   "two",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var order []string
			out, err := interpret.Run(t.Context(), steps(&order, []string{"one", "two", "three"}, tt.results)...)
			require.Equal(t, tt.order, order)
			require.Equal(t, tt.changes, out.Changes)
			require.Empty(t, out.Notes)
			if tt.fails == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, &interpret.StepError{Step: tt.fails, Err: boom}, err)
			require.EqualError(t, err, "step "+tt.fails+": boom")
			require.ErrorIs(t, err, boom)
		})
	}
}

func TestRunWithoutStepsReturnsTheZeroOutcome(t *testing.T) {
	out, err := interpret.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, interpret.Outcome{}, out)
	require.False(t, out.Changed())
	require.Empty(t, out.String())
}

func TestRunReportsChangesAsProgress(t *testing.T) {
	var order []string
	boom := errors.New("boom")
	var heard []topology.Progress
	ctx := topology.WithProgress(t.Context(), func(p topology.Progress) {
		require.NotEmpty(t, order)
		heard = append(heard, p)
	})
	_, err := interpret.Run(ctx, steps(&order, []string{"one", "two", "three", "four"}, map[string]result{
		"one": {change: change("1", topology.Created)},
		"two": {change: change("2", topology.Unchanged)},
		// the step failed after the change
		"four": {change: change("4", topology.Updated), err: boom},
	})...)
	require.ErrorIs(t, err, boom)
	require.Equal(t, []topology.Progress{
		topology.Changed{Change: change("1", topology.Created)},
		topology.Changed{Change: change("4", topology.Updated)},
	}, heard)
}

func TestRunStopsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var order []string
	all := steps(&order, []string{"one", "two", "three"}, map[string]result{
		"one": {change: change("1", topology.Created)},
	})
	do := all[0].Do
	all[0].Do = func(ctx context.Context) (topology.Change, error) {
		cancel()
		return do(ctx)
	}
	out, err := interpret.Run(ctx, all...)
	require.Equal(t, []string{"one"}, order)
	require.Equal(t, []topology.Change{change("1", topology.Created)}, out.Changes)
	require.Equal(t, &interpret.StepError{Step: "two", Err: context.Canceled}, err)

	order = nil
	_, err = interpret.Run(ctx, all...)
	require.Empty(t, order, "no step starts after the context has ended")
	require.Equal(t, &interpret.StepError{Step: "one", Err: context.Canceled}, err)
}

// A step may itself call Run. The error then names the steps from the outside in.
func TestStepErrorsNest(t *testing.T) {
	cause := &topology.Error{Op: "ensure", Kind: "Quota", Name: "acme", Reason: topology.ErrConflict}
	_, err := interpret.Run(t.Context(), interpret.Check("outer", func(ctx context.Context) error {
		_, err := interpret.Run(ctx, interpret.Check("inner", func(context.Context) error {
			return fmt.Errorf("around: %w", cause)
		}))
		return err
	}))
	var at *interpret.StepError
	require.ErrorAs(t, err, &at)
	require.Equal(t, "outer", at.Step)
	require.ErrorIs(t, err, topology.ErrConflict)
	require.EqualError(t, err, `step outer: step inner: around: ensure Quota "acme": conflict`)
}

func TestCheckChangesNothing(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "given")
	for _, want := range []error{nil, errors.New("boom")} {
		step := interpret.Check("look", func(ctx context.Context) error {
			require.Equal(t, "given", ctx.Value(key{}))
			return want
		})
		require.Equal(t, "look", step.Name)
		change, err := step.Do(ctx)
		require.Equal(t, topology.Change{}, change)
		require.Equal(t, want, err)
	}
}

func TestEnsureReturnsTheChange(t *testing.T) {
	want, boom := change("1", topology.Created), errors.New("boom")
	step := interpret.Ensure("quota", func(context.Context) (topology.Change, error) { return want, boom })
	require.Equal(t, "quota", step.Name)
	change, err := step.Do(t.Context())
	require.Equal(t, want, change)
	require.Equal(t, boom, err)
}
