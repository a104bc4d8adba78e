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
// to expire. Where a lease must be renewed in time, a busy infrastructure may be too slow for a
// short one. The case is then repeated with a longer one.
func Leases[P topology.Leases](t *testing.T, h Harness[P]) {
	RunCases(t, leaseCases(h))
}

const (
	expiring    = 2 * time.Second  // the duration of a lease whose end a case waits for
	renewing    = 3 * time.Second  // the first duration of a lease that is renewed during the case
	observeTime = 2 * time.Second  // how long a case first waits for a lease that is held
	acquireTime = 3 * time.Minute  // how long anything may take; much shorter than longLease
	longLease   = 10 * time.Minute // the duration of a lease whose end no case waits for
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
	ctx, cancel := context.WithTimeout(l.t.Context(), longLease)
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
func (l leasing) take(holder string) (held context.Context, release func()) {
	l.t.Helper()
	held, release, err := l.hold(holder, longLease, acquireTime)
	require.NoError(l.t, err)
	require.NoError(l.t, held.Err())
	l.t.Cleanup(release)
	return held, release
}

// requireHeld fails the case unless the lease stays with one holder for a while.
func (l leasing) requireHeld(by string) {
	l.t.Helper()
	_ = RequireTimeout(l.t, observeTime, by, func(limit time.Duration) error { return l.probe("probe", limit) })
}

// probe asks for the lease, and gives it up at once if it gets it.
func (l leasing) probe(holder string, patience time.Duration) error {
	_, release, err := l.hold(holder, longLease, patience)
	if err == nil {
		release()
	}
	return err
}

// requireEnds waits for the end of a held context and returns its cause.
func (l leasing) requireEnds(held context.Context) error {
	l.t.Helper()
	select {
	case <-held.Done():
	case <-time.After(acquireTime):
		require.Fail(l.t, "the context does not end")
	}
	return context.Cause(held)
}

// lent is a lease that the holder "a" has.
type lent struct {
	held     context.Context //nolint:containedctx // it is what the case looks at
	release  func()
	duration time.Duration
}

// withRenewed takes a lease that must be renewed during the case. Observe returns what the case
// requires of its observations. If the lease was lost because the infrastructure did not answer in
// time, the observations count for nothing, and the case starts again with a lease that is four
// times as long.
func (l leasing) withRenewed(observe func(l leasing, a lent) (requirements func())) {
	l.t.Helper()
	for duration := renewing; ; duration *= 4 {
		last := 4*duration > longestLimit
		l.name = NewName()
		held, release, err := l.hold("a", duration, min(10*duration, acquireTime))
		if err != nil && !last {
			continue
		}
		require.NoError(l.t, err)
		l.t.Cleanup(release)
		requirements := observe(l, lent{held, release, duration})
		if errors.Is(context.Cause(held), topology.ErrUnavailable) && !last {
			release()
			continue
		}
		requirements()
		return
	}
}

// staysRenewed watches a lease for longer than its duration.
func staysRenewed(l leasing, a lent) func() {
	err := untilNamed(a.duration+a.duration/2, "a", func(limit time.Duration) error { return l.probe("probe", limit) })
	if err == nil {
		_ = l.requireEnds(a.held) // the holder has lost it
	}
	return func() {
		l.t.Helper()
		RequireError(l.t, err, topology.ErrTimeout)
		require.ErrorContains(l.t, err, "a")
		require.NoError(l.t, a.held.Err())
	}
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
			held, release := l.take("a")
			l.requireHeld("a")
			release()
			require.Error(l.t, held.Err(), "the context of a released lease has ended")
			l.take("b")
		}},
		{"Two callers with the same holder name exclude each other", func(l leasing) {
			l.take("a")
			_ = RequireTimeout(l.t, observeTime, "a", func(limit time.Duration) error { return l.probe("a", limit) })
		}},
		{"Leases of different names are held at the same time", func(l leasing) {
			l.take("a")
			other := l
			other.name = NewName()
			other.take("a")
		}},
		{"A lease that is renewed is held for longer than its duration", func(l leasing) {
			l.withRenewed(staysRenewed)
		}},
		{"Several callers hold the lease one at a time, and each of them gets it", takeTurns},
	}
}
