package lease

import (
	"context"
	"errors"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

// keep renews the lease until ctx ends, and then returns nil. If the lease is lost before, keep
// returns why.
func (h *holder[V]) keep(ctx context.Context, since time.Time) error {
	var last error
	pause := h.trusted()/2 - time.Since(since)
	for {
		until := since.Add(h.trusted())
		if !sleep(ctx, min(pause, time.Until(until))) {
			return nil
		}
		start := time.Now()
		if !start.Before(until) {
			return h.lapsed(last)
		}
		attempt, cancel := context.WithDeadline(ctx, until)
		last = h.attempt(attempt)
		cancel()
		switch {
		case last == nil:
			since, pause = start, h.trusted()/2
		case errors.Is(last, errHeld), errors.Is(last, topology.ErrConflict):
			return h.taken(last)
		default:
			pause = h.poll()
		}
	}
}

// giveUp gives the lease up, if it is still held, so that others need not wait until it expires. A
// failure is ignored: the lease expires then.
func (h *holder[V]) giveUp() {
	ctx, cancel := context.WithTimeout(context.Background(), max(releaseTimeout, h.attemptTimeout()))
	defer cancel()
	for ctx.Err() == nil {
		have, version, err := h.store.Read(ctx)
		if err == nil && have.Holder == h.id {
			now := time.Now()
			free := Record{ // the record that client-go writes
				Duration: time.Second, Acquired: now, Renewed: now, Transitions: have.Transitions,
			}
			if err = h.store.Update(ctx, version, free); errors.Is(err, topology.ErrConflict) {
				continue
			}
		}
		if !errors.Is(err, topology.ErrUnavailable) {
			return
		}
		sleep(ctx, h.poll())
	}
}
