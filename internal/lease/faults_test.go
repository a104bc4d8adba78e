package lease

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

func unavailable(context.Context, string) error { return failure(topology.ErrUnavailable) }

func hanging(ctx context.Context, _ string) error {
	<-ctx.Done()
	return failure(topology.ErrInvalid) // as of a client that has not sent the request yet
}

func TestHoldWithFaultsBeforeTheLeaseIsTaken(t *testing.T) {
	for name, fault := range map[string]func(context.Context, string) error{"no answer": hanging, "an error": unavailable} {
		simulate(t, name+" is retried", func(t *testing.T, m *memoryStore) {
			start := time.Now()
			m.before = func(ctx context.Context, op string) error {
				if time.Since(start) < time.Minute {
					return fault(ctx, op)
				}
				return nil
			}
			held, _ := hold(t, m)
			require.InDelta(t, time.Minute, time.Since(start), float64(5*time.Second))
			require.NoError(t, held.Err())
		})
		simulate(t, name+" until the context ends is not ErrTimeout", func(t *testing.T, m *memoryStore) {
			m.before = fault
			ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
			defer cancel()
			start := time.Now()
			_, _, err := Hold(ctx, m, want)
			require.Equal(t, 7*time.Second, time.Since(start))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, topology.ErrTimeout)
			require.NotErrorIs(t, err, topology.ErrInvalid)
		})
	}
	simulate(t, "a permanent error is returned", func(t *testing.T, m *memoryStore) {
		for op, reasons := range map[string][]error{
			"read":   {topology.ErrForbidden, topology.ErrInvalid}, // ErrNotFound is not an error of a read: there is no record yet
			"create": {topology.ErrForbidden, topology.ErrNotFound, topology.ErrTerminating},
		} {
			for _, reason := range reasons {
				m.before = func(_ context.Context, at string) error {
					if at == op {
						return failure(reason)
					}
					return nil
				}
				_, _, err := Hold(t.Context(), m, want)
				require.ErrorIs(t, err, reason)
				require.ErrorIs(t, err, errCause)
			}
		}
	})
	simulate(t, "a conflict when the record is read is returned", func(t *testing.T, m *memoryStore) {
		m.before = func(context.Context, string) error { return failure(topology.ErrConflict) }
		_, _, err := Hold(t.Context(), m, want)
		require.ErrorIs(t, err, topology.ErrConflict)
	})
	simulate(t, "a write whose answer is lost is found by the next attempt", func(t *testing.T, m *memoryStore) {
		m.put(dead(time.Second))
		lose := true
		m.after = func(op string) (err error) {
			if op == "update" && lose {
				lose, err = false, failure(topology.ErrUnavailable)
			}
			return err
		}
		start := time.Now()
		hold(t, m)
		require.Equal(t, 1500*time.Millisecond, time.Since(start))
		require.Equal(t, 1, m.have().Transitions)
		require.True(t, m.have().Acquired.Before(m.have().Renewed))
	})
	simulate(t, "a write whose answer is lost is released if the context ends", func(t *testing.T, m *memoryStore) {
		ctx, cancel := context.WithCancel(t.Context())
		m.after = func(op string) error {
			if op == "create" {
				cancel()
				return failure(topology.ErrUnavailable)
			}
			return nil
		}
		_, _, err := Hold(ctx, m, want)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, m.have().Holder)
	})
	simulate(t, "a lease that took too long to take is taken again", func(t *testing.T, m *memoryStore) {
		m.after = func(string) error {
			m.after = nil
			time.Sleep(11 * time.Second) // longer than the timeout of an attempt
			return nil
		}
		held, _ := hold(t, m)
		time.Sleep(time.Minute)
		require.NoError(t, held.Err())
	})
}

