package topologytest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// LeasesTopology is what Leases tests.
type LeasesTopology interface {
	topology.Topology
	topology.Leases
}

// Leases checks the rules of topology.Leases. It takes seconds, as leases do.
func Leases[P LeasesTopology](t *testing.T, h Harness[P]) {
	runChecks(t, leaseChecks(h))
}

const (
	briefly = 2 * time.Second  // of a lease whose end a case waits for
	renewed = 3 * time.Second  // of one that is to be renewed meanwhile, on a machine that has other things to do
	long    = time.Minute      // of one whose end no case waits for
	soon    = 20 * time.Second // much sooner than that
	looking = 2 * time.Second  // enough to find it held
)

var errStopped = errors.New("stopped by the caller")

// leasing is one case of Leases.
type leasing struct {
	t    T
	top  topology.Leases
	out  Outsider
	name string
}

// hold asks for the lease, for so long at most. Whatever the case does with it ends after a while.
func (l leasing) hold(holder string, duration, patience time.Duration) (held context.Context, release func(), err error) {
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*soon)
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

// take wants the lease soon.
func (l leasing) take(holder string, duration time.Duration) (held context.Context, release func()) {
	l.t.Helper()
	held, release, err := l.hold(holder, duration, soon)
	require.NoError(l.t, err)
	require.NoError(l.t, held.Err())
	l.t.Cleanup(release)
	return held, release
}

// requireHeld wants the lease to be somebody's, for a while.
func (l leasing) requireHeld(by string, during time.Duration) {
	l.t.Helper()
	_, release, err := l.hold("probe", long, during)
	if err == nil {
		release()
	}
	requireError(l.t, err, topology.ErrTimeout)
	require.ErrorContains(l.t, err, by)
}

// requireEnds waits for the end of a held context and returns its cause.
func (l leasing) requireEnds(held context.Context) error {
	l.t.Helper()
	select {
	case <-held.Done():
	case <-time.After(soon / 2):
		require.Fail(l.t, "the context does not end")
	}
	return context.Cause(held)
}

type leaseValue struct{}

