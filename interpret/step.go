package interpret

import (
	"context"
	"fmt"

	"github.com/polyphony-go/polyphony/topology"
)

// Step is one step of an Interpret. [Check] and [Ensure] make one.
type Step struct {
	// Name identifies the step in errors, for example "quota". It is unique within a [Run].
	Name string

	// Do performs the step and returns the change it made. [Run] does not record the zero Change. A
	// step that fails may return a Change too, if it made one before.
	Do func(ctx context.Context) (topology.Change, error)
}

// Check returns a step that changes nothing: it reads something, waits for it, or refuses to go on
// by returning an error.
func Check(name string, check func(ctx context.Context) error) Step {
	return Step{Name: name, Do: func(ctx context.Context) (topology.Change, error) {
		return topology.Change{}, check(ctx)
	}}
}

// Ensure returns a step that makes one value as wanted, or removes it. The function returns the
// change, which is [topology.Unchanged] if nothing differed. It may return the zero Change if there
// is nothing to compare; [Run] does not record that.
func Ensure(name string, ensure func(ctx context.Context) (topology.Change, error)) Step {
	return Step{Name: name, Do: ensure}
}

// Run performs the steps in order and records their changes in the Outcome. It stops at the first
// failure, which it returns as a [*StepError]. If the context has ended, it stops before the next
// step.
//
// Run reports each change that is more than [topology.Unchanged] by [topology.ReportProgress] as
// soon as the step has ended.
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

// StepError is the failure of one step of an Interpret.
type StepError struct {
	Step string // the name of the step
	Err  error  // the cause, never nil
}

// Error returns "step <name>: " and the cause.
func (e *StepError) Error() string { return fmt.Sprintf("step %s: %v", e.Step, e.Err) }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }
