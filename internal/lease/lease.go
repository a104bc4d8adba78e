// Package lease takes and keeps leases in the same way on every infrastructure. An adapter brings a
// [Store] of records and calls [Hold].
//
// # Algorithm
//
// The algorithm is that of k8s.io/client-go/tools/leaderelection. That package is not used itself,
// because it brings the whole clientset of client-go into the program of every importer.
//
// The clocks of two machines are never compared. For an observer, a record expires when it has not
// changed for its duration by the observer's own clock. A holder counts the duration from before it
// sent the renewal, so it stops before others see the lease expire. The time that a machine sleeps
// goes unnoticed until its holder renews next.
//
// # Files
//
// lease.go takes a lease, renew.go renews it and gives it up, and errors.go explains how it was
// lost.
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

const (
	defaultDuration = 15 * time.Second

	// A caller that waits polls every tenth of the duration, within these bounds.
	minPoll = 10 * time.Millisecond
	maxPoll = 500 * time.Millisecond

	// releaseTimeout bounds how long a release takes while the infrastructure does not answer,
	// unless an attempt to renew the lease may take longer than that.
	releaseTimeout = 5 * time.Second
)

// Record is the stored record of a lease.
type Record struct {
	Holder      string        // empty: the lease was given up
	Duration    time.Duration // after which the record expires; 0: that of the observer
	Acquired    time.Time     // by the holder's clock, for people
	Renewed     time.Time     // by the holder's clock, for people
	Transitions int           // how often the holder has changed
}

func (r Record) equal(s Record) bool {
	return r.Holder == s.Holder && r.Duration == s.Duration && r.Transitions == s.Transitions &&
		r.Acquired.Equal(s.Acquired) && r.Renewed.Equal(s.Renewed)
}

// Store stores the record of one lease. V identifies the version of a record. Every error is a
// *topology.Error.
type Store[V any] interface {
	// Read reads the record and its version. No record is ErrNotFound, and a record that Polyphony
	// does not manage is ErrConflict.
	Read(ctx context.Context) (Record, V, error)

	// Create stores the first record. A record that exists by now is ErrConflict.
	Create(ctx context.Context, r Record) error

	// Update replaces the record if it still has that version. Another version is ErrConflict.
	Update(ctx context.Context, version V, r Record) error
}

// The outcomes of an attempt, besides the errors of stores.
var (
	errHeld      = errors.New("another run holds it")
	errOvertaken = errors.New("the record has changed since it was read")
)

// Hold implements topology.Leases.HoldLease for a lease that [topology.Lease.Validate] accepts. It
// returns once the lease is taken. The context that it returns ends when the lease is lost or
// released, and its cause is then the *topology.Error that says why, or context.Canceled. Release
// gives the lease up and waits until that is done.
func Hold[V any](
	ctx context.Context, store Store[V], want topology.Lease,
) (held context.Context, release func(), err error) {
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
		<-running.Done() // a lease that was not renewed may still have this holder
		h.giveUp()
	}()
	return held, func() { stop(); <-done }, nil
}

// holder is one call of Hold.
type holder[V any] struct {
	store   Store[V]
	want    topology.Lease
	id      string // the holder's name with a random suffix, so that two runs of a program differ
	holding bool
	sent    bool // a write that may have been stored, even without an answer

	seen   Record // what was read last
	seenAt time.Time
}

// call is the call that errors and reports are about.
func (h *holder[V]) call() adapter.Call { return adapter.Hold(topology.KindLease, h.want.Name) }

// trusted is how long after a renewal the holder relies on the lease. It renews twice in that time.
func (h *holder[V]) trusted() time.Duration { return h.want.Duration / 3 * 2 }

// attemptTimeout is how long an attempt may take.
func (h *holder[V]) attemptTimeout() time.Duration { return h.want.Duration / 4 }

// attempt takes or renews the lease once. If there is no answer, it ends early enough for another
// attempt.
func (h *holder[V]) attempt(ctx context.Context) error {
	timeout := h.attemptTimeout()
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := h.write(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return h.call().Fail(topology.ErrUnavailable, "there was no answer within "+timeout.String())
	}
	return err
}

// write reads the record and replaces it, unless another run holds the lease.
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

// record returns the record that replaces have.
func (h *holder[V]) record(have Record) Record {
	now := time.Now()
	next := Record{
		Holder: h.id, Duration: h.want.Duration, Acquired: now, Renewed: now, Transitions: have.Transitions,
	}
	switch {
	case have.Holder == h.id:
		next.Acquired = have.Acquired
	case !have.equal(Record{}):
		next.Transitions++
	}
	return next
}

// observe notes when a record was first seen.
func (h *holder[V]) observe(have Record) {
	if h.seenAt.IsZero() || !have.equal(h.seen) {
		h.seen, h.seenAt = have, time.Now()
	}
}

// expires returns when the record that was seen expires, if it does not change.
func (h *holder[V]) expires() time.Time {
	if h.seen.Duration <= 0 {
		return h.seenAt.Add(h.want.Duration)
	}
	return h.seenAt.Add(h.seen.Duration)
}

func (h *holder[V]) expired() bool { return h.seen.Holder == "" || !time.Now().Before(h.expires()) }

// acquire waits for the lease and takes it. It returns the time from which the lease counts.
func (h *holder[V]) acquire(ctx context.Context) (since time.Time, err error) {
	var last error
	reported := false
	for ctx.Err() == nil {
		since, last = time.Now(), h.attempt(ctx)
		switch {
		case ctx.Err() != nil:
			continue
		case last == nil && time.Since(since) < h.trusted():
			h.holding = true
			return since, nil
		case last != nil && !isTransient(last):
			return time.Time{}, last
		}
		if errors.Is(last, errHeld) && !reported {
			reported = true
			topology.ReportProgress(ctx, h.call().Waiting(fmt.Sprintf("be given up by %q", h.seen.Holder)))
		}
		sleep(ctx, h.pause())
	}
	if h.sent {
		h.giveUp()
	}
	return time.Time{}, h.stopped(ctx, last)
}

// isTransient reports whether another attempt may succeed.
func isTransient(err error) bool {
	return errors.Is(err, errHeld) || errors.Is(err, errOvertaken) || errors.Is(err, topology.ErrUnavailable)
}

// poll returns how long to wait before the next attempt.
func (h *holder[V]) poll() time.Duration { return min(max(h.want.Duration/10, minPoll), maxPoll) }

// pause is like poll, but no longer than until the record that was seen expires.
func (h *holder[V]) pause() time.Duration {
	if left := time.Until(h.expires()); left > 0 {
		return min(left, h.poll())
	}
	return h.poll()
}

// sleep waits, and reports whether the context has not ended by then.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
