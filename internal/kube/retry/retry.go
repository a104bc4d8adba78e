// Package retry repeats calls that fail for a while, and turns the errors of a cluster into those
// of package topology.
//
// [Policy.Do] repeats one call, [Policy.Wait] waits until something is true, [Fail] classifies an
// error, and [Transient] reports whether an error is worth a second attempt.
//
// # What is transient
//
// The status of an answer decides:
//
//   - 429 (too many requests), 408 (timeout) and every status from 500 up
//   - 409, when the version of a write is not the stored one (Conflict), or when a name is taken
//     (AlreadyExists): the next attempt reads first, and then sees what has changed
//   - 404 to an update, whose object was deleted after it was read (kube.ErrVanished)
//   - 410, when a list takes longer than the server keeps its version: the list starts again
//   - 403 from a server that is still starting, if Policy.Starting is set
//
// Every other status is final, such as 400, 401, 403, 404 and 422. A 409 that outlasts all attempts
// becomes topology.ErrConflict; 429, 5xx and the like become topology.ErrUnavailable.
//
// Without an answer, the connection decides. A timeout, a refused or lost connection, and an answer
// that ends in the middle are transient. A name that cannot be resolved and a certificate that is
// not trusted are not. What the client cannot even send is topology.ErrInvalid.
//
// # Files
//
// retry.go repeats and waits, errors.go classifies.
package retry

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Policy is how often and for which errors a call is repeated.
type Policy struct {
	// MaxTries is the number of attempts of one call, at least 1. It is k8s.Options.MaxTries.
	MaxTries int

	// Starting reports whether a refusal comes from an API server that has not started completely.
	// Such a refusal is transient. It may be nil.
	Starting func(ctx context.Context, refusal error) bool
}

// Do calls try until it succeeds or fails for good, with growing pauses, and returns the last error
// as a [*topology.Error]. It reports each attempt that is followed by another.
//
// try must begin with reading, so that repeating it is safe even if the answer to a write was lost.
func (p Policy) Do(ctx context.Context, call adapter.Call, try func(context.Context) error) error {
	pause := wait.Backoff{
		Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: p.MaxTries, Cap: 5 * time.Second,
	}
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return call.Stopped(ctx)
		}
		err := try(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return call.Stopped(ctx)
		case n >= p.MaxTries || !Transient(err) && !p.starting(ctx, err):
			return Fail(call, err)
		}
		delay := pause.Step()
		if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
			delay = max(delay, min(time.Duration(seconds)*time.Second, kube.MaxRetryAfter))
		}
		topology.ReportProgress(ctx, call.Retrying(topology.Retrying{Err: Fail(call, err), After: delay, Try: n}))
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

func (p Policy) starting(ctx context.Context, refusal error) bool {
	return p.Starting != nil && p.Starting(ctx, refusal)
}

// Events starts to follow an object. After that, each call of next returns a channel that is closed
// by the object's next event. Stop ends it.
type Events func() (next func() <-chan struct{}, stop func())

// eventPatience is the time without an event after which a wait checks all the same.
const eventPatience = 5 * time.Second

// Wait calls check until it is done, fails for good, or the context ends, which is the error then.
// It checks after every event, or with growing pauses if events is nil.
//
// It reports that it waits, once, if the first check is not done. The report says for what.
func (p Policy) Wait(
	ctx context.Context, call adapter.Call, what string, events Events,
	check func(context.Context) (done bool, err error),
) error {
	pause := wait.Backoff{
		Duration: 5 * time.Millisecond, Factor: 1.5, Jitter: 0.1, Steps: 100, Cap: 500 * time.Millisecond,
	}
	var next func() <-chan struct{}
	checkCtx := ctx
	for n := 1; ; n++ {
		var event <-chan struct{}
		if next != nil {
			event = next()
		}
		var done bool
		err := p.Do(checkCtx, call, func(ctx context.Context) (err error) {
			done, err = check(ctx)
			return err
		})
		if done || err != nil {
			return err
		}
		if n == 1 {
			topology.ReportProgress(ctx, call.Waiting(what))
			if events != nil {
				var stop func()
				next, stop = events()
				defer stop()
				continue // checks what happened before the events were followed
			}
		}
		delay := pause.Step()
		if next != nil {
			delay = eventPatience
		}
		select {
		case <-event:
			checkCtx = ctx
		case <-time.After(delay):
			checkCtx = topology.Live(ctx) // in case events do not arrive
		case <-ctx.Done():
			return call.Stopped(ctx)
		}
	}
}