func TestHoldWithFaultsWhileTheLeaseIsHeld(t *testing.T) {
	for name, fault := range map[string]func(context.Context, string) error{
		"no answer": hanging,
		"an error":  unavailable,
		"a missing right": func(context.Context, string) error {
			return failure(topology.ErrForbidden)
		},
		"a faster writer at each attempt": func(_ context.Context, op string) error {
			if op == "update" {
				return failure(topology.ErrConflict)
			}
			return nil
		},
	} {
		simulate(t, name+" ends the lease before another run may take it", func(t *testing.T, m *memoryStore) {
			other := m.view()
			start := time.Now()
			m.before = func(ctx context.Context, op string) error {
				if time.Since(start) > 6*time.Second {
					return fault(ctx, op)
				}
				return nil
			}
			held, _ := hold(t, m)
			next := make(chan time.Duration)
			go func() {
				_, release, err := Hold(t.Context(), other, want)
				if err == nil {
					defer release()
				}
				next <- time.Since(start)
			}()
			err := lost(held)
			requireReason(t, err, topology.ErrUnavailable, "could not be renewed for 10s")
			require.NotErrorIs(t, err, topology.ErrForbidden)
			require.Equal(t, 15*time.Second, time.Since(start), "it was renewed after 5s")
			require.GreaterOrEqual(t, <-next, 20*time.Second)
		})
		simulate(t, name+" for a short time does not end the lease", func(t *testing.T, m *memoryStore) {
			start := time.Now()
			m.before = func(ctx context.Context, op string) error {
				if since := time.Since(start); since > 6*time.Second && since < 14*time.Second {
					return fault(ctx, op)
				}
				return nil
			}
			held, _ := hold(t, m)
			time.Sleep(time.Minute)
			require.NoError(t, held.Err())
		})
	}
	simulate(t, "the record of another holder ends the lease", func(t *testing.T, m *memoryStore) {
		held, release := hold(t, m)
		m.put(dead(time.Hour))
		requireReason(t, lost(held), topology.ErrConflict, `was taken by "dead"`)
		release()
		require.Equal(t, "dead", m.have().Holder)
	})
	simulate(t, "a cleared record ends the lease", func(t *testing.T, m *memoryStore) {
		held, release := hold(t, m)
		m.put(&Record{})
		requireReason(t, lost(held), topology.ErrConflict, "its record was cleared")
		release()
		require.Equal(t, 2, m.written())
	})
	simulate(t, "a record that Polyphony does not manage ends the lease", func(t *testing.T, m *memoryStore) {
		held, release := hold(t, m)
		m.fail(func(context.Context, string) error { return failure(topology.ErrConflict) })
		require.Equal(t, failure(topology.ErrConflict), lost(held))
		start := time.Now()
		release()
		require.Equal(t, start, time.Now())
	})
	simulate(t, "a deleted record is created again", func(t *testing.T, m *memoryStore) {
		held, _ := hold(t, m)
		first := m.have().Holder
		m.put(nil)
		time.Sleep(time.Minute)
		require.NoError(t, held.Err())
		require.Equal(t, first, m.have().Holder)
	})
	simulate(t, "a program that is suspended loses the lease", func(t *testing.T, m *memoryStore) {
		start := time.Now()
		m.before = func(_ context.Context, _ string) error {
			if time.Since(start) > 4*time.Second && time.Since(start) < 14*time.Second {
				time.Sleep(11 * time.Second)
				return failure(topology.ErrUnavailable)
			}
			return nil
		}
		held, _ := hold(t, m)
		requireReason(t, lost(held), topology.ErrUnavailable, "could not be renewed")
	})
}

func TestReleaseWithFaults(t *testing.T) {
	simulate(t, "a release without an answer ends after a timeout", func(t *testing.T, m *memoryStore) {
		_, release := hold(t, m)
		m.fail(hanging)
		start := time.Now()
		release()
		require.Equal(t, releaseTimeout, time.Since(start))
	})
	simulate(t, "the release of a long lease may take as long as an attempt to renew it", func(t *testing.T, m *memoryStore) {
		_, release, err := Hold(t.Context(), m, topology.Lease{Name: "roster", Holder: "host", Duration: time.Minute})
		require.NoError(t, err)
		m.fail(hanging)
		start := time.Now()
		release()
		require.Equal(t, 15*time.Second, time.Since(start))
	})
	simulate(t, "a release is retried", func(t *testing.T, m *memoryStore) {
		_, release := hold(t, m)
		start := time.Now()
		m.fail(func(ctx context.Context, op string) error {
			if time.Since(start) < 2*time.Second {
				return unavailable(ctx, op)
			}
			return nil
		})
		release()
		require.Empty(t, m.have().Holder)
	})
	simulate(t, "a release is retried after another write of the record", func(t *testing.T, m *memoryStore) {
		_, release := hold(t, m)
		m.fail(func(_ context.Context, op string) error {
			if op == "update" {
				m.fail(nil)
				again := m.have()
				m.put(&again)
			}
			return nil
		})
		release()
		require.Empty(t, m.have().Holder)
	})
}
