package score

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Run runs the steps with the zero [Runner].
func Run(ctx context.Context, steps ...Step) (Report, error) { return Runner{}.Run(ctx, steps...) }

// Runner runs steps. Its zero value takes them one after the other in the order given, tries each once, goes on whatever fails, and reports to
// nobody while it runs.
type Runner struct {
	// Concurrency is how many steps may run at once. Zero means one, which is also what keeps the order of steps; with more, say
	// with [Sequence] what depends on what.
	Concurrency int

	// Budget is how many steps may fail: once so many have, no other begins. Those that run end by themselves, the rest is skipped with
	// [ErrBudget]. Zero means any number.
	Budget int

	// Retries is how often a step is tried again whose failure is [Transient]. The pauses grow from about a second to half a minute, and
	// the step keeps its place meanwhile, so that a run does not rush on where nothing answers. Zero means none.
	Retries int

	// Observe is called with every [Event] as it happens, from one goroutine at a time. It should return quickly. Nil: nobody.
	Observe func(Event)
}

// Run validates every step before it touches anything: if any is invalid, all the mistakes come back and nothing has run. Then it takes the
// steps. One that fails does not stop the others, save those that follow it in a [Sequence], until the Budget is spent.
//
// A cancelled context stops the run: what runs is told by its context and ends by itself, and nothing else begins. The
// Report has an entry for every step in the order given, whatever happened. The error, if any, is a *multierror.Error of *Error values.
func (r Runner) Run(ctx context.Context, steps ...Step) (Report, error) {
	if err := r.check(); err != nil {
		return Report{}, err
	}
	chains, report, err := plan(steps)
	if err != nil {
		return report, err
	}
	run := &running{Runner: r, slots: make(chan struct{}, max(r.Concurrency, 1))}
	run.emit(RunStarted{len(report.Results)})
	run.take(ctx, chains, report.Results)
	run.emit(RunFinished{report})
	return report, report.Err()
}

func (r Runner) check() error {
	for _, option := range []struct {
		name  string
		value int
	}{{"Concurrency", r.Concurrency}, {"Budget", r.Budget}, {"Retries", r.Retries}} {
		if option.value < 0 {
			return fmt.Errorf("score: Runner.%s is %d, must not be negative", option.name, option.value)
		}
	}
	return nil
}

// chain is a run of steps that depend on each other; first is the place of its first result.
type chain struct {
	first int
	steps []Step
}

// plan checks every step. Its report has nothing but their names and mistakes: nothing has run.
func plan(steps []Step) ([]chain, Report, error) {
	chains := make([]chain, len(steps))
	total := 0
	for i := range steps {
		leaves := steps[i : i+1]
		if steps[i].sequence != nil {
			leaves = steps[i].leaves()
		}
		chains[i] = chain{total, leaves}
		total += len(leaves)
	}
	results := make([]Result, 0, total)
	for _, c := range chains {
		for _, s := range c.steps {
			result := Result{Score: s.score, Topology: s.topology}
			if err := s.check(); err != nil {
				result.Err = s.invalid(err)
			}
			results = append(results, result)
		}
	}
	report := Report{Results: results}
	return chains, report, report.Err()
}

// running is a run, with those within it.
type running struct {
	Runner
	slots  chan struct{} // as many as steps may run at once
	failed atomic.Int64  // steps

	mu sync.Mutex // one event at a time
}

// take takes the chains, and fills in their results, each of which one goroutine alone writes.
func (r *running) take(ctx context.Context, chains []chain, results []Result) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(chains); i = int(next.Add(1)) - 1 {
			c := chains[i]
			r.runChain(ctx, c.steps, results[c.first:])
		}
	}
	var others sync.WaitGroup
	for range min(cap(r.slots), len(chains)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

func (r *running) runChain(ctx context.Context, steps []Step, results []Result) {
	var broken error
	for i, s := range steps {
		result := &results[i]
		if broken == nil {
			broken = r.enter(ctx)
		}
		if broken != nil {
			result.Err, result.Skipped = s.skipped(broken), true
		} else {
			r.runStep(ctx, s, result)
			r.leave()
			broken = result.Err
		}
		r.emit(Finished{*result})
	}
}

// enter waits for a place to run a step in. Its error is why none begins any more.
func (r *running) enter(ctx context.Context) error {
	if err := r.ended(ctx); err != nil {
		return err
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := r.ended(ctx) // while it waited
	if err != nil {
		r.leave()
	}
	return err
}

func (r *running) leave() { <-r.slots }

func (r *running) ended(ctx context.Context) error {
	if r.Budget > 0 && r.failed.Load() >= int64(r.Budget) {
		return ErrBudget
	}
	return ctx.Err()
}

func (r *running) emit(e Event) {
	if r.Observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Observe(e)
}
