package score

import (
	"context"
	"errors"

	"github.com/polyphony-go/polyphony/topology"
)

// Transient tells whether a failure is likely to pass by itself, so that the same step may well succeed a little later: all of its reasons are
// [topology.ErrUnavailable] or [topology.ErrTimeout]. One that nobody classified, or that a person has to do something about, is not transient, and
// neither is what is on its way out ([topology.ErrTerminating]): whoever removes it does not want it back. A cancelled
// call is not either.
func Transient(err error) bool {
	return err != nil && !errors.Is(err, context.Canceled) && passes(err)
}

// passes walks the tree of an error. A *topology.Error says itself why; what is below it is how that showed.
func passes(err error) bool {
	if at, ok := err.(*topology.Error); ok && at.Reason != nil { //nolint:errorlint // this walks the tree itself
		return passes(at.Reason)
	}
	switch tree := err.(type) { //nolint:errorlint // likewise
	case interface{ WrappedErrors() []error }: // a *multierror.Error, which has an Unwrap that yields one at a time
		return allPass(tree.WrappedErrors())
	case interface{ Unwrap() []error }:
		return allPass(tree.Unwrap())
	case interface{ Unwrap() error }:
		return passes(tree.Unwrap())
	}
	return errors.Is(err, topology.ErrUnavailable) || errors.Is(err, topology.ErrTimeout)
}

func allPass(errs []error) bool {
	for _, err := range errs {
		if !passes(err) {
			return false
		}
	}
	return len(errs) > 0
}
