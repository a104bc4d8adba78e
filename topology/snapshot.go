package topology

import "context"

// Snapshots is for a topology that may answer from memory, so that a run over many tenants need not ask for each. One that does not remember has nothing
// to do here.
type Snapshots interface {
	// Refresh forgets what was read. What is needed next is read anew.
	Refresh()
}

type liveKey struct{}

// Live makes reads with this context be answered by the infrastructure itself, and not from a memory: for what others may have changed just now.
func Live(ctx context.Context) context.Context { return context.WithValue(ctx, liveKey{}, true) }

// IsLive tells whether reads must not be answered from a memory.
func IsLive(ctx context.Context) bool { return ctx.Value(liveKey{}) != nil }
