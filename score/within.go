package score

import "context"

// RunWithin runs steps as part of the run that ctx is of, for an Interpret that runs other Scores. All that a [Runner] says holds for
// both together: so many at once, so many that may fail, tried again as often, observed by the same function. The step whose Interpret calls it
// gives its place to others until RunWithin returns, and as one of them is neither counted as failed nor tried again:
// its steps are.
//
// Otherwise it is [Runner.Run], which it also is where ctx is of no run, with the zero Runner: everything is validated before anything is
// touched, and the Report has an entry for each of these steps. They are not in the Report of the run around it. What the
// Interpret makes of them is its Outcome.
func RunWithin(ctx context.Context, steps ...Step) (Report, error) {
	step, ok := ctx.Value(steppingKey{}).(*stepping)
	if !ok {
		return Run(ctx, steps...)
	}
	chains, report, err := plan(steps)
	if err != nil {
		return report, err
	}
	step.run.emit(Planned{step.score, step.topology, len(report.Results)})
	step.lend()
	defer step.takeBack()
	step.run.take(ctx, chains, report.Results)
	return report, report.Err()
}

// lend gives the step's place to others. An Interpret may run others from several goroutines.
func (s *stepping) lend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parent = true
	if s.within++; s.within == 1 {
		s.run.leave()
	}
}

// takeBack waits for a place, even if the context has ended: then others end soon.
func (s *stepping) takeBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.within--; s.within == 0 {
		s.run.slots <- struct{}{}
	}
}

func (s *stepping) isParent() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parent
}
