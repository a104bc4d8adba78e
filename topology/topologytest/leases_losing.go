package topologytest

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

func losingCases() []leaseCase {
	return []leaseCase{
		{"A holder that died is replaced after its duration, and not earlier", func(l leasing) {
			for _, same := range []string{"dead", "a"} {
				died := time.Now()
				l.outsider.HoldLease(l.t, l.name, same, expiring)
				_, release := l.take("a")
				require.GreaterOrEqual(l.t, time.Since(died), expiring)
				release()
			}
		}},
		{"If another caller takes the lease away, the context ends and its cause names the new holder", func(l leasing) {
			l.withRenewed(losesToUsurper)
		}},
		{"A second release does nothing", func(l leasing) {
			_, release := l.take("a")
			release()
			held, _ := l.take("b")
			release()
			l.requireHeld("b")
			require.NoError(l.t, held.Err())
		}},
		{"The end of the caller's context gives the lease up", func(l leasing) {
			ctx, cancel := context.WithCancelCause(l.t.Context())
			held, release, err := l.top.HoldLease(ctx, topology.Lease{Name: l.name, Holder: "a", Duration: longLease})
			require.NoError(l.t, err)
			cancel(errStopped)
			require.Equal(l.t, errStopped, l.requireEnds(held))
			l.take("b")
			release()
		}},
	}
}

// losesToUsurper takes the lease away from its holder.
func losesToUsurper(l leasing, a lent) func() {
	l.outsider.HoldLease(l.t, l.name, "usurper", longLease)
	cause := l.requireEnds(a.held)
	return func() {
		l.t.Helper()
		RequireError(l.t, cause, topology.ErrConflict)
		require.ErrorContains(l.t, cause, "usurper")
		a.release()
		l.requireHeld("usurper")
	}
}

func refusingCases() []leaseCase {
	return []leaseCase{
		{"If the context ends first, the error is ErrTimeout and names the holder", func(l leasing) {
			l.outsider.HoldLease(l.t, l.name, "another-run", longLease)
			err := RequireTimeout(l.t, observeTime, "another-run", func(limit time.Duration) error {
				ctx, cancel := context.WithTimeout(l.t.Context(), limit)
				defer cancel()
				want := topology.Lease{Name: l.name, Holder: "a"}
				if limit > observeTime {
					want.Duration = longLease // the infrastructure is too slow for the default duration
				}
				_, _, err := l.top.HoldLease(ctx, want)
				return err
			})
			require.ErrorIs(l.t, err, context.DeadlineExceeded)
		}},
		{"A dry run does not wait, and holds nothing", func(l leasing) {
			dry := l
			dry.top = l.dry
			dry.take("a")
			held, _ := l.take("b")
			_, release := dry.take("a")
			release()
			l.requireHeld("b")
			require.NoError(l.t, held.Err())
		}},
		{"A lease that is not valid is ErrInvalid", func(l leasing) {
			for _, bad := range []topology.Lease{
				{Name: "", Holder: "a"}, {Name: "No name", Holder: "a"}, {Name: strings.Repeat("a", 201), Holder: "a"},
				{Name: l.name},
				{Name: l.name, Holder: "a", Duration: -time.Second}, {Name: l.name, Holder: "a", Duration: time.Millisecond},
			} {
				for _, top := range []topology.Leases{l.top, l.dry} {
					_, _, err := top.HoldLease(l.t.Context(), bad)
					RequireError(l.t, err, topology.ErrInvalid)
				}
			}
		}},
		{"A cancelled context gets no lease", func(l leasing) {
			for _, top := range []topology.Leases{l.top, l.dry} {
				want := topology.Lease{Name: l.name, Holder: "a", Duration: longLease}
				_, _, err := top.HoldLease(cancelled(l.t), want)
				require.ErrorIs(l.t, err, context.Canceled)
			}
			l.take("b")
		}},
	}
}

// takeTurns makes several independent callers take the lease.
func takeTurns(l leasing) {
	const all = 4
	var holding, turns atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, all)
	ctx, cancel := context.WithTimeout(l.t.Context(), longLease)
	defer cancel()
	for i := range all {
		group.Go(func() {
			_, release, err := l.top.HoldLease(ctx, topology.Lease{Name: l.name, Holder: "a", Duration: longLease})
			if errs[i] = err; err != nil {
				return
			}
			defer release()
			if holding.Add(1) == 1 {
				turns.Add(1)
			}
			time.Sleep(10 * time.Millisecond) // so that two holders would overlap
			holding.Add(-1)
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(l.t, err)
	}
	require.Equal(l.t, int64(all), turns.Load(), "two callers held the lease at the same time")
}