func leaseChecks[P LeasesTopology](h Harness[P]) []check {
	c := func(rule string, run func(l leasing)) check {
		return check{rule, func(t T) { run(leasing{t, h.Topology, h.Outsider, newName()}) }}
	}
	return []check{
		c("a lease that nobody holds is taken at once, with the caller's context", func(l leasing) {
			ctx := context.WithValue(l.t.Context(), leaseValue{}, "here")
			ctx, cancel := context.WithTimeout(ctx, soon)
			defer cancel()
			held, release, err := h.Topology.HoldLease(ctx, topology.Lease{Name: l.name, Holder: "a", Duration: long})
			require.NoError(l.t, err)
			defer release()
			require.NoError(l.t, held.Err())
			require.Equal(l.t, "here", held.Value(leaseValue{}))
		}),
		c("one that is held is waited for, and taken when it is released", func(l leasing) {
			held, release := l.take("a", long)
			l.requireHeld("a", looking)
			release()
			require.Error(l.t, held.Err(), "what was released is not held")
			l.take("b", long)
		}),
		c("holders of the same name are two", func(l leasing) {
			l.take("a", long)
			_, _, err := l.hold("a", long, looking)
			requireError(l.t, err, topology.ErrTimeout)
		}),
		c("leases of different names are held at once", func(l leasing) {
			l.take("a", long)
			leasing{l.t, l.top, l.out, newName()}.take("a", long)
		}),
		c("one that is renewed is held for longer than its duration", func(l leasing) {
			held, _ := l.take("a", renewed)
			l.requireHeld("a", renewed+renewed/2)
			require.NoError(l.t, held.Err())
		}),
		c("when the context ends first it is ErrTimeout, naming the holder", func(l leasing) {
			l.out.HoldLease(l.t, l.name, "somebody-else", long)
			ctx, cancel := context.WithTimeout(l.t.Context(), looking)
			defer cancel()
			_, _, err := h.Topology.HoldLease(ctx, topology.Lease{Name: l.name, Holder: "a"})
			requireError(l.t, err, topology.ErrTimeout)
			require.ErrorContains(l.t, err, "somebody-else")
			require.ErrorIs(l.t, err, context.DeadlineExceeded)
		}),
		c("a holder that died is replaced after its duration, and not before", func(l leasing) {
			for _, same := range []string{"dead", "a"} {
				died := time.Now()
				l.out.HoldLease(l.t, l.name, same, briefly)
				_, release := l.take("a", long)
				require.GreaterOrEqual(l.t, time.Since(died), briefly)
				release()
			}
		}),
		c("when somebody takes it away, the context ends and says who", func(l leasing) {
			held, release := l.take("a", renewed)
			l.out.HoldLease(l.t, l.name, "usurper", long)
			cause := l.requireEnds(held)
			requireError(l.t, cause, topology.ErrConflict)
			require.ErrorContains(l.t, cause, "usurper")
			release()
			l.requireHeld("usurper", looking)
		}),
		c("a second release does nothing", func(l leasing) {
			_, release := l.take("a", long)
			release()
			held, _ := l.take("b", long)
			release()
			l.requireHeld("b", looking)
			require.NoError(l.t, held.Err())
		}),
		c("the end of the caller's context gives it up", func(l leasing) {
			ctx, cancel := context.WithCancelCause(l.t.Context())
			held, release, err := h.Topology.HoldLease(ctx, topology.Lease{Name: l.name, Holder: "a", Duration: long})
			require.NoError(l.t, err)
			cancel(errStopped)
			require.Equal(l.t, errStopped, l.requireEnds(held))
			l.take("b", long)
			release()
		}),
		c("of several at once one has it at a time, and each has its turn", takeTurns),
		c("a dry run waits for nobody and holds nothing", func(l leasing) {
			dry := leasing{l.t, h.DryRun, l.out, l.name}
			dry.take("a", long)
			held, _ := l.take("b", long)
			_, release := dry.take("a", long)
			release()
			l.requireHeld("b", looking)
			require.NoError(l.t, held.Err())
		}),
		c("what is no lease is ErrInvalid", func(l leasing) {
			for _, bad := range []topology.Lease{
				{Name: "", Holder: "a"}, {Name: "No name", Holder: "a"}, {Name: strings.Repeat("a", 201), Holder: "a"}, {Name: l.name},
				{Name: l.name, Holder: "a", Duration: -time.Second}, {Name: l.name, Holder: "a", Duration: time.Millisecond},
			} {
				for _, top := range []topology.Leases{h.Topology, h.DryRun} {
					_, _, err := top.HoldLease(l.t.Context(), bad)
					requireError(l.t, err, topology.ErrInvalid)
				}
			}
		}),
		c("a cancelled context gets no lease", func(l leasing) {
			for _, top := range []topology.Leases{h.Topology, h.DryRun} {
				_, _, err := top.HoldLease(cancelled(l.t), topology.Lease{Name: l.name, Holder: "a", Duration: long})
				require.ErrorIs(l.t, err, context.Canceled)
			}
			l.take("b", long)
		}),
	}
}

// takeTurns has several take the lease, none of whom knows of the others.
func takeTurns(l leasing) {
	const all = 4
	var holding, turns atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, all)
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*soon)
	defer cancel()
	for i := range all {
		group.Go(func() {
			_, release, err := l.top.HoldLease(ctx, topology.Lease{Name: l.name, Holder: "a", Duration: long})
			if errs[i] = err; err != nil {
				return
			}
			defer release()
			if holding.Add(1) == 1 {
				turns.Add(1)
			}
			time.Sleep(10 * time.Millisecond) // so that they would meet
			holding.Add(-1)
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(l.t, err)
	}
	require.Equal(l.t, int64(all), turns.Load(), "somebody held it while another did")
}
