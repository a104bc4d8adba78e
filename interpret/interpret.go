// Package interpret defines what makes a Score true: an [Interpret], which reads and changes a topology through its capabilities and
// says in an [Outcome] what it changed.
package interpret

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// Interpret is the logic of a Score. T holds exactly the capabilities that Execute calls.
//
// Execute is level-based: it may be run at any time, any number of times, also after a run that died half way, and always ends in the
// same state. It never leaves more open than it found unless everything that fences the opening is in force. On failure the Outcome
// has what was done until then, and the error says at which step it failed ([*StepError], as [Run] returns it).
type Interpret[T topology.Topology] interface {
	Execute(ctx context.Context, t T) (Outcome, error)
}

// Func is an Interpret that is one function.
type Func[T topology.Topology] func(ctx context.Context, t T) (Outcome, error)

// Execute calls f.
func (f Func[T]) Execute(ctx context.Context, t T) (Outcome, error) { return f(ctx, t) }

// Outcome is what an Interpret did, or on a dry run would do.
type Outcome struct {
	Changes []topology.Change `json:"changes,omitempty"` // in the order in which they were made, unchanged ones included
	Notes   []string          `json:"notes,omitempty"`   // what a person should know although nothing failed
}

// Changed tells whether anything is different now.
func (o Outcome) Changed() bool {
	return slices.ContainsFunc(o.Changes, func(c topology.Change) bool { return c.Action != topology.Unchanged })
}

// String prints one paragraph for each change and each note, without a trailing newline.
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

// Step is one step of an Interpret. Do returns the change that it made; a zero Change (a wait, a check) is not recorded.
type Step struct {
	Name string
	Do   func(ctx context.Context) (topology.Change, error)
}

// Run takes the steps in their order, records their changes in the Outcome and stops at the first failure, which it returns as a *StepError.
// A context that has ended stops it before the next step. What is different now it reports at once, by [topology.ReportProgress].
func Run(ctx context.Context, steps ...Step) (Outcome, error) {
	var out Outcome
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return out, &StepError{Step: s.Name, Err: err}
		}
		change, err := s.Do(ctx)
		if change.Action != "" {
			out.Changes = append(out.Changes, change)
			if change.Action != topology.Unchanged {
				topology.ReportProgress(ctx, topology.Changed{Change: change})
			}
		}
		if err != nil {
			return out, &StepError{Step: s.Name, Err: err}
		}
	}
	return out, nil
}

// StepError says at which of its steps an Interpret failed.
type StepError struct {
	Step string
	Err  error
}

func (e *StepError) Error() string { return fmt.Sprintf("step %s: %v", e.Step, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }
