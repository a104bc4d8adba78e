package k8s

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
)

// maxDelay bounds what a server's Retry-After can ask for.
const maxDelay = 30 * time.Second

// retry calls try until it succeeds or fails for good, with growing pauses, and turns the last error into a *topology.Error. try must
// start from reading, so that repeating it is safe whatever became of the time before.
func (t *Topology) retry(ctx context.Context, c call, try func(context.Context) error) error {
	pause := wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: t.opts.MaxTries, Cap: 5 * time.Second}
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return c.ended(ctx)
		}
		err := try(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return c.ended(ctx)
		case n >= t.opts.MaxTries || !transient(err):
			return c.failed(err)
		}
		delay := pause.Step()
		if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
			delay = max(delay, min(time.Duration(seconds)*time.Second, maxDelay))
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// poll calls check, with growing pauses, until it is done, fails for good or the context ends, which is the error then.
func (t *Topology) poll(ctx context.Context, c call, check func(context.Context) (done bool, err error)) error {
	pause := wait.Backoff{Duration: 5 * time.Millisecond, Factor: 1.5, Jitter: 0.1, Steps: 100, Cap: 500 * time.Millisecond}
	for {
		var done bool
		err := t.retry(ctx, c, func(ctx context.Context) (err error) {
			done, err = check(ctx)
			return err
		})
		if done || err != nil {
			return err
		}
		select {
		case <-time.After(pause.Step()):
		case <-ctx.Done():
			return c.ended(ctx)
		}
	}
}
