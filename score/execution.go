package score

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// execution is a step that runs. The context of the step carries it, so that RunWithin finds it.
type execution struct {
	Step
	run *running

	mu     sync.Mutex
	nested int  // calls of RunWithin that have not returned
	parent bool // RunWithin was called

	ended bool // drop later progress; guarded by run.mu, as events are
}

type executionKey struct{}

// runStep runs a step, and tries it again if that may help. The caller holds a slot.
func (r *running) runStep(ctx context.Context, s Step, result *Result) {
	step := &execution{Step: s, run: r}
	ctx = context.WithValue(ctx, executionKey{}, step)
	if r.Observe != nil {
		ctx = topology.WithProgress(ctx, step.observe)
		defer step.end()
	}
	r.emit(Started{s.score, s.topology})
	for try := 1; ; try++ {
		outcome, err := s.execute(ctx)
		if try > 1 {
			outcome = mergeOutcomes(result.Outcome, outcome)
		}
		result.Outcome = outcome
		if err == nil {
			return
		}
		if try > r.Retries || step.isParent() || !Transient(err) || !step.pause(ctx, try, err) {
			result.Err = s.failure(err)
			break
		}
	}
	if !step.isParent() {
		r.failed.Add(1)
	}
}

// The bounds of the pause before another try. It doubles with each try.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// pause waits before another try. It reports whether the run still goes on after that.
func (s *execution) pause(ctx context.Context, try int, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	after := lastPause
	if doublings := try - 1; doublings < 5 {
		after = firstPause << doublings
	}
	after = after/2 + rand.N(after/2) // jitter: steps that failed together do not retry together
	s.run.emit(Retrying{s.score, s.topology, topology.Retrying{Err: err, After: after, Try: try}})
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.run.stopped(ctx) == nil
	case <-ctx.Done():
		return false
	}
}

// observe passes the progress of the step to the observer of the run, as an event.
func (s *execution) observe(p topology.Progress) {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	if e := s.eventOf(p); e != nil && !s.ended {
		s.run.Observe(e)
	}
}

// end drops what the step reports from now on.
func (s *execution) end() {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	s.ended = true
}

// mergeOutcomes returns the Outcome of a step from that of its earlier tries and that of its last.
// A change that both have counts once; on a dry run that is every change.
func mergeOutcomes(before, last interpret.Outcome) interpret.Outcome {
	var all interpret.Outcome
	for _, b := range before.Changes {
		again := func(c topology.Change) bool { return sameChange(b, c) }
		if b.Action != topology.Unchanged && !slices.ContainsFunc(last.Changes, again) {
			all.Changes = append(all.Changes, b)
		}
	}
	for _, note := range before.Notes {
		if !slices.Contains(last.Notes, note) {
			all.Notes = append(all.Notes, note)
		}
	}
	earlier := all.Changes
	for _, c := range last.Changes {
		changedBefore := slices.ContainsFunc(earlier, func(b topology.Change) bool { return sameObject(b, c) })
		if c.Action != topology.Unchanged || !changedBefore {
			all.Changes = append(all.Changes, c)
		}
	}
	all.Notes = append(all.Notes, last.Notes...)
	return all
}

// sameChange reports whether two changes do the same to the same object. The values decide; Fields
// are for people.
func sameChange(a, b topology.Change) bool {
	return sameObject(a, b) && a.Action == b.Action && a.Inexact == b.Inexact &&
		len(adapter.Diff(a.Before, b.Before)) == 0 && len(adapter.Diff(a.After, b.After)) == 0
}

// sameObject reports whether two changes are about the same object.
func sameObject(a, b topology.Change) bool { return a.Kind == b.Kind && a.Name == b.Name }
