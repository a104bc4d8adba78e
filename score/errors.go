package score

import (
	"errors"
	"fmt"

	"github.com/polyphony-go/polyphony/interpret"
)

// Sentinels of a run.
var (
	// ErrInvalid is in the chain when a Score is not valid. Nothing of the whole run was touched then.
	ErrInvalid = errors.New("invalid score")

	// ErrSkipped is in the chain of a step that was not tried, because one that it depends on failed or the run was cancelled.
	ErrSkipped = errors.New("skipped")
)

// Error is one step that failed. [Run] returns all of them together, as a *multierror.Error; errors.As finds the first.
type Error struct {
	Score    string
	Topology string
	Step     string // of the Interpret, such as "quota"; empty when the Score did not get that far
	Err      error
}

// Error prints as "tenant/acme on prod: quota: ...".
func (e *Error) Error() string {
	where := e.Score + " on " + e.Topology
	if e.Step != "" {
		where += ": " + e.Step
	}
	return where + ": " + e.Err.Error()
}

// Unwrap yields the cause.
func (e *Error) Unwrap() error { return e.Err }

func (s Step) failure(err error) *Error {
	failure := &Error{Score: s.score, Topology: s.topology, Err: err}
	var at *interpret.StepError
	if errors.As(err, &at) {
		failure.Step, failure.Err = at.Step, at.Err
	}
	return failure
}

func (s Step) invalid(err error) *Error {
	return &Error{Score: s.score, Topology: s.topology, Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
}

func (s Step) skipped(cause error) *Error {
	return &Error{Score: s.score, Topology: s.topology, Err: fmt.Errorf("%w: %w", ErrSkipped, cause)}
}
