package scoreotel_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	scoreotel "github.com/polyphony-go/polyphony/score/otel"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// sample is a Score of one function that takes a second.
type sample struct {
	name string
	do   func(context.Context) (interpret.Outcome, error)
}

func (s sample) Name() string    { return s.name }
func (s sample) Validate() error { return nil }

func (s sample) Interpret() interpret.Interpret[topology.Topology] {
	return interpret.Func[topology.Topology](func(ctx context.Context, _ topology.Topology) (interpret.Outcome, error) {
		time.Sleep(time.Second)
		if s.do == nil {
			return interpret.Outcome{}, nil
		}
		return s.do(ctx)
	})
}

func (s sample) step() score.Step { return score.Bind[topology.Topology](s, fake.New(fake.Options{})) }

// recorded runs steps within the span "deployment". It returns the context of that span, and the
// other spans by name, in the order of their ends.
func recorded(
	t *testing.T, runner score.Runner, steps ...score.Step,
) (outer trace.SpanContext, spans map[string][]sdktrace.ReadOnlySpan) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test")
	ctx, deployment := tracer.Start(t.Context(), "deployment")
	runner.Observe = scoreotel.Spans(ctx, tracer)
	_, _ = runner.Run(ctx, steps...)
	require.Equal(t, len(recorder.Started()), len(recorder.Ended())+1, "all have ended but the one around it")
	spans = map[string][]sdktrace.ReadOnlySpan{}
	for _, s := range recorder.Ended() {
		spans[s.Name()] = append(spans[s.Name()], s)
	}
	return deployment.SpanContext(), spans
}

func duration(s sdktrace.ReadOnlySpan) time.Duration { return s.EndTime().Sub(s.StartTime()) }

func attributes(score string) []attribute.KeyValue {
	return []attribute.KeyValue{scoreotel.Score.String(score), scoreotel.Topology.String("fake")}
}

func TestObserverMakesSpansOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := func(ctx context.Context) (interpret.Outcome, error) {
			topology.ReportProgress(ctx, topology.Retrying{Op: "ensure", Kind: "Quota", Name: "acme",
				Err: errors.New("busy"), After: time.Second / 2, Try: 2})
			topology.ReportProgress(ctx, topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"})
			return interpret.Run(ctx, interpret.Ensure("quota", func(context.Context) (topology.Change, error) {
				return topology.Change{Kind: "Quota", Name: "acme", Action: topology.Created}, nil
			}))
		}
		fails := func(context.Context) (interpret.Outcome, error) { return interpret.Outcome{}, errors.New("boom") }
		outer, spans := recorded(t, score.Runner{},
			sample{name: "busy", do: busy}.step(),
			score.Sequence(sample{name: "fails", do: fails}.step(), sample{name: "skipped"}.step()),
		)
		require.Len(t, spans, 3)

		run := spans["run"][0]
		require.Equal(t, outer.SpanID(), run.Parent().SpanID())
		require.Equal(t, outer.TraceID(), run.SpanContext().TraceID())
		require.Equal(t, []attribute.KeyValue{scoreotel.Steps.Int(3), scoreotel.Failed.Int(1),
			scoreotel.Skipped.Int(1)}, run.Attributes())
		require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "2 of 3 steps failed"}, run.Status())
		require.Equal(t, 2*time.Second, duration(run))

		at := spans["busy"][0]
		require.Equal(t, run.SpanContext().SpanID(), at.Parent().SpanID())
		require.Equal(t, attributes("busy"), at.Attributes())
		require.Equal(t, time.Second, duration(at))
		require.Equal(t, codes.Unset, at.Status().Code)
		var events []string
		for _, e := range at.Events() {
			events = append(events, e.Name)
		}
		require.Equal(t, []string{"retrying", "waiting", "changed"}, events)
		kind, name := scoreotel.Kind.String("Quota"), scoreotel.Name.String("acme")
		require.Equal(t, []attribute.KeyValue{
			scoreotel.Op.String("ensure"), kind, name, scoreotel.Try.Int(2), scoreotel.After.Float64(0.5),
			scoreotel.Error.String("busy"),
		}, at.Events()[0].Attributes)
		require.Equal(t, []attribute.KeyValue{kind, name, scoreotel.For.String("be in force")},
			at.Events()[1].Attributes)
		require.Equal(t, []attribute.KeyValue{kind, name, scoreotel.Action.String("created")},
			at.Events()[2].Attributes)

		failed := spans["fails"][0]
		require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "fails on fake: boom"}, failed.Status())
		require.Len(t, failed.Events(), 1)
	})
}

func TestSpansOfStepsWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alike := sample{name: "alike"}.step()
		_, spans := recorded(t, score.Runner{Concurrency: 2},
			sample{name: "roster", do: func(ctx context.Context) (interpret.Outcome, error) {
				_, err := score.RunWithin(ctx, alike, alike, alike)
				return interpret.Outcome{}, err
			}}.step())
		run := spans["run"][0]
		require.Equal(t, []attribute.KeyValue{scoreotel.Steps.Int(4), scoreotel.Failed.Int(0),
			scoreotel.Skipped.Int(0)}, run.Attributes())
		require.Equal(t, codes.Unset, run.Status().Code)
		require.Equal(t, append(attributes("roster"), scoreotel.Steps.Int(3)), spans["roster"][0].Attributes())
		require.Equal(t, 3*time.Second, duration(spans["roster"][0]))
		require.Len(t, spans["alike"], 3)
		for _, s := range spans["alike"] {
			require.Equal(t, run.SpanContext().SpanID(), s.Parent().SpanID())
			require.Equal(t, time.Second, duration(s))
		}
	})
}
