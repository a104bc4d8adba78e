package k8s

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// maxDelay bounds what a server's Retry-After can ask for.
const maxDelay = 30 * time.Second

// retry calls try until it succeeds or fails for good, with growing pauses, and turns the last error into a *topology.Error. It reports each
// try that is followed by another. try must start from reading, so that repeating it is safe whatever became of the time before.
func (t *Topology) retry(ctx context.Context, c adapter.Call, try func(context.Context) error) error {
	pause := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: t.opts.MaxTries, Cap: 5 * time.Second}
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return c.Stopped(ctx)
		}
		err := try(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return c.Stopped(ctx)
		case n >= t.opts.MaxTries || !transient(err) && !t.starting(ctx, err):
			return failed(c, err)
		}
		delay := pause.Step()
		if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
			delay = max(delay, min(time.Duration(seconds)*time.Second, maxDelay))
		}
		topology.ReportProgress(ctx, c.Retrying(topology.Retrying{Err: failed(c, err), After: delay, Try: n}))
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// starting tells whether a refusal is one of an API server that has not read yet who may do what: for some tenths of a second it refuses everybody everything,
// also to say whether it is ready. That is asked past the pace, as it may be ready before it comes to it.
func (t *Topology) starting(ctx context.Context, refusal error) bool {
	if !apierrors.IsForbidden(refusal) {
		return false
	}
	_, err := t.clients.unpaced().Get().MaxRetries(0).AbsPath("/readyz").DoRaw(ctx)
	return err != nil
}

// poll calls check until it is done, fails for good or the context ends, which is the error then: with growing pauses, or where events can be followed,
// whenever there is one. It reports that it waits, once and only if the first check does not find it done.
func (t *Topology) poll(ctx context.Context, c adapter.Call, what string, follow following, check func(context.Context) (done bool, err error)) error {
	pause := wait.Backoff{Duration: 5 * time.Millisecond, Factor: 1.5, Jitter: 0.1, Steps: 100, Cap: 500 * time.Millisecond}
	var next func() <-chan struct{}
	asking := ctx
	for n := 1; ; n++ {
		var event <-chan struct{}
		if next != nil {
			event = next()
		}
		var done bool
		err := t.retry(asking, c, func(ctx context.Context) (err error) {
			done, err = check(ctx)
			return err
		})
		if done || err != nil {
			return err
		}
		if n == 1 {
			topology.ReportProgress(ctx, c.Waiting(what))
			if follow != nil {
				var release func()
				next, release = follow()
				defer release()
				continue // what has happened before it was followed
			}
		}
		delay := pause.Step()
		if next != nil {
			delay = eventPatience
		}
		select {
		case <-event:
			asking = ctx
		case <-time.After(delay):
			asking = topology.Live(ctx) // should events not come
		case <-ctx.Done():
			return c.Stopped(ctx)
		}
	}
}

// eventPatience is how long nothing may happen to what is waited for, until it is asked for all the same.
const eventPatience = 5 * time.Second
