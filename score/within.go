package score

import "context"

// RunWithin runs steps as part of the run that ctx belongs to, for an Interpret that runs other
// Scores. The options of the [Runner] hold for both together: the concurrency, the budget, the
// retries and the observer.
//
// The step that calls RunWithin frees its slot until RunWithin returns. It does not count as failed
// and is not tried again, because its steps are.
//
// Otherwise RunWithin is [Runner.Run]: it validates everything before it changes anything, and the
// Report has an entry for each of these steps. They are not in the Report of the surrounding run;
// the Interpret makes its Outcome from them. If ctx belongs to no run, RunWithin is [Run].
func RunWithin(ctx context.Context, steps ...Step) (Report, error) {
	step, ok := ctx.Value(executionKey{}).(*execution)
	if !ok {
		return Run(ctx, steps...)
	}
	sequences, report, err := prepare(steps)
	if err != nil {
		return report, err
	}
	step.run.emit(Planned{step.score, step.topology, len(report.Results)})
	step.freeSlot()
	defer step.takeSlot()
	step.run.runAll(ctx, sequences, report.Results)
	return report, report.Err()
}

// freeSlot frees the slot of the step. Several goroutines of an Interpret may call RunWithin; the
// first call frees it.
func (s *execution) freeSlot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parent = true
	if s.nested++; s.nested == 1 {
		s.run.release()
	}
}

// takeSlot takes a slot again after the last call of RunWithin. It waits for one even if the
// context has ended, because the other steps end soon then.
func (s *execution) takeSlot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nested--; s.nested == 0 {
		s.run.slots <- struct{}{}
	}
}

// isParent reports whether the step has called RunWithin.
func (s *execution) isParent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parent
}
