package topology

import "context"

// Snapshots is for a topology that may answer from a cache, so that a run over many tenants need
// not ask for each. For a topology without a cache it does nothing.
type Snapshots interface {
	// Refresh drops what was cached. What is needed next is read anew.
	Refresh()
}

type liveKey struct{}

// Live returns a context whose reads are answered by the infrastructure itself and not from a
// cache: for what others may have changed just now.
func Live(ctx context.Context) context.Context { return context.WithValue(ctx, liveKey{}, true) }

// IsLive reports whether reads with this context must not be answered from a cache.
func IsLive(ctx context.Context) bool { return ctx.Value(liveKey{}) != nil }
