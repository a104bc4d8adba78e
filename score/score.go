// Package score defines desired state as data, and runs it.
//
// # Scores and steps
//
// A [Score] is a plain value. Its type parameter T is the set of capabilities that its Interpret
// calls. [Bind] binds a Score to a [topology.Topology] and returns a [Step], which has no type
// parameter. A topology that lacks a capability does not compile. [Sequence] makes one step of
// several that depend on each other.
//
// # Runs
//
// [Run] runs steps of any Scores on any topologies:
//
//	report, err := score.Run(ctx, acme.On(cluster), globex.On(cluster), zone.On(dns))
//
// It validates every step before it changes anything. A [Runner] sets how many steps run at once,
// how many may fail, and how often a step is tried again. [Transient] reports which failures are
// worth another try. [RunWithin] runs steps as part of the surrounding run, for a Score that
// consists of others.
//
// # Results
//
// A [Report] has a [Result] for each step, and prints itself as text and JSON. A step that failed
// has an [Error]; match its cause with errors.Is, also with [ErrInvalid], [ErrSkipped] and
// [ErrBudget].
//
// # Events
//
// A Runner passes each [Event] to its function Observe: [RunStarted], [Started], [Planned],
// [Changed], [Retrying], [Waiting], [Finished] and [RunFinished]. [Log] logs them. Package
// score/progress shows a progress bar, and score/otel, a module of its own, makes OpenTelemetry
// spans.
//
// # Files
//
//   - the contract: score.go, and step.go (binding a Score to a topology, and sequences)
//   - running: run.go (the Runner and a whole run), execution.go (one step), within.go (runs within
//     a run), transient.go (what is worth another try)
//   - results: report.go (the report as text and as JSON), errors.go (the error of a step, and of a
//     run, which has a line for each step that failed), events.go, and log.go (events as log lines)
//
// Package score/scoretest checks what every Score must do.
package score

import (
	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

// Score is a desired state. Package scoretest checks what every Score must do.
type Score[T topology.Topology] interface {
	// Name identifies the Score in reports and errors, for example "tenant/acme". It is constant
	// and not empty, also for a Score that is not valid.
	Name() string

	// Validate checks the value alone. It sends no request, has no side effect, and reports every
	// mistake at once, each with the JSON path of its field.
	Validate() error

	// Interpret returns the logic that makes the Score true. Callers call it on a valid Score only.
	Interpret() interpret.Interpret[T]
}
