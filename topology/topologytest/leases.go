package topologytest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// Leases checks the rules of topology.Leases. It takes several seconds, because it waits for leases
// to expire.
func Leases[P topology.Leases](t *testing.T, h Harness[P]) {
	RunCases(t, leaseCases(h))
}

// Durations are long enough for a busy machine.
const (
	expiring    = 2 * time.Second  // the duration of a lease whose end a case waits for
	renewing    = 3 * time.Second  // the duration of a lease that is renewed during the case
	longLease   = time.Minute      // the duration of a lease whose end no case waits for
	acquireTime = 20 * time.Second // how long a free lease may take; much shorter than longLease
	observeTime = 2 * time.Second  // how long a case watches a held lease
)

var errStopped = errors.New("stopped by the caller")

// leasing is the fixture of one case: a lease without a holder.
type leasing struct {
	t        T
	top, dry topology.Leases
	outsider Outsider
	name     string
}

// hold asks for the lease until patience is over. A lease that it gets ends when the case does.
func (l leasing) hold(holder string, duration, patience time.Duration) (held context.Context, release func(), err error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*acquireTime)
	l.t.Cleanup(cancel)
	waiting, stop := context.WithCancel(ctx)
	timer := time.AfterFunc(patience, stop)
	held, release, err = l.top.HoldLease(waiting, topology.Lease{Name: l.name, Holder: holder, Duration: duration})
	timer.Stop()
	if err != nil {
		stop()
	}
	return held, release, err
}

// take gets the lease, which must be free within acquireTime.
func (l leasing) take(holder string, duration time.Duration) (held context.Context, release func()) {
	l.t.Helper()
	held, release, err := l.hold(holder, duration, acquireTime)
	require.NoError(l.t, err)
	require.NoError(l.t, held.Err())
	l.t.Cleanup(release)
	return held, release
}

// requireHeld fails the case unless the lease stays with one holder for a while.
func (l leasing) requireHeld(by string, during time.Duration) {
	l.t.Helper()
	_, release, err := l.hold("probe", longLease, during)
	if err == nil {
		release()
	}
	RequireError(l.t, err, topology.ErrTimeout)
	require.ErrorContains(l.t, err, by)
}

// requireEnds waits for the end of a held context and returns its cause.
func (l leasing) requireEnds(held context.Context) error {
	l.t.Helper()
	select {
	case <-held.Done():
	case <-time.After(acquireTime / 2):
		require.Fail(l.t, "the context does not end")
	}
	return context.Cause(held)
}

type leaseValue struct{}

func leaseCases[P topology.Leases](h Harness[P]) []Case {
	var cases []Case
	for _, c := range slices.Concat(takingCases(), losingCases(), refusingCases()) {
		cases = append(cases, Case{c.rule, func(t T) { c.run(leasing{t, h.Topology, h.DryRun, h.Outsider, NewName()}) }})
	}
	return cases
}

type leaseCase struct {
	rule string
	run  func(l leasing)
}

func takingCases() []leaseCase {
	return []leaseCase{
		{"A free lease is taken at once, with a context that derives from the caller's", func(l leasing) {
			ctx := context.WithValue(l.t.Context(), leaseValue{}, "here")
			ctx, cancel := context.WithTimeout(ctx, acquireTime)
			defer cancel()
			held, release, err := l.top.HoldLease(ctx, topology.Lease{Name: l.name, Holder: "a", Duration: longLease})
			require.NoError(l.t, err)
			defer release()
			require.NoError(l.t, held.Err())
			require.Equal(l.t, "here", held.Value(leaseValue{}))
		}},
		{"HoldLease waits for a lease that is held, and takes it once it is released", func(l leasing) {
			held, release := l.take("a", longLease)
			l.requireHeld("a", observeTime)
			release()
			require.Error(l.t, held.Err(), "the context of a released lease has ended")
			l.take("b", longLease)
		}},
		{"Two callers with the same holder name exclude each other", func(l leasing) {
			l.take("a", longLease)
			_, _, err := l.hold("a", longLease, observeTime)
			RequireError(l.t, err, topology.ErrTimeout)
		}},
		{"Leases of different names are held at the same time", func(l leasing) {
			l.take("a", longLease)
			other := l
			other.name = NewName()
			other.take("a", longLease)
		}},
		{"A lease that is renewed is held for longer than its duration", func(l leasing) {
			held, _ := l.take("a", renewing)
			l.requireHeld("a", renewing+renewing/2)
			require.NoError(l.t, held.Err())
		}},
		{"Several callers hold the lease one at a time, and each of them gets it", takeTurns},
	}
}
