package topology

import (
	"fmt"
	"strings"
)

// Action is what an Ensure or Delete did, or would do on a dry run.
type Action string

// The actions.
const (
	Unchanged Action = "unchanged" // nothing was written
	Created   Action = "created"   // the value did not exist
	Updated   Action = "updated"   // the value existed and differed
	Deleted   Action = "deleted"   // the value existed
)

// Change is the outcome of one Ensure or Delete.
//
// Programs decide by Kind, Action, Before and After. Fields are for people, and so is what String
// prints.
type Change struct {
	Kind   Kind   `json:"kind"`   // of the value
	Name   string `json:"name"`   // of the tenant, its namespace or the topology
	Action Action `json:"action"` // what was done, or would be done on a dry run

	// Fields lists what was different. It is set with Updated only, and is then never empty.
	Fields []FieldChange `json:"fields,omitempty"`

	// Before is the value as it was read. Its type depends on Kind: see the constants of [Kind]. It
	// is nil with Created and Unchanged.
	Before any `json:"-"`

	// After is the value as it is now, or as it would be after a dry run. It has the type of
	// Before. It is nil with Deleted and Unchanged.
	After any `json:"-"`

	// Inexact reports that what was in force had parts that Before cannot express, such as a label
	// selector with expressions. It may have been stricter than Before, or more open.
	Inexact bool `json:"-"`
}

// FieldChange is one field that was different, in words for people.
type FieldChange struct {
	// Path leads to the field of the value, such as "hard[requests.cpu]". A path into the stored
	// object starts with "spec." or "metadata.".
	Path string `json:"path"`
	From string `json:"from,omitempty"` // empty: the field was not set
	To   string `json:"to,omitempty"`   // empty: the field is no longer set
}

var actionSigns = map[Action]string{Unchanged: "=", Created: "+", Updated: "~", Deleted: "-"}

// String prints one line for the change and one for each field, without a trailing newline.
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
