package score

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

// stepping is a step that runs. Its context leads to it.
type stepping struct {
	Step
	run *running

	mu     sync.Mutex
	within int  // runs that it waits for
	parent bool // it has run others

	ended bool // so that what it still says is no event; guarded as events are
}

type steppingKey struct{}

// runStep runs a step, and again if it is worth it, in the place that the caller has.
func (r *running) runStep(ctx context.Context, s Step, result *Result) {
	step := &stepping{Step: s, run: r}
	ctx = context.WithValue(ctx, steppingKey{}, step)
	if r.Observe != nil {
		ctx = topology.WithProgress(ctx, step.pass)
		defer step.end()
	}
	r.emit(Started{s.score, s.topology})
	for try := 1; ; try++ {
		outcome, err := s.execute(ctx)
		if try > 1 {
			outcome = since(result.Outcome, outcome)
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

// The pauses before a step is tried again.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// pause waits until a step is to be tried again, and tells whether it still is.
func (s *stepping) pause(ctx context.Context, try int, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	after := lastPause
	if doublings := try - 1; doublings < 5 {
		after = firstPause << doublings
	}
	after = after/2 + rand.N(after/2) // so that steps that failed together do not come back together
	s.run.emit(Retrying{s.score, s.topology, topology.Retrying{Err: err, After: after, Try: try}})
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.run.ended(ctx) == nil
	case <-ctx.Done():
		return false
	}
}

// pass makes events of what the step says.
func (s *stepping) pass(p topology.Progress) {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	if e := s.eventOf(p); e != nil && !s.ended {
		s.run.Observe(e)
	}
}

func (s *stepping) end() {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	s.ended = true
}

// since is what a step did in all, given what it had done before and what its last try did. What the last try did likewise is said once:
// on a dry run that is everything.
func since(before, last interpret.Outcome) interpret.Outcome {
	var all interpret.Outcome
	for _, b := range before.Changes {
		again := func(c topology.Change) bool {
			return aboutTheSame(b, c) && b.Action == c.Action && slices.Equal(b.Fields, c.Fields)
		}
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
		if c.Action != topology.Unchanged || !slices.ContainsFunc(earlier, func(b topology.Change) bool { return aboutTheSame(b, c) }) {
			all.Changes = append(all.Changes, c)
		}
	}
	all.Notes = append(all.Notes, last.Notes...)
	return all
}

func aboutTheSame(a, b topology.Change) bool { return a.Kind == b.Kind && a.Name == b.Name }
