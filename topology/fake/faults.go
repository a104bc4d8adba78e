package fake

import (
	"context"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Fault is something that goes wrong. Op and Kind say with which calls: "ensure" and "Quota" with EnsureQuota, "read" and "Platform" with
// Platform, and so on as in [topology.Error]; empty is any.
type Fault struct {
	Op   string
	Kind topology.Kind

	Nth     int           // with the Nth such call only, from 1; 0: with each
	After   int           // but not with the first so many such calls
	Latency time.Duration // the call takes that much longer; an "await" then says that it waits
	Err     error         // the call fails so, as the reason of a *topology.Error; nil: it does not fail
	Late    bool          // an "ensure" or "delete" fails after it has taken effect, as when an answer is lost
}

// WithFaults returns the same infrastructure, seen through faults. Those of t no longer apply.
func (t *Topology) WithFaults(list ...Fault) *Topology {
	faulty := *t
	faulty.faults = &faults{list: list, seen: make([]int, len(list)), due: map[adapter.Call]error{}}
	return &faulty
}

type faults struct {
	mu   sync.Mutex
	list []Fault
	seen []int
	due  map[adapter.Call]error // late errors of calls that are under way
}

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
