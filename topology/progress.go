package topology

import (
	"context"
	"time"
)

// Progress is what an adapter or an Interpret reports while it works: [Changed], [Retrying] or
// [Waiting]. The outcome of a call never depends on who listens.
type Progress interface{ progress() }

// Changed reports that something is different now, or would be on a dry run. What is unchanged is
// not reported.
type Changed struct{ Change Change }

// Retrying reports that a try has failed, and that another follows.
type Retrying struct {
	Op    string // of the call, as in Error
	Kind  Kind
	Name  string
	Err   error         // what the call would fail with if it gave up now
	After time.Duration // until the next try
	Try   int           // the number of the try that failed, from 1
}

// Waiting reports that a wait begins. It is reported once, and only if there is something to wait
// for.
type Waiting struct {
	Kind Kind
	Name string
	For  string // what is awaited: "be in force", "be gone"
}

func (Changed) progress()  {}
func (Retrying) progress() {}
func (Waiting) progress()  {}

type listenerKey struct{}

// WithProgress returns a context whose calls report to listen, and no longer to a listener that ctx
// had. Concurrent calls call it concurrently. It should return quickly, since the work waits for
// it.
func WithProgress(ctx context.Context, listen func(Progress)) context.Context {
	return context.WithValue(ctx, listenerKey{}, listen)
}

// ReportProgress passes p to the listener of the context, if there is one.
func ReportProgress(ctx context.Context, p Progress) {
	if listen, _ := ctx.Value(listenerKey{}).(func(Progress)); listen != nil {
		listen(p)
	}
}
