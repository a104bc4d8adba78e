package topology_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

func TestChangeStringAndJSON(t *testing.T) {
	tests := []struct {
		change     topology.Change
		text, json string
	}{
		{topology.Change{Kind: "Namespace", Name: "acme", Action: topology.Unchanged},
			"= Namespace acme unchanged",
			`{"kind":"Namespace","name":"acme","action":"unchanged"}`},
		{topology.Change{Kind: "Namespace", Name: "acme", Action: topology.Created},
			"+ Namespace acme created",
			`{"kind":"Namespace","name":"acme","action":"created"}`},
		{topology.Change{Kind: "Namespace", Name: "acme", Action: topology.Deleted},
			"- Namespace acme deleted",
			`{"kind":"Namespace","name":"acme","action":"deleted"}`},
		{topology.Change{Kind: "Quota", Name: "acme", Action: topology.Updated, Fields: []topology.FieldChange{
			{Path: "hard[pods]", From: "20", To: "30"}, {Path: "hard[secrets]", To: "5"}, {Path: "hard[x]", From: "1"}}},
			"~ Quota acme updated\n    hard[pods]: 20 -> 30\n    hard[secrets]: (none) -> 5\n    hard[x]: 1 -> (none)",
			`{"kind":"Quota","name":"acme","action":"updated","fields":[{"path":"hard[pods]","from":"20","to":"30"},{"path":"hard[secrets]","to":"5"},{"path":"hard[x]","from":"1"}]}`},
	}
	for _, tt := range tests {
		t.Run(string(tt.change.Action), func(t *testing.T) {
			require.Equal(t, tt.text, tt.change.String())
			data, err := json.Marshal(tt.change)
			require.NoError(t, err)
			require.JSONEq(t, tt.json, string(data))

			var back topology.Change
			require.NoError(t, json.Unmarshal(data, &back))
			require.Equal(t, tt.change, back)
		})
	}
}
