package fake

import (
	"context"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Fault delays calls, or makes them fail. Op and Kind select the calls, as in [topology.Error]:
// "ensure" and "Quota" select EnsureQuota, "read" and "Platform" select Platform.
type Fault struct {
	Op   string        // such as "ensure"; empty: every call
	Kind topology.Kind // such as topology.KindQuota; empty: every kind

	// Nth applies the fault to the n-th selected call only, counted from 1. 0: to every selected
	// call.
	Nth int

	// After is the number of selected calls that pass before the fault applies.
	After int

	// Latency is the delay of the call. A delayed "await" reports topology.Waiting.
	Latency time.Duration

	// Err is the Reason of the *topology.Error that the call returns. Nil: it does not fail.
	Err error

	// Late makes an "ensure" or "delete" fail after it has taken effect, as if its answer were
	// lost.
	Late bool
}

// WithFaults returns a view of the same infrastructure with these faults. The faults of t do not
// apply to it.
func (t *Topology) WithFaults(list ...Fault) *Topology {
	faulty := *t
	faulty.faults = &faults{list: list, seen: make([]int, len(list)), due: map[adapter.Call]error{}}
	return &faulty
}

// faults apply to the calls of one Topology. A nil *faults is none.
type faults struct {
	mu   sync.Mutex
	list []Fault
	seen []int                  // how many calls each fault has selected
	due  map[adapter.Call]error // late errors of calls that have not ended
}

// before delays a call and returns the error of a fault that is not late.
func (f *faults) before(ctx context.Context, c adapter.Call) error {
	if f == nil {
		return nil
	}
	latency, err := f.match(c)
	if c.Op == "await" && latency > 0 {
		reportWait(ctx, c)
	}
	select {
	case <-time.After(latency):
	case <-ctx.Done():
	}
	return err
}

// match counts a call and returns the combined effect of the faults that select it.
func (f *faults) match(c adapter.Call) (latency time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		if fault.Op != "" && fault.Op != c.Op || fault.Kind != "" && fault.Kind != c.Kind {
			continue
		}
		f.seen[i]++
		if fault.Nth != 0 && fault.Nth != f.seen[i] || f.seen[i] <= fault.After {
			continue
		}
		latency += fault.Latency
		switch failure := c.Fail(fault.Err, "injected fault"); {
		case fault.Err == nil:
		case fault.Late && (c.Op == "ensure" || c.Op == "delete"):
			f.due[c] = failure
		default:
			err = failure
		}
	}
	return latency, err
}

// after returns the late error of a call that has taken effect.
func (f *faults) after(c adapter.Call) error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.due[c]
	delete(f.due, c)
	return err
}
