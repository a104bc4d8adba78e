// Package score defines the desired state as data, and runs it.
//
// A [Score] is a plain value. Bound to a [topology.Topology] it becomes a [Step], and [Run] takes steps of any mixture of Scores and
// topologies:
//
//	report, err := score.Run(ctx, acme.On(cluster), globex.On(cluster), zone.On(dns))
//
// A [Runner] says how: how many at once, how many may fail, what is tried again, and who is told. It stops when its context does, and says
// how far it came. [Log] and package score/progress show its events; score/otel, a module of its own, makes spans of them. A Score
// that consists of others runs them by [RunWithin].
//
// The type parameter T is the set of capabilities that the Score's Interpret calls, so a topology that lacks one does not compile. It
// is on the contract alone and never on the data; [Bind] erases it.
package score

import (
	"context"
	"errors"
	"reflect"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

// Score is a desired state. Package scoretest checks what every Score owes.
type Score[T topology.Topology] interface {
	// Name identifies the Score in reports and errors, such as "tenant/acme". It is constant and not empty, also for a Score that is
	// not valid.
	Name() string

	// Validate checks the value alone: it sends no request, has no side effect and reports every mistake at once, each with the JSON
	// path of its field.
	Validate() error

	// Interpret returns the logic that makes the Score true. It is called on a valid Score only.
	Interpret() interpret.Interpret[T]
}

// Step is a Score bound to the topology it is to run on, or several that depend on each other. Its zero value is not valid.
type Step struct {
	score    string
	topology string
	validate func() error
	execute  func(context.Context) (interpret.Outcome, error)

	sequence []Step // the step is these, one after the other; score and the rest are then unset
}

// Bind binds a Score to a topology. Scores offer it as a typed method, such as tenant.TenantScore.On, because T cannot be inferred.
func Bind[T topology.Topology](s Score[T], t T) Step {
	step := Step{score: "(none)", topology: "(none)"}
	if isNil(s) || isNil(t) {
		step.validate = func() error { return errors.New("both a Score and a topology are needed; one is nil") }
		return step
	}
	step.score, step.topology, step.validate = s.Name(), t.Name(), s.Validate
	step.execute = func(ctx context.Context) (interpret.Outcome, error) { return s.Interpret().Execute(ctx, t) }
	return step
}

// isNil tells whether v is nil or a nil pointer.
func isNil(v any) bool {
	value := reflect.ValueOf(v)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}

// Sequence makes one step of several that depend on each other: they run in order, and once one fails the rest is skipped. In [Run],
// steps are otherwise independent.
func Sequence(steps ...Step) Step {
	return Step{sequence: append([]Step{}, steps...)}
}

// leaves are the bound Scores of the step, in order.
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

func (s Step) check() error {
	if s.validate == nil {
		return errors.New("an empty Step; make one with Bind or a Score's On method")
	}
	return s.validate()
}
