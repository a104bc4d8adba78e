// Package scoreotel makes OpenTelemetry spans of runs. [Spans] is an observer for a [score.Runner].
//
// # Spans
//
// A run is a span, and each step that starts is a span within it. The events of a step's span are
// what it changes ("changed"), tries again ("retrying") and waits for ("waiting"). A failed step,
// and a run with failed steps, have the status Error.
//
// # Attributes
//
// [Score] and [Topology] are attributes of a step's span; [Steps], [Failed] and [Skipped] of a
// run's. [Kind], [Name], [Action], [Op], [Try], [After], [Error] and [For] are attributes of
// events.
package scoreotel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/polyphony-go/polyphony/score"
)

// The keys of the attributes of spans and their events.
const (
	Score    = attribute.Key("polyphony.score")    // the name of the Score
	Topology = attribute.Key("polyphony.topology") // the name of the topology

	Kind   = attribute.Key("polyphony.kind")   // the kind of the object that an event is about
	Name   = attribute.Key("polyphony.name")   // the name of that object
	Action = attribute.Key("polyphony.action") // "created", "updated" or "deleted"
	Op     = attribute.Key("polyphony.op")     // the operation that is tried again
	Try    = attribute.Key("polyphony.try")    // the number of the failed try, from 1
	After  = attribute.Key("polyphony.after")  // the pause before the next try, in seconds
	Error  = attribute.Key("polyphony.error")  // the text of the error of the failed try
	For    = attribute.Key("polyphony.for")    // what a step waits for

	// the number of steps of a run, or within a step
	Steps   = attribute.Key("polyphony.steps")
	Failed  = attribute.Key("polyphony.steps.failed")  // the number of failed steps of a run
	Skipped = attribute.Key("polyphony.steps.skipped") // the number of skipped steps of a run
)

// Spans returns a function for [score.Runner].Observe. Make one for each run. The span of the run
// is a child of the span in ctx, if ctx has one.
//
// Requests that a step sends are not within the span of the step: spans are made from events, and
// the context of the step does not contain its span.
func Spans(ctx context.Context, tracer trace.Tracer) func(score.Event) {
	s := &spans{tracer: tracer, ctx: ctx, steps: map[step][]trace.Span{}}
	return s.observe
}

type step struct{ score, topology string }

type spans struct {
	tracer trace.Tracer
	ctx    context.Context // with the span of the run, once it has started
	run    trace.Span

	// of running steps; steps of the same names in the order of start
	steps           map[step][]trace.Span
	failed, skipped int
	planned         int
}

func (s *spans) observe(e score.Event) {
	switch e := e.(type) {
	case score.RunStarted:
		s.planned = e.Steps
		s.ctx, s.run = s.tracer.Start(s.ctx, "run")
	case score.RunFinished:
		s.endRun()
	case score.Started:
		at := step{e.Score, e.Topology}
		_, span := s.tracer.Start(s.ctx, e.Score,
			trace.WithAttributes(Score.String(e.Score), Topology.String(e.Topology)))
		s.steps[at] = append(s.steps[at], span)
	case score.Finished:
		s.endStep(e)
	case score.Planned:
		s.planned += e.Steps
		s.span(e.Score, e.Topology).SetAttributes(Steps.Int(e.Steps))
	case score.Changed:
		s.span(e.Score, e.Topology).AddEvent("changed", trace.WithAttributes(
			Kind.String(string(e.Change.Kind)), Name.String(e.Change.Name), Action.String(string(e.Change.Action))))
	case score.Retrying:
		s.span(e.Score, e.Topology).AddEvent("retrying", trace.WithAttributes(
			Op.String(e.Op), Kind.String(string(e.Kind)), Name.String(e.Name),
			Try.Int(e.Try), After.Float64(e.After.Seconds()), Error.String(fmt.Sprint(e.Err))))
	case score.Waiting:
		s.span(e.Score, e.Topology).AddEvent("waiting", trace.WithAttributes(
			Kind.String(string(e.Kind)), Name.String(e.Name), For.String(e.For)))
	}
}

// span returns the span of a running step, or one that does nothing.
func (s *spans) span(score, topology string) trace.Span {
	alike := s.steps[step{score, topology}]
	if len(alike) == 0 {
		return trace.SpanFromContext(context.Background())
	}
	return alike[0]
}

func (s *spans) endStep(e score.Finished) {
	if e.Skipped { // it was not started, and has no span
		s.skipped++
		return
	}
	span := s.span(e.Score, e.Topology)
	if e.Err != nil {
		s.failed++
		span.RecordError(e.Err)
		span.SetStatus(codes.Error, e.Err.Error())
	}
	span.End()
	at := step{e.Score, e.Topology}
	if alike := s.steps[at]; len(alike) > 1 {
		s.steps[at] = alike[1:]
	} else {
		delete(s.steps, at)
	}
}

func (s *spans) endRun() {
	s.run.SetAttributes(Steps.Int(s.planned), Failed.Int(s.failed), Skipped.Int(s.skipped))
	if bad := s.failed + s.skipped; bad > 0 {
		s.run.SetStatus(codes.Error, fmt.Sprintf("%d of %d steps failed", bad, s.planned))
	}
	s.run.End()
}
