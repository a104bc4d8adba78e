// Package lease takes and keeps leases, in the same way on every infrastructure: an adapter brings a [Store] of records.
//
// The algorithm is that of k8s.io/client-go/tools/leaderelection, which brings client-go's full clientset into every importer's program and is not
// used for that reason. No two machines' clocks are ever compared: a record is expired when it has not changed for its duration by the clock of
// whoever looks at it, and the holder counts from before it sent what renewed it, so that it stops first. What nobody sees is how long a
// machine was asleep; its holder finds out when it renews next.
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

const (
	defaultDuration = 15 * time.Second

	// Whoever waits looks once in a tenth of the duration, within these limits.
	minPoll = 10 * time.Millisecond
	maxPoll = 500 * time.Millisecond

	// givingUp bounds how long a release takes when the infrastructure does not answer.
	givingUp = 5 * time.Second
)

// Record is what is stored of a lease.
type Record struct {
	Holder      string        // "": it was given up
	Duration    time.Duration // unset: whoever waits takes their own
	Acquired    time.Time     // by the holder's clock, for people
	Renewed     time.Time     // likewise
	Transitions int           // from one holder to another
}

func (r Record) equal(s Record) bool {
	return r.Holder == s.Holder && r.Duration == s.Duration && r.Acquired.Equal(s.Acquired) && r.Renewed.Equal(s.Renewed) && r.Transitions == s.Transitions
}

// Store stores the record of one lease. V is the version of a record, as the store sees it. Errors are *topology.Error.
type Store[V any] interface {
	// Read reads the record. None is ErrNotFound; what is no record of Polyphony's is ErrConflict.
	Read(ctx context.Context) (Record, V, error)

	// Create stores the first record. If there is one by now, it is ErrConflict.
	Create(ctx context.Context, r Record) error

	// Update replaces the record of that version. If it is another by now, it is ErrConflict.
	Update(ctx context.Context, version V, r Record) error
}

// What becomes of an attempt, besides the errors of stores.
var (
	errHeld      = errors.New("somebody else holds it")
	errOvertaken = errors.New("somebody else was faster")
)

// Hold implements topology.Leases.HoldLease, for a lease that passes Check and is meant.
func Hold[V any](ctx context.Context, store Store[V], want topology.Lease) (held context.Context, release func(), err error) {
	if want.Duration == 0 {
		want.Duration = defaultDuration
	}
	h := &holder[V]{store: store, want: want, id: want.Holder + "/" + strings.ToLower(rand.Text()[:6])}
	since, err := h.acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	running, stop := context.WithCancel(ctx)
	held, end := context.WithCancelCause(running)
	done := make(chan struct{})
	go func() {
		defer close(done)
		end(h.keep(held, since))
		<-running.Done() // one that was not renewed may still be ours
		h.giveUp()
	}()
	return held, func() { stop(); <-done }, nil
}

// holder is one call of Hold.
type holder[V any] struct {
	store   Store[V]
	want    topology.Lease
	id      string // the holder's name and something that is this call's alone: a program that was started anew is another one
	holding bool
	sent    bool // something that may have been stored whatever was answered

	seen   Record // what was read last
	seenAt time.Time
}

// trusted is how long after a renewal the lease is counted on. It is renewed twice as often.
func (h *holder[V]) trusted() time.Duration { return h.want.Duration / 3 * 2 }

// attempt takes or renews the lease, if it may. It ends early enough for another one, should there be no answer.
func (h *holder[V]) attempt(ctx context.Context) error {
	patience := h.want.Duration / 4
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := h.write(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return h.fails(topology.ErrUnavailable, "there was no answer within "+patience.String(), nil)
	}
	return err
}

func (h *holder[V]) write(ctx context.Context) error {
	have, version, err := h.store.Read(ctx)
	switch {
	case errors.Is(err, topology.ErrNotFound):
		h.sent = true
		err = h.store.Create(ctx, h.record(Record{}))
	case err != nil:
		return err
	default:
		h.observe(have)
		if have.Holder != h.id && (h.holding || !h.expired()) {
			return errHeld
		}
		h.sent = true
		err = h.store.Update(ctx, version, h.record(have))
	}
	if errors.Is(err, topology.ErrConflict) {
		return errOvertaken
	}
	return err
}

// record is what is to come after have.
func (h *holder[V]) record(have Record) Record {
	now := time.Now()
	next := Record{Holder: h.id, Duration: h.want.Duration, Acquired: now, Renewed: now, Transitions: have.Transitions}
	switch {
	case have.Holder == h.id:
		next.Acquired = have.Acquired
	case !have.equal(Record{}):
		next.Transitions++
	}
	return next
}

