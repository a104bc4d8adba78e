// Package scoreotel turns runs into OpenTelemetry spans: one for the run, and one within it for each step that was begun. What a step
// changes, tries again or waits for are events of its span.
package scoreotel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/polyphony-go/polyphony/score"
)

// The attributes of spans and their events.
const (
	Score    = attribute.Key("polyphony.score")
	Topology = attribute.Key("polyphony.topology")

	Kind   = attribute.Key("polyphony.kind") // of what is changed, tried again or waited for
	Name   = attribute.Key("polyphony.name")
	Action = attribute.Key("polyphony.action") // "created", "updated", "deleted"
	Op     = attribute.Key("polyphony.op")     // of what is tried again
	Try    = attribute.Key("polyphony.try")
	After  = attribute.Key("polyphony.after") // until the next try, in seconds
	Error  = attribute.Key("polyphony.error")
	For    = attribute.Key("polyphony.for") // what is waited for

	Steps   = attribute.Key("polyphony.steps") // of a run, or of those that a step runs
	Failed  = attribute.Key("polyphony.steps.failed")
	Skipped = attribute.Key("polyphony.steps.skipped")
)

// Spans returns a function for [score.Runner].Observe. The span of the run is a child of the one in ctx, if there is one. What a step sends
// is not within its span, as spans are made from events, after the step has got its context. Make one for each run.
func Spans(ctx context.Context, tracer trace.Tracer) func(score.Event) {
	s := &spans{tracer: tracer, ctx: ctx, steps: map[step][]trace.Span{}}
	return s.observe
}

type step struct{ score, topology string }

type spans struct {
	tracer trace.Tracer
	ctx    context.Context // with the span of the run, once it has begun
	run    trace.Span

	steps           map[step][]trace.Span // that run; of those that are alike, the one that began first is meant
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
		_, span := s.tracer.Start(s.ctx, e.Score, trace.WithAttributes(Score.String(e.Score), Topology.String(e.Topology)))
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
			Op.String(e.Op), Kind.String(string(e.Kind)), Name.String(e.Name), Try.Int(e.Try), After.Float64(e.After.Seconds()), Error.String(fmt.Sprint(e.Err))))
	case score.Waiting:
		s.span(e.Score, e.Topology).AddEvent("waiting", trace.WithAttributes(Kind.String(string(e.Kind)), Name.String(e.Name), For.String(e.For)))
	}
}

// span is that of a step that runs.
func (s *spans) span(score, topology string) trace.Span {
	alike := s.steps[step{score, topology}]
	if len(alike) == 0 {
		return trace.SpanFromContext(context.Background()) // does nothing
	}
	return alike[0]
}

func (s *spans) endStep(e score.Finished) {
	if e.Skipped { // and never begun
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
