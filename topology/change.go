package topology

import (
	"fmt"
	"strings"
)

// Action is what an Ensure or Delete did, or on a dry run would have done.
type Action string

// The actions.
const (
	Unchanged Action = "unchanged"
	Created   Action = "created"
	Updated   Action = "updated"
	Deleted   Action = "deleted"
)

// Change is the outcome of one Ensure or Delete.
type Change struct {
	Kind   string        `json:"kind"` // of the value: "Namespace", "Quota", ...
	Name   string        `json:"name"`
	Action Action        `json:"action"`
	Fields []FieldChange `json:"fields,omitempty"` // what was different; only with Updated, and then never empty
}

// FieldChange is one field that was different.
type FieldChange struct {
	Path string `json:"path"`           // such as "hard[requests.cpu]", or of the stored object: "spec.podSelector.matchLabels[app]"
	From string `json:"from,omitempty"` // empty: there was none
	To   string `json:"to,omitempty"`   // empty: there is none any more
}

var actionSigns = map[Action]string{Unchanged: "=", Created: "+", Updated: "~", Deleted: "-"}

// String prints the change, one line and one more for each field, without a trailing newline.
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s", actionSigns[c.Action], c.Kind, c.Name, c.Action)
	for _, f := range c.Fields {
		b.WriteString("\n    " + f.String())
	}
	return b.String()
}

// String prints the field as "path: from -> to".
func (f FieldChange) String() string {
	return f.Path + ": " + orNone(f.From) + " -> " + orNone(f.To)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
