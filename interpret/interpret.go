// Package interpret defines the logic that makes a Score true.
//
// # Interprets
//
// An [Interpret] reads and changes a topology through its capabilities. It returns an [Outcome]:
// the changes it made, in order, and notes for people. [Func] makes an Interpret of a function.
//
// # Steps
//
// Most Interprets are a list of steps. [Run] takes them in order, collects their changes and stops
// at the first failure, a [*StepError] that names the step. There are two kinds of [Step]:
//
//   - [Check] reads, waits or refuses. It changes nothing.
//   - [Ensure] makes one value as wanted, or removes it. It returns the change.
//
// Package score binds an Interpret to a topology and runs it, together with others.
package interpret

import (
	"context"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// Interpret is the logic of a Score. T holds exactly the capabilities that Execute calls.
type Interpret[T topology.Topology] interface {
	// Execute makes the Score true on the topology t.
	//
	// Execute is level-based: callers may run it at any time and any number of times, also after an
	// interrupted run. It always reaches the same state. It grants access only when everything that
	// limits the access is in force.
	//
	// If Execute fails, the Outcome holds its changes until then. The error names the failed step,
	// like the [*StepError] of [Run], and wraps the topology's error.
	Execute(ctx context.Context, t T) (Outcome, error)
}

// Func is an Interpret that consists of one function.
type Func[T topology.Topology] func(ctx context.Context, t T) (Outcome, error)

// Execute calls f.
func (f Func[T]) Execute(ctx context.Context, t T) (Outcome, error) { return f(ctx, t) }

// Outcome is what an Interpret did or, on a dry run, would do. The zero value has neither changes
// nor notes.
type Outcome struct {
	// Changes has one entry for each step that compared something, in the order of the steps.
	// Entries whose action is [topology.Unchanged] are included.
	Changes []topology.Change `json:"changes,omitempty"`

	// Notes are sentences for people about conditions that are no errors.
	Notes []string `json:"notes,omitempty"`
}

// Changed reports whether any change is more than [topology.Unchanged].
func (o Outcome) Changed() bool {
	return slices.ContainsFunc(o.Changes, func(c topology.Change) bool {
		return c.Action != topology.Unchanged
	})
}

// String prints one paragraph for each change and each note, without a trailing newline. A note
// starts with "! ". The zero Outcome is the empty string.
func (o Outcome) String() string {
	var lines []string
	for _, c := range o.Changes {
		lines = append(lines, c.String())
	}
	for _, n := range o.Notes {
		lines = append(lines, "! "+n)
	}
	return strings.Join(lines, "\n")
}
