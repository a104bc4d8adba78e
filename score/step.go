package score

import (
	"context"
	"errors"
	"reflect"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

// Step is a Score bound to a topology, or a sequence of steps. [Bind] and [Sequence] make one. The
// zero value is not valid.
type Step struct {
	score    string
	topology string
	validate func() error
	execute  func(context.Context) (interpret.Outcome, error)

	sequence []Step // if not nil, the step is a sequence, and the other fields are unset
}

// Bind binds a Score to a topology. Because the compiler cannot infer T, each Score has a typed
// method that calls Bind, for example tenant.TenantScore.On. If the Score or the topology is nil,
// the step is not valid.
func Bind[T topology.Topology](s Score[T], t T) Step {
	step := Step{score: "(none)", topology: "(none)"}
	if isNil(s) || isNil(t) {
		step.validate = func() error { return errors.New("the Score or the topology is nil; bind both") }
		return step
	}
	step.score, step.topology, step.validate = s.Name(), t.Name(), s.Validate
	step.execute = func(ctx context.Context) (interpret.Outcome, error) {
		return s.Interpret().Execute(ctx, t)
	}
	return step
}

// isNil reports whether v is nil or a nil pointer.
func isNil(v any) bool {
	value := reflect.ValueOf(v)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}

// Sequence returns one step that runs the given steps in order. Once one fails, it skips the rest.
// Without Sequence, the steps of a run are independent of each other.
func Sequence(steps ...Step) Step {
	return Step{sequence: append([]Step{}, steps...)}
}

// leaves returns the bound Scores of the step, in order.
func (s Step) leaves() []Step {
	if s.sequence == nil {
		return []Step{s}
	}
	var leaves []Step
	for _, child := range s.sequence {
		leaves = append(leaves, child.leaves()...)
	}
	return leaves
}

// check validates the Score of a step that is not a sequence.
func (s Step) check() error {
	if s.validate == nil {
		return errors.New("the Step is empty; make it with Bind or the On method of a Score")
	}
	return s.validate()
}
