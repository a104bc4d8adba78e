package score

import (
	"context"
	"errors"

	"github.com/polyphony-go/polyphony/topology"
)

// Transient reports whether a failure is likely to pass by itself, so that another try may succeed.
// That is so if all of its reasons are [topology.ErrUnavailable] or [topology.ErrTimeout].
//
// Failures without a known reason, and those that need a person, are not transient. Neither is a
// cancelled call, nor an object that is being deleted ([topology.ErrTerminating]): another try
// would restore an object that another client removes.
func Transient(err error) bool {
	return err != nil && !errors.Is(err, context.Canceled) && passes(err)
}

// passes walks the tree of an error. It trusts the reason of a *topology.Error and does not look at
// the cause below it.
func passes(err error) bool {
	//nolint:errorlint // this walks the tree itself
	if at, ok := err.(*topology.Error); ok && at.Reason != nil {
		return passes(at.Reason)
	}
	switch tree := err.(type) { //nolint:errorlint // likewise
	// a *multierror.Error; its Unwrap returns one error at a time
	case interface{ WrappedErrors() []error }:
		return allPass(tree.WrappedErrors())
	case interface{ Unwrap() []error }:
		return allPass(tree.Unwrap())
	case interface{ Unwrap() error }:
		return passes(tree.Unwrap())
	}
	return errors.Is(err, topology.ErrUnavailable) || errors.Is(err, topology.ErrTimeout)
}

// allPass reports whether there are errors and all of them pass.
func allPass(errs []error) bool {
	for _, err := range errs {
		if !passes(err) {
			return false
		}
	}
	return len(errs) > 0
}
