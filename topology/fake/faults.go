package fake

import (
	"context"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

// Fault is something that goes wrong. Op and Kind say with which calls: "ensure" and "Quota" with EnsureQuota, "read" and "Platform" with
// Platform, and so on as in [topology.Error]; empty is any.
type Fault struct {
	Op, Kind string

	Nth     int           // with the Nth such call only, from 1; 0: with each
	After   int           // but not with the first so many such calls
	Latency time.Duration // the call takes that much longer; an "await" then says that it waits
	Err     error         // the call fails so, as the reason of a *topology.Error; nil: it does not fail
	Late    bool          // an "ensure" or "delete" fails after it has taken effect, as when an answer is lost
}

// WithFaults returns the same infrastructure, seen through faults. Those of t no longer apply.
func (t *Topology) WithFaults(list ...Fault) *Topology {
	faulty := *t
	faulty.faults = &faults{list: list, seen: make([]int, len(list)), due: map[call]error{}}
	return &faulty
}

type faults struct {
	mu   sync.Mutex
	list []Fault
	seen []int
	due  map[call]error // late errors of calls that are under way
}

func (f *faults) before(ctx context.Context, c call) error {
	if f == nil {
		return nil
	}
	latency, err := f.match(c)
	if c.op == "await" && latency > 0 {
		c.waits(ctx)
	}
	select {
	case <-time.After(latency):
	case <-ctx.Done():
	}
	return err
}

func (f *faults) match(c call) (latency time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.list {
		if fault.Op != "" && fault.Op != c.op || fault.Kind != "" && fault.Kind != c.kind {
			continue
		}
		f.seen[i]++
		if fault.Nth != 0 && fault.Nth != f.seen[i] || f.seen[i] <= fault.After {
			continue
		}
		latency += fault.Latency
		switch failure := c.fails(fault.Err, "injected fault"); {
		case fault.Err == nil:
		case fault.Late && (c.op == "ensure" || c.op == "delete"):
			f.due[c] = failure
		default:
			err = failure
		}
	}
	return latency, err
}

func (f *faults) after(c call) error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.due[c]
	delete(f.due, c)
	return err
}

var _ topology.Topology = (*Topology)(nil)
