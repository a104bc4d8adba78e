package topologytest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
)

// The values of a change decide, and the paths of its fields. The texts of values do not.
func TestRequireChangeDecidesByValuesAndPaths(t *testing.T) {
	quota := func(amounts string) topology.Quota {
		return topology.Quota{Namespace: "acme", Hard: parseAmounts(amounts)}
	}
	update := func() topology.Change {
		return topology.Change{
			Kind: topology.KindQuota, Name: "acme", Action: topology.Updated,
			Before: quota("pods=1"), After: quota("pods=2 services=1"),
			Fields: []topology.FieldChange{{Path: "hard[pods]", From: "1", To: "2"}, {Path: "hard[services]", To: "1"}},
		}
	}
	tests := []struct {
		name   string
		change func(*topology.Change)
		fails  bool
	}{
		{"the same change", func(*topology.Change) {}, false},
		{"other texts", func(c *topology.Change) { c.Fields[0].From, c.Fields[0].To = "one", "two" }, false},
		{"another notation", func(c *topology.Change) { c.Before = quota("pods=1000m") }, false},
		{"another kind", func(c *topology.Change) { c.Kind = topology.KindAccess }, true},
		{"another name", func(c *topology.Change) { c.Name = "globex" }, true},
		{"another action", func(c *topology.Change) { c.Action = topology.Created }, true},
		{"another value before", func(c *topology.Change) { c.Before = quota("pods=3") }, true},
		{"another value after", func(c *topology.Change) { c.After = quota("pods=3") }, true},
		{"no value", func(c *topology.Change) { c.After = nil }, true},
		{"a value of another type", func(c *topology.Change) { c.After = new(quota("pods=2 services=1")) }, true},
		{"a value that is inexact", func(c *topology.Change) { c.Inexact = true }, true},
		{"another path", func(c *topology.Change) { c.Fields[0].Path = "spec.hard[pods]" }, true},
		{"another order", func(c *topology.Change) { c.Fields[0], c.Fields[1] = c.Fields[1], c.Fields[0] }, true},
		{"a field is missing", func(c *topology.Change) { c.Fields = c.Fields[:1] }, true},
		{"one field more", func(c *topology.Change) { c.Fields = append(c.Fields, c.Fields[0]) }, true},
		{"a field that was not set has a text", func(c *topology.Change) { c.Fields[1].From = "0" }, true},
		{"a field that was set has none", func(c *topology.Change) { c.Fields[0].From = "" }, true},
		{"a field that is set has none", func(c *topology.Change) { c.Fields[0].To = "" }, true},
		{"twice the same text", func(c *topology.Change) { c.Fields[0].From = "2" }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := update()
			tt.change(&got)
			failed := puppet.Fails(t, func(v *puppet.Verdict) { RequireChange(v, update(), got) })
			require.Equal(t, tt.fails, failed)
		})
	}
}
