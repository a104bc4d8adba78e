package score

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Run runs the steps with the zero [Runner]. See [Runner.Run].
func Run(ctx context.Context, steps ...Step) (Report, error) { return Runner{}.Run(ctx, steps...) }

// Runner runs steps. The zero value runs them one after the other in the given order, tries each
// once, continues after failures, and has no observer.
type Runner struct {
	// Concurrency is the number of steps that run at once. 0: one, which keeps the order of the
	// steps. With more, use [Sequence] for steps that depend on each other. Negative: an error.
	Concurrency int

	// Budget is the number of failed steps after which no other step starts. Steps that run then
	// may finish; the rest is skipped with [ErrBudget]. 0: no bound. Negative: an error.
	Budget int

	// Retries is how many more times a step is tried if its failure is [Transient]. The pauses grow
	// from about a second to half a minute. During a pause the step counts as running, so that a
	// run slows down when a topology does not answer. 0: none. Negative: an error.
	Retries int

	// Observe receives every [Event] as it happens, one at a time. It delays the run until it
	// returns. Nil: none.
	Observe func(Event)
}

// Run validates every step before it changes anything. If a step is not valid, Run returns the
// mistakes of all steps and runs none. Otherwise it runs the steps. A step that fails does not stop
// the others, except those that follow it in a [Sequence], until the Budget is used up.
//
// A cancelled context stops the run: the context of running steps ends, and no other step starts.
//
// The Report always has one entry for each step, in the given order. The error is nil or a
// *multierror.Error of *[Error] values.
func (r Runner) Run(ctx context.Context, steps ...Step) (Report, error) {
	if err := r.check(); err != nil {
		return Report{}, err
	}
	sequences, report, err := prepare(steps)
	if err != nil {
		return report, err
	}
	run := &running{Runner: r, slots: make(chan struct{}, max(r.Concurrency, 1))}
	run.emit(RunStarted{len(report.Results)})
	run.runAll(ctx, sequences, report.Results)
	run.emit(RunFinished{report})
	return report, report.Err()
}

// check refuses negative options.
func (r Runner) check() error {
	for _, option := range []struct {
		name  string
		value int
	}{{"Concurrency", r.Concurrency}, {"Budget", r.Budget}, {"Retries", r.Retries}} {
		if option.value < 0 {
			return fmt.Errorf("score: Runner.%s is %d; it must not be negative", option.name, option.value)
		}
	}
	return nil
}

// sequence is a list of steps that depend on each other.
type sequence struct {
	first int // index of its first result
	steps []Step
}

// prepare flattens and validates the steps. The report has their names and mistakes only.
func prepare(steps []Step) ([]sequence, Report, error) {
	sequences := make([]sequence, len(steps))
	total := 0
	for i := range steps {
		leaves := steps[i : i+1]
		if steps[i].sequence != nil {
			leaves = steps[i].leaves()
		}
		sequences[i] = sequence{total, leaves}
		total += len(leaves)
	}
	results := make([]Result, 0, total)
	for _, c := range sequences {
		for _, s := range c.steps {
			result := Result{Score: s.score, Topology: s.topology}
			if err := s.check(); err != nil {
				result.Err = s.invalid(err)
			}
			results = append(results, result)
		}
	}
	report := Report{Results: results}
	return sequences, report, report.Err()
}

// running is a run, including the runs within it.
type running struct {
	Runner
	slots  chan struct{} // a step that runs holds one
	failed atomic.Int64  // number of failed steps

	mu sync.Mutex // held while Observe runs
}

// runAll runs the sequences and writes their results. Each result belongs to one goroutine.
func (r *running) runAll(ctx context.Context, sequences []sequence, results []Result) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(sequences); i = int(next.Add(1)) - 1 {
			s := sequences[i]
			r.runSequence(ctx, s.steps, results[s.first:])
		}
	}
	var others sync.WaitGroup
	for range min(cap(r.slots), len(sequences)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// runSequence runs steps one after the other. After a failure it skips the rest.
func (r *running) runSequence(ctx context.Context, steps []Step, results []Result) {
	var failure error
	for i, s := range steps {
		result := &results[i]
		if failure == nil {
			failure = r.acquire(ctx)
		}
		if failure != nil {
			result.Err, result.Skipped = s.skipped(failure), true
		} else {
			r.runStep(ctx, s, result)
			r.release()
			failure = result.Err
		}
		r.emit(Finished{*result})
	}
}

// acquire waits for a slot for a step. The error is the reason why no step starts any more.
func (r *running) acquire(ctx context.Context) error {
	if err := r.stopped(ctx); err != nil {
		return err
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := r.stopped(ctx) // while it waited
	if err != nil {
		r.release()
	}
	return err
}

// release frees a slot.
func (r *running) release() { <-r.slots }

// stopped returns why no step may start any more, or nil.
func (r *running) stopped(ctx context.Context) error {
	if r.Budget > 0 && r.failed.Load() >= int64(r.Budget) {
		return ErrBudget
	}
	return ctx.Err()
}

// emit passes an event to the observer.
func (r *running) emit(e Event) {
	if r.Observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Observe(e)
}
