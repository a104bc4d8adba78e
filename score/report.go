package score

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

// Report is what a run did, step by step. It prints itself as text ([Report.String]) and as JSON
// ([Report.MarshalJSON]). The zero value is the report of a run without steps.
type Report struct {
	Results []Result // one for each step, in the order of the run's steps
}

// Result is the result of one step.
type Result struct {
	Score    string            // the name of the Score
	Topology string            // the name of the topology
	Outcome  interpret.Outcome // what the step did, also if it failed
	Err      error             // a *Error, or nil
	Skipped  bool              // the step was not started; Err wraps ErrSkipped and the cause
}

// stopped reports whether the run was stopped before or during this step.
func (r Result) stopped() bool {
	return errors.Is(r.Err, ErrBudget) || errors.Is(r.Err, context.Canceled) ||
		r.Skipped && errors.Is(r.Err, context.DeadlineExceeded)
}

// tally counts steps by their result.
type tally struct {
	done, failed, skipped int
	stopped               bool // at least one step says that the run was stopped
}

// add counts a step.
func (t *tally) add(r Result) {
	t.stopped = t.stopped || r.stopped()
	switch {
	case r.Skipped:
		t.skipped++
	case r.Err != nil:
		t.failed++
	default:
		t.done++
	}
}

// all returns the number of steps.
func (t *tally) all() int { return t.done + t.failed + t.skipped }

// String prints how many steps were done.
func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d steps done", t.done, t.all())
	if t.failed > 0 {
		fmt.Fprintf(&b, ", %d failed", t.failed)
	}
	if t.skipped > 0 {
		fmt.Fprintf(&b, ", %d not begun", t.skipped)
	}
	return b.String()
}

// Changes returns every change of every step, including those that are [topology.Unchanged].
func (r Report) Changes() []topology.Change {
	var all []topology.Change
	for _, result := range r.Results {
		all = append(all, result.Outcome.Changes...)
	}
	return all
}

// Changed reports whether any change is more than [topology.Unchanged].
func (r Report) Changed() bool {
	for _, result := range r.Results {
		if result.Outcome.Changed() {
			return true
		}
	}
	return false
}

// String prints the report for a person: a paragraph for each step, and a line with the sums. If
// the run was stopped, a last line has the number of steps that were done. The text ends in a
// newline.
func (r Report) String() string {
	var b strings.Builder
	counts := map[topology.Action]int{}
	var steps tally
	for _, result := range r.Results {
		fmt.Fprintf(&b, "%s on %s\n", result.Score, result.Topology)
		for _, c := range result.Outcome.Changes {
			counts[c.Action]++
		}
		steps.add(result)
		writeIndented(&b, result.Outcome.String())
		if result.Err != nil {
			writeIndented(&b, "x "+reason(result.Err))
		}
	}
	fmt.Fprintf(&b, "%d created, %d updated, %d deleted, %d unchanged", counts[topology.Created],
		counts[topology.Updated], counts[topology.Deleted], counts[topology.Unchanged])
	switch failed := steps.failed + steps.skipped; {
	case steps.stopped:
		fmt.Fprintf(&b, "\nstopped: %s", &steps)
	case failed > 0:
		fmt.Fprintf(&b, ", %d of %d steps failed", failed, steps.all())
	}
	b.WriteString("\n")
	return b.String()
}

// reason returns the text of an error without the Score and the topology, which the report prints
// above it.
func reason(err error) string {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.reason()
	}
	return err.Error()
}

// writeIndented writes text with every line indented, unless it is empty.
func writeIndented(b *strings.Builder, text string) {
	if text != "" {
		b.WriteString("  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n")
	}
}

// MarshalJSON writes {"results":[{"score","topology","changes","notes","error"}]}. The error is its
// whole text.
func (r Report) MarshalJSON() ([]byte, error) {
	type result struct {
		Score    string `json:"score"`
		Topology string `json:"topology"`
		interpret.Outcome
		Error string `json:"error,omitempty"`
	}
	results := make([]result, len(r.Results))
	for i, from := range r.Results {
		results[i] = result{Score: from.Score, Topology: from.Topology, Outcome: from.Outcome}
		if from.Err != nil {
			results[i].Error = from.Err.Error()
		}
	}
	return json.Marshal(map[string][]result{"results": results})
}
