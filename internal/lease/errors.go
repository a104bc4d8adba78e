package lease

import (
	"context"
	"errors"
	"fmt"

	"github.com/polyphony-go/polyphony/topology"
)

// stopped returns the error of a call whose context ended while it waited.
func (h *holder[V]) stopped(ctx context.Context, last error) error {
	switch {
	case h.seen.Holder != "" && h.seen.Holder != h.id:
		detail := fmt.Sprintf("%q holds it; run again once that run has ended", h.seen.Holder)
		return h.call().Wrap(topology.ErrTimeout, detail, ctx.Err())
	case errors.Is(last, topology.ErrUnavailable):
		why, _ := explain(last)
		return h.call().Wrap(topology.ErrUnavailable, why, ctx.Err())
	default:
		return h.call().Stopped(ctx)
	}
}

// lapsed returns the error of a lease that was not renewed in time.
func (h *holder[V]) lapsed(last error) error {
	detail := fmt.Sprintf("could not be renewed for %s, so another run may take it soon", h.trusted())
	if last == nil { // the program was suspended
		return h.call().Fail(topology.ErrUnavailable, detail)
	}
	why, cause := explain(last)
	return h.call().Wrap(topology.ErrUnavailable, detail+": "+why, cause)
}

// taken returns the error of a lease that another run has taken while it was held.
func (h *holder[V]) taken(last error) error {
	switch {
	case !errors.Is(last, errHeld): // the record is no longer Polyphony's
		return last
	case h.seen.Holder == "":
		return h.call().Fail(topology.ErrConflict, "its record was cleared by another client")
	default:
		return h.call().Fail(topology.ErrConflict, fmt.Sprintf("was taken by %q, which holds it now", h.seen.Holder))
	}
}

// explain returns the detail of an error, without the call that it is about, and its cause.
func explain(err error) (detail string, cause error) {
	var typed *topology.Error
	switch {
	case !errors.As(err, &typed):
		return err.Error(), nil
	case typed.Detail == "" && typed.Reason != nil:
		return typed.Reason.Error(), typed.Cause
	default:
		return typed.Detail, typed.Cause
	}
}
