package interpret_test

import (
	"context"
	"encoding/json"
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

// steps makes steps that write their names to order and return what results has for them.
func steps(order *[]string, names []string, results map[string]result) []interpret.Step {
	var all []interpret.Step
	for _, name := range names {
		all = append(all, interpret.Step{Name: name, Do: func(context.Context) (topology.Change, error) {
			*order = append(*order, name)
			return results[name].change, results[name].err
		}})
	}
	return all
}

type result struct {
	change topology.Change
	err    error
}

func TestRun(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name    string
		results map[string]result
		order   []string
		changes []topology.Change
		fails   string
	}{
		{
			name: "in order, unchanged included",
			results: map[string]result{"one": {change: change("1", topology.Created)}, "two": {change: change("2", topology.Unchanged)},
				"three": {change: change("3", topology.Deleted)}},
			order:   []string{"one", "two", "three"},
			changes: []topology.Change{change("1", topology.Created), change("2", topology.Unchanged), change("3", topology.Deleted)},
		},
		{
			name:    "a zero change is a wait or a check",
			results: map[string]result{"two": {change: change("2", topology.Updated)}},
			order:   []string{"one", "two", "three"},
			changes: []topology.Change{change("2", topology.Updated)},
		},
		{
			name:    "the first failure ends it",
			results: map[string]result{"one": {change: change("1", topology.Created)}, "two": {err: boom}, "three": {change: change("3", topology.Created)}},
			order:   []string{"one", "two"},
			changes: []topology.Change{change("1", topology.Created)},
			fails:   "two",
		},
		{
			name:    "what a failing step did all the same is recorded",
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

func TestRunOfNothing(t *testing.T) {
	out, err := interpret.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, interpret.Outcome{}, out)
	require.False(t, out.Changed())
	require.Empty(t, out.String())
}

func TestRunReportsWhatIsDifferent(t *testing.T) {
	var order []string
	boom := errors.New("boom")
	var heard []topology.Progress
	ctx := topology.WithProgress(t.Context(), func(p topology.Progress) {
		require.NotEmpty(t, order)
		heard = append(heard, p)
	})
	_, err := interpret.Run(ctx, steps(&order, []string{"one", "two", "three", "four"}, map[string]result{
		"one":  {change: change("1", topology.Created)},
		"two":  {change: change("2", topology.Unchanged)},
		"four": {change: change("4", topology.Updated), err: boom}, // it has happened all the same
	})...)
	require.ErrorIs(t, err, boom)
	require.Equal(t, []topology.Progress{
		topology.Changed{Change: change("1", topology.Created)}, topology.Changed{Change: change("4", topology.Updated)},
	}, heard)
}

func TestRunStopsWhenTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var order []string
	all := steps(&order, []string{"one", "two", "three"}, map[string]result{"one": {change: change("1", topology.Created)}})
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
	require.Empty(t, order, "a context that has ended starts nothing")
	require.Equal(t, &interpret.StepError{Step: "one", Err: context.Canceled}, err)
}

// A step may itself be a Run; the outermost step is the one that failed, and the cause is still found.
func TestStepErrorsNest(t *testing.T) {
	cause := &topology.Error{Op: "ensure", Kind: "Quota", Name: "acme", Reason: topology.ErrConflict}
	_, err := interpret.Run(t.Context(), interpret.Step{Name: "outer", Do: func(ctx context.Context) (topology.Change, error) {
		_, err := interpret.Run(ctx, interpret.Step{Name: "inner", Do: func(context.Context) (topology.Change, error) {
			return topology.Change{}, fmt.Errorf("around: %w", cause)
		}})
		return topology.Change{}, err
	}})
	var at *interpret.StepError
	require.ErrorAs(t, err, &at)
	require.Equal(t, "outer", at.Step)
	require.ErrorIs(t, err, topology.ErrConflict)
	require.EqualError(t, err, `step outer: step inner: around: ensure Quota "acme": conflict`)
}

type cluster struct{ topology.Topology }

func TestFuncIsAnInterpret(t *testing.T) {
	want, boom := interpret.Outcome{Notes: []string{"careful"}}, errors.New("boom")
	var given cluster
	var i interpret.Interpret[cluster] = interpret.Func[cluster](func(_ context.Context, c cluster) (interpret.Outcome, error) {
		given = c
		return want, boom
	})
	on := cluster{Topology: &struct{ topology.Topology }{}}
	out, err := i.Execute(t.Context(), on)
	require.Equal(t, want, out)
	require.Equal(t, boom, err)
	require.Equal(t, on, given)
}

func TestOutcomePrints(t *testing.T) {
	tests := []struct {
		name       string
		outcome    interpret.Outcome
		changed    bool
		text, json string
	}{
		{"nothing", interpret.Outcome{}, false, "", `{}`},
		{"unchanged", interpret.Outcome{Changes: []topology.Change{change("a", topology.Unchanged), change("b", topology.Unchanged)}}, false,
			"= Quota a unchanged\n= Quota b unchanged",
			`{"changes":[{"kind":"Quota","name":"a","action":"unchanged"},{"kind":"Quota","name":"b","action":"unchanged"}]}`},
		{"created", interpret.Outcome{Changes: []topology.Change{change("a", topology.Unchanged), change("b", topology.Created)}}, true,
			"= Quota a unchanged\n+ Quota b created",
			`{"changes":[{"kind":"Quota","name":"a","action":"unchanged"},{"kind":"Quota","name":"b","action":"created"}]}`},
		{"updated", interpret.Outcome{Changes: []topology.Change{{Kind: "Quota", Name: "a", Action: topology.Updated,
			Fields: []topology.FieldChange{{Path: "hard[pods]", To: "1"}}}}}, true,
			"~ Quota a updated\n    hard[pods]: (none) -> 1",
			`{"changes":[{"kind":"Quota","name":"a","action":"updated","fields":[{"path":"hard[pods]","to":"1"}]}]}`},
		{"deleted", interpret.Outcome{Changes: []topology.Change{change("a", topology.Deleted)}}, true,
			"- Quota a deleted", `{"changes":[{"kind":"Quota","name":"a","action":"deleted"}]}`},
		{"notes", interpret.Outcome{Changes: []topology.Change{change("a", topology.Unchanged)}, Notes: []string{"one", "two"}}, false,
			"= Quota a unchanged\n! one\n! two", `{"changes":[{"kind":"Quota","name":"a","action":"unchanged"}],"notes":["one","two"]}`},
		{"notes alone", interpret.Outcome{Notes: []string{"one"}}, false, "! one", `{"notes":["one"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.changed, tt.outcome.Changed())
			require.Equal(t, tt.text, tt.outcome.String())
			data, err := json.Marshal(tt.outcome)
			require.NoError(t, err)
			require.JSONEq(t, tt.json, string(data))
		})
	}
}
