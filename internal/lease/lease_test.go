package lease

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

var (
	errCause = errors.New("the cause")
	want     = topology.Lease{Name: "roster", Holder: "host"} // for 15s
)

// simulate runs a test with an empty store and simulated time.
func simulate(t *testing.T, name string, run func(t *testing.T, m *memoryStore)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { run(t, newMemoryStore()) })
	})
}

// hold takes the lease and releases it at the end of the test.
func hold(t *testing.T, m *memoryStore) (held context.Context, release func()) {
	t.Helper()
	held, release, err := Hold(t.Context(), m, want)
	require.NoError(t, err)
	t.Cleanup(release)
	return held, release
}

// lost waits for the end of a held context and returns its cause.
func lost(held context.Context) error {
	<-held.Done()
	return context.Cause(held)
}

func requireReason(t *testing.T, err, reason error, text string) {
	t.Helper()
	require.ErrorIs(t, err, reason)
	var typed *topology.Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, "hold Lease roster", typed.Op+" "+string(typed.Kind)+" "+typed.Name)
	require.ErrorContains(t, err, text)
}

func TestHoldRenewsAndReleasesTheLease(t *testing.T) {
	simulate(t, "the lease is renewed after each third of its duration, and released", func(t *testing.T, m *memoryStore) {
		start := time.Now()
		held, release := hold(t, m)
		require.Equal(t, start, time.Now())
		first := m.have()
		require.Regexp(t, "^host/[a-z2-7]{6}$", first.Holder)
		require.True(t, first.equal(Record{Holder: first.Holder, Duration: 15 * time.Second, Acquired: start, Renewed: start}))
		time.Sleep(61 * time.Second)
		require.NoError(t, held.Err())
		require.Equal(t, 1+12, m.written())
		require.True(t, m.have().equal(Record{Holder: first.Holder, Duration: 15 * time.Second, Acquired: start, Renewed: start.Add(time.Minute)}))
		release()
		require.Equal(t, context.Canceled, lost(held))
		require.True(t, m.have().equal(Record{Duration: time.Second, Acquired: time.Now(), Renewed: time.Now()}))
		release()
		time.Sleep(time.Minute)
		require.Equal(t, 1+12+1, m.written())
	})
	simulate(t, "the lease is released when the context ends, and keeps its cause", func(t *testing.T, m *memoryStore) {
		ctx, cancel := context.WithCancelCause(t.Context())
		held, release, err := Hold(ctx, m, want)
		require.NoError(t, err)
		cancel(errCause)
		require.Equal(t, errCause, lost(held))
		synctest.Wait()
		require.Empty(t, m.have().Holder)
		release()
		require.Equal(t, 2, m.written())
	})
	simulate(t, "transitions count the holders and not the writes", func(t *testing.T, m *memoryStore) {
		for n := range 3 {
			_, release := hold(t, m)
			time.Sleep(time.Minute)
			require.Equal(t, n, m.have().Transitions)
			release()
			require.Equal(t, n, m.have().Transitions)
		}
	})
	simulate(t, "release can be called concurrently", func(t *testing.T, m *memoryStore) {
		_, release := hold(t, m)
		var all sync.WaitGroup
		for range 5 {
			all.Go(release)
		}
		all.Wait()
		require.Equal(t, 2, m.written())
	})
	simulate(t, "one holder has the lease at a time", func(t *testing.T, m *memoryStore) {
		var all sync.WaitGroup
		var mu sync.Mutex
		turns := 0
		for range 20 {
			all.Go(func() {
				_, release, err := Hold(t.Context(), m.view(), want)
				if err == nil {
					defer release()
					require.True(t, mu.TryLock())
					defer mu.Unlock()
					time.Sleep(time.Minute)
					turns++
				}
			})
		}
		all.Wait()
		require.Equal(t, 20, turns)
	})
}

func TestHoldTakesALeaseOnlyOnceItIsFree(t *testing.T) {
	simulate(t, "a lease that is not renewed is taken after exactly its duration", func(t *testing.T, m *memoryStore) {
		m.put(dead(9877 * time.Millisecond))
		start := time.Now()
		hold(t, m)
		require.Equal(t, 9877*time.Millisecond, time.Since(start))
		require.Equal(t, 1, m.have().Transitions)
	})
	simulate(t, "a record without a duration expires after that of the observer", func(t *testing.T, m *memoryStore) {
		m.put(dead(0))
		start := time.Now()
		hold(t, m)
		require.Equal(t, 15*time.Second, time.Since(start))
	})
	simulate(t, "a lease that is renewed is not taken, even if the clock of its holder is wrong", func(t *testing.T, m *memoryStore) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		m.put(dead(4 * time.Second))
		go func() {
			for past := time.Unix(0, 0); ctx.Err() == nil; past = past.Add(time.Microsecond) {
				r := dead(4 * time.Second)
				r.Renewed = past
				m.put(r)
				sleep(ctx, 3*time.Second)
			}
		}()
		_, _, err := Hold(ctx, m, want)
		requireReason(t, err, topology.ErrTimeout, `"dead" holds it`)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	simulate(t, "waiting is reported once", func(t *testing.T, m *memoryStore) {
		var reports []topology.Progress
		ctx := topology.WithProgress(t.Context(), func(p topology.Progress) { reports = append(reports, p) })
		_, release, err := Hold(ctx, m, want)
		require.NoError(t, err)
		release()
		require.Empty(t, reports)
		m.put(dead(time.Minute))
		_, release, err = Hold(ctx, m, want)
		require.NoError(t, err)
		release()
		require.Equal(t, []topology.Progress{topology.Waiting{Kind: "Lease", Name: "roster", For: `be given up by "dead"`}}, reports)
	})
	simulate(t, "a released lease is taken at once", func(t *testing.T, m *memoryStore) {
		m.put(&Record{Duration: time.Hour, Transitions: 6})
		start := time.Now()
		hold(t, m)
		require.Equal(t, start, time.Now())
		require.Equal(t, 7, m.have().Transitions)
	})
	simulate(t, "a lease that is renewed between read and write is not taken", func(t *testing.T, m *memoryStore) {
		m.put(dead(time.Second))
		other, late := m.view(), false
		m.before = func(_ context.Context, op string) error {
			if op == "update" && !late {
				late = true
				other.put(dead(20 * time.Second)) // between read and write
			}
			return nil
		}
		start := time.Now()
		hold(t, m)
		require.GreaterOrEqual(t, time.Since(start), 21*time.Second)
	})
	simulate(t, "a lease that another run creates between read and write is not taken", func(t *testing.T, m *memoryStore) {
		other, late := m.view(), false
		m.before = func(_ context.Context, op string) error {
			if op == "create" && !late {
				late = true
				other.put(dead(20 * time.Second))
			}
			return nil
		}
		start := time.Now()
		hold(t, m)
		require.GreaterOrEqual(t, time.Since(start), 20*time.Second)
	})
	simulate(t, "a context that has ended takes no lease", func(t *testing.T, m *memoryStore) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, err := Hold(ctx, m, want)
		requireReason(t, err, context.Canceled, "stopped")
		require.Zero(t, m.written())
	})
}
