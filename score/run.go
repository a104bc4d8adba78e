package score

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"

	"github.com/polyphony-go/polyphony/interpret"
)

// Run runs the steps with the zero [Runner].
func Run(ctx context.Context, steps ...Step) (Report, error) { return Runner{}.Run(ctx, steps...) }

// Runner runs steps. Its zero value takes them one after the other in the order given, and reports to nobody while it runs.
type Runner struct {
	// Concurrency is how many steps may run at once. Zero means one, which is also what keeps the order of steps; with more, say
	// with [Sequence] what depends on what.
	Concurrency int

	// Observe is called with every [Event] as it happens, from one goroutine at a time. It should return quickly. Nil: nobody.
	Observe func(Event)
}

// Event is something that happened during a run: a [Started] or a [Finished].
type Event interface{ event() }

// Started says that a step begins.
type Started struct{ Score, Topology string }

// Finished says that a step has ended, and how.
type Finished struct{ Result }

func (Started) event()  {}
func (Finished) event() {}

// Run validates every step before it touches anything: if any is invalid, all the mistakes come back and nothing has run. Then it takes the
// steps. One that fails does not stop the others, save those that follow it in a [Sequence]; a cancelled context does. The
// Report has an entry for every step in the order given, whatever happened. The error, if any, is a *multierror.Error of *Error values.
func (r Runner) Run(ctx context.Context, steps ...Step) (Report, error) {
	if r.Concurrency < 0 {
		return Report{}, fmt.Errorf("score: Runner.Concurrency is %d, must not be negative", r.Concurrency)
	}
	if report, err := validate(steps); err != nil {
		return report, err
	}
	run := running{observe: r.Observe}
	var first int
	chains := make([]chain, len(steps))
	for i, s := range steps {
		chains[i] = chain{first: first, steps: s.leaves()}
		first += len(chains[i].steps)
	}
	run.results = make([]Result, first)
	run.take(ctx, chains, max(r.Concurrency, 1))

	report := Report{Results: run.results}
	return report, report.Err()
}

// validate checks every step. Its report is empty of changes: nothing has run.
func validate(steps []Step) (Report, error) {
	var report Report
	for _, s := range steps {
		for _, leaf := range s.leaves() {
			result := Result{Score: leaf.score, Topology: leaf.topology}
			if err := leaf.check(); err != nil {
				result.Err = leaf.invalid(err)
			}
			report.Results = append(report.Results, result)
		}
	}
	return report, report.Err()
}

// chain is a run of steps that depend on each other; first is the place of its first result.
type chain struct {
	first int
	steps []Step
}

// running is the state of one run. Results are written each by one goroutine alone.
type running struct {
	results []Result

	mu      sync.Mutex // one event at a time
	observe func(Event)
}

func (r *running) take(ctx context.Context, chains []chain, workers int) {
	queue := make(chan chain)
	var wg sync.WaitGroup
	for range min(workers, len(chains)) {
		wg.Go(func() {
			for c := range queue {
				r.runChain(ctx, c)
			}
		})
	}
	for _, c := range chains {
		queue <- c
	}
	close(queue)
	wg.Wait()
}

func (r *running) runChain(ctx context.Context, c chain) {
	var broken error
	for i, s := range c.steps {
		result := Result{Score: s.score, Topology: s.topology}
		if broken == nil {
			broken = ctx.Err()
		}
		if broken != nil {
			result.Err = s.skipped(broken)
		} else {
			r.emit(Started{s.score, s.topology})
			result.Outcome, result.Err = execute(ctx, s)
			broken = result.Err
		}
		r.results[c.first+i] = result
		r.emit(Finished{result})
	}
}

func execute(ctx context.Context, s Step) (interpret.Outcome, error) {
	outcome, err := s.execute(ctx)
	if err != nil {
		return outcome, s.failure(err)
	}
	return outcome, nil
}

func (r *running) emit(e Event) {
	if r.observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observe(e)
}

// Err gathers the errors of all results, or returns nil if there is none.
func (r Report) Err() error {
	var all *multierror.Error
	for _, result := range r.Results {
		if result.Err != nil {
			all = multierror.Append(all, result.Err)
			all.ErrorFormat = oneLineEach
		}
	}
	return all.ErrorOrNil()
}

// oneLineEach prints errors for a terminal and a log alike.
func oneLineEach(errs []error) string {
	var lines []string
	for _, err := range errs {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}
