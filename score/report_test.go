package score_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, file string, have []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, have, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(have), "to accept %s, run the test with -update", path)
}

func TestReportPrintsAsTextAndJSON(t *testing.T) {
	change := func(kind topology.Kind, action topology.Action, fields ...topology.FieldChange) topology.Change {
		return topology.Change{Kind: kind, Name: "acme", Action: action, Fields: fields}
	}
	conflict := &score.Error{Score: "tenant/globex", Topology: "prod", Step: "quota", Err: &topology.Error{
		Op: "ensure", Kind: "Quota", Name: "globex", Reason: topology.ErrConflict,
		Detail: "an object of someone else has its name"}}
	reports := map[string]score.Report{
		"empty": {},
		"unchanged": {Results: []score.Result{{Score: "tenant/acme", Topology: "prod",
			Outcome: interpret.Outcome{Changes: []topology.Change{change("Namespace", topology.Unchanged)}}}}},
		"failed": {Results: []score.Result{{Score: "tenant/globex", Topology: "prod", Err: conflict}}},
		"mixed": {Results: []score.Result{
			{Score: "tenant/acme", Topology: "prod", Outcome: interpret.Outcome{
				Changes: []topology.Change{
					change("Namespace", topology.Unchanged),
					change("NetworkRules", topology.Created),
					change("Quota", topology.Updated, topology.FieldChange{Path: "hard[pods]", From: "20", To: "30"},
						topology.FieldChange{Path: "hard[secrets]", To: "<5>"}),
					change("ClusterReaders", topology.Deleted),
				},
				Notes: []string{"the default storage class is another one"},
			}},
			{Score: "tenant/globex", Topology: "prod",
				Outcome: interpret.Outcome{Changes: []topology.Change{change("Namespace", topology.Created)}},
				Err:     conflict},
			{Score: "zone/globex", Topology: "dns", Err: &score.Error{Score: "zone/globex", Topology: "dns",
				Err: fmt.Errorf("%w, since tenant/globex on prod failed", score.ErrSkipped)}},
			{Score: "idle", Topology: "prod"},
		}},
	}
	for name, report := range reports {
		t.Run(name, func(t *testing.T) {
			golden(t, "report-"+name+".golden.txt", []byte(report.String()))

			data, err := json.Marshal(report)
			require.NoError(t, err)
			var indented bytes.Buffer
			require.NoError(t, json.Indent(&indented, data, "", "  "))
			golden(t, "report-"+name+".golden.json", append(indented.Bytes(), '\n'))
		})
	}
}

func TestReportChangesListsAllSteps(t *testing.T) {
	unchanged := topology.Change{Kind: "Quota", Name: "x", Action: topology.Unchanged}
	idle := score.Result{Score: "a", Outcome: interpret.Outcome{Changes: []topology.Change{unchanged}}}
	busy := score.Result{Score: "b", Outcome: interpret.Outcome{Changes: []topology.Change{created("y"), unchanged}}}

	require.False(t, score.Report{Results: []score.Result{idle, idle}}.Changed())
	require.True(t, score.Report{Results: []score.Result{idle, busy}}.Changed())
	require.Equal(t, []topology.Change{unchanged, created("y"), unchanged},
		score.Report{Results: []score.Result{idle, busy}}.Changes())
	require.Empty(t, score.Report{}.Changes())
}
