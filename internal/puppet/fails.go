package puppet

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Fails reports whether a case fails. The case may panic, wait, and leave goroutines behind: it
// takes no time in a synctest bubble.
func Fails(t *testing.T, run func(*Verdict)) bool {
	t.Helper()
	v := &Verdict{}
	synctest.Test(t, func(t *testing.T) {
		v.ctx = t.Context()
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if recover() != nil { // a case may stumble over what a broken adapter returns
					v.failed = true
				}
			}()
			run(v)
		})
		wg.Wait()
		for _, f := range v.cleanups {
			f()
		}
		time.Sleep(2 * time.Hour) // until what a broken adapter leaves behind has ended
	})
	return v.failed
}

// Verdict takes the place of a *testing.T in a case, and records whether the case fails.
type Verdict struct {
	ctx      context.Context //nolint:containedctx // as in testing.T
	failed   bool
	cleanups []func()
}

// Helper does nothing.
func (v *Verdict) Helper() {}

// Errorf makes the case one that fails.
func (v *Verdict) Errorf(string, ...any) { v.failed = true }

// Context returns the context of the case.
func (v *Verdict) Context() context.Context { return v.ctx }

// Cleanup runs f at the end of the case.
func (v *Verdict) Cleanup(f func()) { v.cleanups = append(v.cleanups, f) }

// FailNow makes the case one that fails, and ends it.
func (v *Verdict) FailNow() {
	v.failed = true
	runtime.Goexit()
}
