package interpret_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

type cluster struct{ topology.Topology }

func TestFuncExecuteCallsTheFunction(t *testing.T) {
	want, boom := interpret.Outcome{Notes: []string{"careful"}}, errors.New("boom")
	var given cluster
	var i interpret.Interpret[cluster] = interpret.Func[cluster](
		func(_ context.Context, c cluster) (interpret.Outcome, error) {
			given = c
			return want, boom
		})
	on := cluster{Topology: &struct{ topology.Topology }{}}
	out, err := i.Execute(t.Context(), on)
	require.Equal(t, want, out)
	require.Equal(t, boom, err)
	require.Equal(t, on, given)
}

func TestOutcomePrintsAsTextAndJSON(t *testing.T) {
	field := topology.FieldChange{Path: "hard[pods]", To: "1"}
	updated := topology.Change{
		Kind: "Quota", Name: "a", Action: topology.Updated, Fields: []topology.FieldChange{field},
	}
	tests := []struct {
		name       string
		changes    []topology.Change
		notes      []string
		changed    bool
		text, json string
	}{
		{name: "nothing", json: `{}`},
		{
			name:    "unchanged",
			changes: []topology.Change{change("a", topology.Unchanged), change("b", topology.Unchanged)},
			text:    "= Quota a unchanged\n= Quota b unchanged",
			json: `{"changes":[{"kind":"Quota","name":"a","action":"unchanged"},
				{"kind":"Quota","name":"b","action":"unchanged"}]}`,
		},
		{
			name:    "created",
			changes: []topology.Change{change("a", topology.Unchanged), change("b", topology.Created)},
			changed: true,
			text:    "= Quota a unchanged\n+ Quota b created",
			json: `{"changes":[{"kind":"Quota","name":"a","action":"unchanged"},
				{"kind":"Quota","name":"b","action":"created"}]}`,
		},
		{
			name:    "updated",
			changes: []topology.Change{updated},
			changed: true,
			text:    "~ Quota a updated\n    hard[pods]: (none) -> 1",
			json: `{"changes":[{"kind":"Quota","name":"a","action":"updated",
				"fields":[{"path":"hard[pods]","to":"1"}]}]}`,
		},
		{
			name:    "deleted",
			changes: []topology.Change{change("a", topology.Deleted)},
			changed: true,
			text:    "- Quota a deleted",
			json:    `{"changes":[{"kind":"Quota","name":"a","action":"deleted"}]}`,
		},
		{
			name:    "notes after changes",
			changes: []topology.Change{change("a", topology.Unchanged)},
			notes:   []string{"one", "two"},
			text:    "= Quota a unchanged\n! one\n! two",
			json:    `{"changes":[{"kind":"Quota","name":"a","action":"unchanged"}],"notes":["one","two"]}`,
		},
		{name: "notes alone", notes: []string{"one"}, text: "! one", json: `{"notes":["one"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			outcome := interpret.Outcome{Changes: tt.changes, Notes: tt.notes}
			require.Equal(t, tt.changed, outcome.Changed())
			require.Equal(t, tt.text, outcome.String())
			data, err := json.Marshal(outcome)
			require.NoError(t, err)
			require.JSONEq(t, tt.json, string(data))
		})
	}
}
