package topology

import (
	"context"
	"time"
)

// Progress is what an adapter or an Interpret says while it works: [Changed], [Retrying] or [Waiting]. It is news for whoever watches. The
// outcome of a call never depends on it.
type Progress interface{ progress() }

// Changed says that something is different now, or on a dry run would be. Nobody reports what is unchanged.
type Changed struct{ Change Change }

// Retrying says that a try has failed, and that another follows.
type Retrying struct {
	Op, Kind, Name string        // of the call, as in [Error]
	Err            error         // what the call would fail with if it were given up now
	After          time.Duration // until the next try
	Try            int           // the one that failed, from 1
}

// Waiting says that a wait begins, once and only if there is something to wait for: a quota that is in force already is not waited for.
type Waiting struct {
	Kind, Name string // of what is waited for
	For        string // what it is to do: "be in force", "be gone"
}

func (Changed) progress()  {}
func (Retrying) progress() {}
func (Waiting) progress()  {}

type listenerKey struct{}

// WithProgress returns a context whose calls report to listen, and no longer to a listener that ctx had. Calls that run at once call it at
// once. It should return quickly, as the work waits for it.
func WithProgress(ctx context.Context, listen func(Progress)) context.Context {
	return context.WithValue(ctx, listenerKey{}, listen)
}

// ReportProgress tells the listener of the context, if there is one.
func ReportProgress(ctx context.Context, p Progress) {
	if listen, _ := ctx.Value(listenerKey{}).(func(Progress)); listen != nil {
		listen(p)
	}
}
