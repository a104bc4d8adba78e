package k8s_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

// expiringContext is a context whose deadline passes when a test decides.
type expiringContext struct {
	context.Context
	expired chan struct{}
}

// expiring returns a context whose deadline passes when expire is called, so that a test does not
// depend on how much of its work is done by some time.
func expiring(parent context.Context) (ctx context.Context, expire func()) {
	expired := make(chan struct{})
	return expiringContext{parent, expired}, sync.OnceFunc(func() { close(expired) })
}

func (c expiringContext) Done() <-chan struct{} { return c.expired }

func (c expiringContext) Err() error {
	select {
	case <-c.expired:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// patient is a topology whose rosters hold their lease for minutes instead of the default 15s. A
// run on a busy machine may lose a short lease. Only tests of leases need one.
type patient struct{ *k8s.Topology }

func (p patient) HoldLease(
	ctx context.Context, want topology.Lease,
) (held context.Context, release func(), err error) {
	if want.Duration == 0 {
		want.Duration = 5 * time.Minute
	}
	return p.Topology.HoldLease(ctx, want)
}

// withRenewedLease runs a test of a lease that must be renewed. On a busy machine a holder may lose
// a short lease, because the API server does not answer in time. Test then returns that error, and
// is repeated with leases of longer durations.
func withRenewedLease(t *testing.T, test func(duration time.Duration) (lost error)) {
	t.Helper()
	for duration := renewable; ; duration *= 4 {
		lost := test(duration)
		if lost == nil {
			return
		}
		require.Less(t, duration, eventuallyWait, "the lease was lost: %v", lost)
		require.ErrorIs(t, lost, topology.ErrUnavailable)
	}
}

// tryHold holds a lease. It returns an error if the API server is too slow for the duration.
func tryHold(t *testing.T, top *k8s.Topology, want topology.Lease) (held context.Context, release func(), slow error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	timer := time.AfterFunc(10*want.Duration, cancel)
	held, release, err := top.HoldLease(ctx, want)
	if timer.Stop() {
		require.NoError(t, err)
		t.Cleanup(release)
		return held, release, nil
	}
	if err == nil {
		release()
	}
	return nil, nil, fmt.Errorf("%w: no lease of %s in time", topology.ErrUnavailable, want.Duration)
}

// awaitRenewal waits until the holder of a lease has renewed it this long after it was acquired. It
// returns earlier if the holder ends.
func awaitRenewal(t *testing.T, want topology.Lease, after time.Duration, ended <-chan struct{}) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		spec := leaseOf(t, "kube-system", want.Name).Spec
		return spec.RenewTime.Sub(spec.AcquireTime.Time) >= after
	}, eventuallyWait, eventuallyTick, "the lease is not renewed")
}
