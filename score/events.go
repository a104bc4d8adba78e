package score

import "github.com/polyphony-go/polyphony/topology"

// Event is something that happened during a run. Of a run come, one at a time:
//
//   - first of all [RunStarted], and last [RunFinished]; neither of them when a Score is not valid, as nothing runs then
//   - of each step [Started], then any number of [Changed], [Retrying], [Waiting] and [Planned], then [Finished], after which nothing comes of it any more;
//     of a step that is skipped only Finished
//   - of the steps of a [RunWithin] the same, between Started and Finished of the step that runs them, and after its Planned
//
// Steps that run at once have their events in between each other's.
type Event interface{ event() }

// RunStarted says that everything is valid and the run begins.
type RunStarted struct{ Steps int }

// RunFinished says that the run has ended, and how. Its Report is that of [Runner.Run].
type RunFinished struct{ Report }

// Started says that a step begins.
type Started struct{ Score, Topology string }

// Finished says that a step has ended, and how.
type Finished struct{ Result }

// Planned says that a step runs others, so that the run has so many steps more.
type Planned struct {
	Score, Topology string
	Steps           int
}

// Changed says that a step has made something different.
type Changed struct {
	Score, Topology string
	Change          topology.Change
}

// Retrying says that a step tries something again: a request, or if Op, Kind and Name are empty all of it, as [Runner].Retries has it.
type Retrying struct {
	Score, Topology string
	topology.Retrying
}

// Waiting says that a step waits.
type Waiting struct {
	Score, Topology string
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

// eventOf is the event of what a step says, or nil if it is nothing that a run knows.
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
