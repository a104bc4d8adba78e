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

	// ErrSkipped is in the chain of a step that was not tried, because one that it depends on failed or the run was stopped.
	ErrSkipped = errors.New("skipped")

	// ErrBudget is in the chain of a step that was skipped since too many had failed.
	ErrBudget = errors.New("as many steps have failed as the run's budget allows")
)

// Error is one step that failed. [Run] returns all of them together, as a *multierror.Error; errors.As finds the first.
type Error struct {
	Score    string
	Topology string
	Step     string // of the Interpret, such as "quota"; empty when the Score did not get that far
	Err      error
}

// Error prints as "tenant/acme on prod: quota: ...".
func (e *Error) Error() string { return e.Score + " on " + e.Topology + ": " + e.reason() }

func (e *Error) reason() string {
	if e.Step == "" {
		return e.Err.Error()
	}
	return e.Step + ": " + e.Err.Error()
}

// Unwrap yields the cause.
func (e *Error) Unwrap() error { return e.Err }

// failure is the error of a step. What an Interpret says around its StepError stays.
func (s Step) failure(err error) *Error {
	failure := &Error{Score: s.score, Topology: s.topology, Err: err}
	var at *interpret.StepError
	if errors.As(err, &at) {
		failure.Step = at.Step
		if err == error(at) { //nolint:errorlint // whether it is the outermost is the question
			failure.Err = at.Err
		}
	}
	return failure
}

func (s Step) invalid(err error) *Error {
	return &Error{Score: s.score, Topology: s.topology, Err: fmt.Errorf("%w: %w", ErrInvalid, err)}
}

// skipped is the error of a step that was not tried. What made another step fail is that one's error, and is not repeated here.
func (s Step) skipped(cause error) *Error {
	var other *Error
	if errors.As(cause, &other) {
		return &Error{Score: s.score, Topology: s.topology, Err: fmt.Errorf("%w, since %s on %s failed", ErrSkipped, other.Score, other.Topology)}
	}
	return &Error{Score: s.score, Topology: s.topology, Err: fmt.Errorf("%w: %w", ErrSkipped, cause)}
}
