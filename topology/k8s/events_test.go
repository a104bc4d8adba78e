package k8s_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
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

// awaitRenewal waits until the holder of a lease has renewed it this long after it was acquired.
func awaitRenewal(t *testing.T, want topology.Lease, after time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool {
		spec := leaseOf(t, "kube-system", want.Name).Spec
		return spec.RenewTime.Sub(spec.AcquireTime.Time) >= after
	}, eventuallyWait, eventuallyTick, "the lease is not renewed")
}
