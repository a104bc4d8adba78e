package score

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
)

// Report is what a run did, step by step. It prints itself as text ([Report.String]) and as JSON ([Report.MarshalJSON]).
type Report struct {
	Results []Result
}

// Result is what became of one step.
type Result struct {
	Score    string
	Topology string
	Outcome  interpret.Outcome // what was done, also when it failed in the end
	Err      error             // a *Error, or nil
}

// Changes lists every change of every step, unchanged ones included.
func (r Report) Changes() []topology.Change {
	var all []topology.Change
	for _, result := range r.Results {
		all = append(all, result.Outcome.Changes...)
	}
	return all
}

// Changed tells whether anything is different now.
func (r Report) Changed() bool {
	for _, result := range r.Results {
		if result.Outcome.Changed() {
			return true
		}
	}
	return false
}

// String prints the report for a person: a paragraph for each step and a line with the sums, ending in a newline.
func (r Report) String() string {
	var b strings.Builder
	counts := map[topology.Action]int{}
	failed := 0
	for _, result := range r.Results {
		fmt.Fprintf(&b, "%s on %s\n", result.Score, result.Topology)
		for _, c := range result.Outcome.Changes {
			counts[c.Action]++
		}
		writeIndented(&b, result.Outcome.String())
		if result.Err != nil {
			failed++
			writeIndented(&b, "x "+reason(result.Err))
		}
	}
	fmt.Fprintf(&b, "%d created, %d updated, %d deleted, %d unchanged", counts[topology.Created], counts[topology.Updated],
		counts[topology.Deleted], counts[topology.Unchanged])
	if failed > 0 {
		fmt.Fprintf(&b, ", %d of %d steps failed", failed, len(r.Results))
	}
	b.WriteString("\n")
	return b.String()
}

// reason is what an error says beyond the Score and the topology, which stand above it.
func reason(err error) string {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.reason()
	}
	return err.Error()
}

func writeIndented(b *strings.Builder, text string) {
	if text != "" {
		b.WriteString("  " + strings.ReplaceAll(text, "\n", "\n  ") + "\n")
	}
}

// MarshalJSON writes {"results":[{"score","topology","changes","notes","error"}]}; error is the whole text of the error.
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
