package score

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/polyphony-go/polyphony/interpret"
)

// The sentinel errors of a run. Match them with errors.Is.
var (
	// ErrInvalid is the failure of a Score that is not valid. Nothing of the whole run has changed
	// then.
	ErrInvalid = errors.New("invalid score")

	// ErrSkipped is the failure of a step that was not started, because a step that it depends on
	// failed or the run was stopped.
	ErrSkipped = errors.New("skipped")

	// ErrBudget is the failure of a step that was skipped because too many others failed. It comes
	// together with ErrSkipped.
	ErrBudget = errors.New("as many steps have failed as the run's budget allows")
)

// Error is the failure of one step. [Run] returns the failures of all steps as a *multierror.Error;
// errors.As finds the first.
type Error struct {
	Score    string // the name of the Score
	Topology string // the name of the topology
	// the step of the Interpret, for example "quota"; empty if the Score had not started
	Step string
	Err  error // the cause, never nil
}

// Error returns for example "tenant/acme on prod: quota: ...".
func (e *Error) Error() string { return e.Score + " on " + e.Topology + ": " + e.reason() }

// reason returns the text without the Score and the topology.
func (e *Error) reason() string {
	if e.Step == "" {
		return e.Err.Error()
	}
	return e.Step + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure returns the Error of a step whose Interpret returned err. If err is a StepError,
// Error.Step takes its place; an error that wraps one stays whole.
func (s Step) failure(err error) *Error {
	failure := &Error{Score: s.score, Topology: s.topology, Err: err}
	var at *interpret.StepError
	if errors.As(err, &at) {
		failure.Step = at.Step
		if err == error(at) { //nolint:errorlint // asks whether it is the outermost error
			failure.Err = at.Err
		}
	}
	return failure
}

// invalid returns the Error of a step that is not valid.
func (s Step) invalid(err error) *Error {
	return &Error{Score: s.score, Topology: s.topology, Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
}

// skipped returns the Error of a step that was not started. If another step is the cause, it names
// that step and does not repeat the failure.
func (s Step) skipped(cause error) *Error {
	var other *Error
	if errors.As(cause, &other) {
		cause = fmt.Errorf("%w, since %s on %s failed", ErrSkipped, other.Score, other.Topology)
	} else {
		cause = fmt.Errorf("%w: %w", ErrSkipped, cause)
	}
	return &Error{Score: s.score, Topology: s.topology, Err: cause}
}

// Err returns the errors of all results as a *multierror.Error, or nil if there is none.
func (r Report) Err() error {
	var all *multierror.Error
	for _, result := range r.Results {
		if result.Err != nil {
			all = multierror.Append(all, result.Err)
			all.ErrorFormat = oneLineEach
		}
	}
	return all.ErrorOrNil()
}

// oneLineEach prints one error on each line, which suits a terminal and a log.
func oneLineEach(errs []error) string {
	var lines []string
	for _, err := range errs {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}
