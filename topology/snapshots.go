package topology

import "context"

// Snapshots is for a topology that may answer from a cache, so that a run over many tenants does
// not send a request for each. For a topology without a cache it does nothing.
type Snapshots interface {
	// Refresh empties the cache. The next reads send requests again, except that Platforms.Platform
	// may answer from its own cache, which a refresh does not empty. On Kubernetes it holds for up
	// to a minute.
	Refresh()
}

type liveKey struct{}

// Live returns a context whose reads bypass the cache. It is for values that others may have
// changed since the cache was filled.
func Live(ctx context.Context) context.Context { return context.WithValue(ctx, liveKey{}, true) }

// IsLive reports whether reads with this context must not be answered from a cache.
func IsLive(ctx context.Context) bool { return ctx.Value(liveKey{}) != nil }
