package topology

import (
	"context"
	"time"
)

// Progress is what an adapter or an Interpret reports while it works: [Changed], [Retrying] or
// [Waiting]. The outcome of a call never depends on the listener.
type Progress interface{ progress() }

// Changed reports a change that was made, or that would be made on a dry run. An unchanged value is
// not reported.
type Changed struct {
	Change Change // its Action is never Unchanged
}

// Retrying reports that a try has failed, and that another follows.
type Retrying struct {
	Op    string        // the call, as in Error
	Kind  Kind          // of the value, as in Error
	Name  string        // of the tenant or namespace, as in Error
	Err   error         // the error of the call if it gave up now
	After time.Duration // until the next try
	Try   int           // the number of the try that failed, from 1
}

// Waiting reports that a wait begins. It is reported once, and only if there is something to wait
// for.
type Waiting struct {
	Kind Kind   // of the value
	Name string // of the tenant, namespace or lease; empty if there is none
	For  string // what is awaited: "be in force", "be gone"
}

func (Changed) progress()  {}
func (Retrying) progress() {}
func (Waiting) progress()  {}

type listenerKey struct{}

// WithProgress returns a context whose calls report to listen. It replaces a listener that ctx has.
// Concurrent calls call listen concurrently. It should return quickly, because the work waits for
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
