package score

import "github.com/polyphony-go/polyphony/topology"

// Event is something that happened during a run. An observer receives one at a time, in this order:
//
//   - [RunStarted] comes first and [RunFinished] last. Neither comes if a Score is not valid,
//     because nothing runs then.
//   - For each step, [Started] comes first, then any number of [Changed], [Retrying], [Waiting] and
//     [Planned], and [Finished] last. For a step that is skipped, only Finished comes.
//   - The events of steps of a [RunWithin] come after Planned and before Finished of the step that
//     runs them.
//
// The events of steps that run at once are interleaved.
type Event interface{ event() }

// RunStarted is the start of a run, after everything was found valid.
type RunStarted struct {
	Steps int // the number of steps, without those of a later [RunWithin]
}

// RunFinished is the end of a run. Its Report is the result of [Runner.Run].
type RunFinished struct{ Report }

// Started is the start of a step.
type Started struct {
	Score, Topology string // of the step
}

// Finished is the end of a step, with its Result.
type Finished struct{ Result }

// Planned reports that a step runs others by [RunWithin], which adds steps to the run.
type Planned struct {
	Score, Topology string // of the step that runs the others
	Steps           int    // the number of added steps
}

// Changed is a change that a step has made.
type Changed struct {
	Score, Topology string          // of the step
	Change          topology.Change // never Unchanged
}

// Retrying reports that a step tries again: one request or, if Op, Kind and Name are empty, the
// whole step, because of [Runner].Retries.
type Retrying struct {
	Score, Topology string // of the step
	topology.Retrying
}

// Waiting reports that a step waits.
type Waiting struct {
	Score, Topology string // of the step
	topology.Waiting
}

func (RunStarted) event()  {}
func (RunFinished) event() {}
func (Started) event()     {}
func (Finished) event()    {}
func (Planned) event()     {}
func (Changed) event()     {}
func (Retrying) event()    {}
func (Waiting) event()     {}

// eventOf returns the event for progress of the step, or nil for progress of an unknown type.
func (s Step) eventOf(p topology.Progress) Event {
	switch p := p.(type) {
	case topology.Changed:
		return Changed{s.score, s.topology, p.Change}
	case topology.Retrying:
		return Retrying{s.score, s.topology, p}
	case topology.Waiting:
		return Waiting{s.score, s.topology, p}
	default:
		return nil
	}
}