func (h *holder[V]) observe(have Record) {
	if h.seenAt.IsZero() || !have.equal(h.seen) {
		h.seen, h.seenAt = have, time.Now()
	}
}

// expires is when what was seen expires, if it does not change.
func (h *holder[V]) expires() time.Time {
	if h.seen.Duration <= 0 {
		return h.seenAt.Add(h.want.Duration)
	}
	return h.seenAt.Add(h.seen.Duration)
}

func (h *holder[V]) expired() bool { return h.seen.Holder == "" || !time.Now().Before(h.expires()) }

// acquire waits for the lease and takes it. It returns since when it counts.
func (h *holder[V]) acquire(ctx context.Context) (since time.Time, err error) {
	var last error
	said := false
	for ctx.Err() == nil {
		since, last = time.Now(), h.attempt(ctx)
		switch {
		case ctx.Err() != nil:
			continue
		case last == nil && time.Since(since) < h.trusted():
			h.holding = true
			return since, nil
		case last != nil && !passes(last):
			return time.Time{}, last
		}
		if errors.Is(last, errHeld) && !said {
			said = true
			topology.ReportProgress(ctx, topology.Waiting{Kind: "Lease", Name: h.want.Name, For: fmt.Sprintf("be given up by %q", h.seen.Holder)})
		}
		sleep(ctx, h.pause())
	}
	if h.sent {
		h.giveUp()
	}
	return time.Time{}, h.ended(ctx, last)
}

// passes tells whether another attempt may go better.
func passes(err error) bool {
	return errors.Is(err, errHeld) || errors.Is(err, errOvertaken) || errors.Is(err, topology.ErrUnavailable)
}

// poll is how long to wait before the next attempt.
func (h *holder[V]) poll() time.Duration { return min(max(h.want.Duration/10, minPoll), maxPoll) }

// pause is the same, for somebody who does not want to miss the moment when the lease expires.
func (h *holder[V]) pause() time.Duration {
	if left := time.Until(h.expires()); left > 0 {
		return min(left, h.poll())
	}
	return h.poll()
}

// sleep tells whether ctx has not ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// fails makes the error of a lease that is not held, or no longer.
func (h *holder[V]) fails(reason error, detail string, cause error) *topology.Error {
	return &topology.Error{Op: "hold", Kind: "Lease", Name: h.want.Name, Reason: reason, Detail: detail, Cause: cause}
}

// ended makes the error of a call whose context ended while it waited.
func (h *holder[V]) ended(ctx context.Context, last error) error {
	switch {
	case h.seen.Holder != "" && h.seen.Holder != h.id:
		return h.fails(topology.ErrTimeout, fmt.Sprintf("%q holds it; run again once they are done", h.seen.Holder), ctx.Err())
	case errors.Is(last, topology.ErrUnavailable):
		why, _ := explain(last)
		return h.fails(topology.ErrUnavailable, why, ctx.Err())
	default:
		return h.fails(nil, "stopped", ctx.Err())
	}
}

// keep renews the lease until ctx ends, and returns nil, or until it is lost, and returns why.
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

// lapsed makes the error of a lease that was not renewed in time.
func (h *holder[V]) lapsed(last error) error {
	detail := fmt.Sprintf("could not be renewed for %s, and may soon be somebody else's", h.trusted())
	if last == nil { // this program has not come to it
		return h.fails(topology.ErrUnavailable, detail, nil)
	}
	why, cause := explain(last)
	return h.fails(topology.ErrUnavailable, detail+": "+why, cause)
}

// taken makes the error of a lease that is somebody else's although it was held.
func (h *holder[V]) taken(last error) error {
	switch {
	case !errors.Is(last, errHeld): // the record is no longer Polyphony's
		return last
	case h.seen.Holder == "":
		return h.fails(topology.ErrConflict, "somebody else has given it up", nil)
	default:
		return h.fails(topology.ErrConflict, fmt.Sprintf("was taken away, and %q holds it now", h.seen.Holder), nil)
	}
}

// explain says what is wrong, without what it was about, and what caused it.
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

// giveUp lets the next one have it, if it is still ours. Whoever waits sees so sooner than when it expires; if this fails, they wait for that.
func (h *holder[V]) giveUp() {
	ctx, cancel := context.WithTimeout(context.Background(), givingUp)
	defer cancel()
	for ctx.Err() == nil {
		have, version, err := h.store.Read(ctx)
		if err == nil && have.Holder == h.id {
			now := time.Now()
			nobody := Record{Duration: time.Second, Acquired: now, Renewed: now, Transitions: have.Transitions} // as client-go has it
			if err = h.store.Update(ctx, version, nobody); errors.Is(err, topology.ErrConflict) {
				continue
			}
		}
		if !errors.Is(err, topology.ErrUnavailable) {
			return
		}
		sleep(ctx, h.poll())
	}
}
