package score

import (
	"context"
	"log/slog"
)

// Log returns a function for [Runner].Observe that logs events. Make one for each run.
//
// Retries and skipped steps are warnings, and failures are errors. Starts of steps, and steps that
// end without a change or note, have the level Debug; everything else has the level Info.
func Log(logger *slog.Logger) func(Event) {
	var steps tally
	return func(e Event) {
		if f, ok := e.(Finished); ok {
			steps.add(f.Result)
		}
		level, text, attrs := lineOf(e, &steps)
		logger.LogAttrs(context.Background(), level, text, attrs...)
	}
}

// lineOf returns the log line for an event.
func lineOf(e Event, steps *tally) (slog.Level, string, []slog.Attr) {
	switch e := e.(type) {
	case RunStarted:
		return slog.LevelInfo, "run started", []slog.Attr{slog.Int("steps", e.Steps)}
	case RunFinished:
		return lineOfRun(e, steps)
	case Planned:
		return slog.LevelDebug, "step runs others", append(where(e.Score, e.Topology), slog.Int("steps", e.Steps))
	case Started:
		return slog.LevelDebug, "step started", where(e.Score, e.Topology)
	case Finished:
		return lineOfStep(e)
	case Changed:
		attrs := append(where(e.Score, e.Topology), slog.String("kind", string(e.Change.Kind)),
			slog.String("name", e.Change.Name), slog.String("action", string(e.Change.Action)))
		if len(e.Change.Fields) > 0 {
			attrs = append(attrs, slog.Any("fields", e.Change.Fields))
		}
		return slog.LevelInfo, "changed", attrs
	case Retrying:
		return slog.LevelWarn, "trying again", append(where(e.Score, e.Topology),
			slog.Int("try", e.Try), slog.Duration("after", e.After), slog.Any("error", e.Err))
	case Waiting:
		return slog.LevelInfo, "waiting", append(where(e.Score, e.Topology),
			slog.String("kind", string(e.Kind)), slog.String("name", e.Name), slog.String("for", e.For))
	default:
		return slog.LevelDebug, "unknown event", []slog.Attr{slog.Any("event", e)}
	}
}

// lineOfStep returns the log line for the end of a step.
func lineOfStep(e Finished) (slog.Level, string, []slog.Attr) {
	attrs := where(e.Score, e.Topology)
	if len(e.Outcome.Notes) > 0 {
		attrs = append(attrs, slog.Any("notes", e.Outcome.Notes))
	}
	switch {
	case e.Skipped:
		return slog.LevelWarn, "step skipped", append(attrs, slog.String("error", reason(e.Err)))
	case e.Err != nil:
		return slog.LevelError, "step failed", append(attrs, slog.String("error", reason(e.Err)))
	case e.Outcome.Changed() || len(e.Outcome.Notes) > 0:
		return slog.LevelInfo, "step finished", attrs
	default:
		return slog.LevelDebug, "step finished", attrs
	}
}

// lineOfRun returns the log line for the end of a run.
func lineOfRun(e RunFinished, steps *tally) (slog.Level, string, []slog.Attr) {
	attrs := []slog.Attr{
		slog.Int("done", steps.done), slog.Int("failed", steps.failed), slog.Int("skipped", steps.skipped),
	}
	switch {
	case steps.stopped:
		return slog.LevelError, "run stopped", attrs
	case e.Err() != nil:
		return slog.LevelError, "run failed", attrs
	default:
		return slog.LevelInfo, "run finished", attrs
	}
}

// where returns the attributes of a step.
func where(score, topology string) []slog.Attr {
	return []slog.Attr{slog.String("score", score), slog.String("topology", topology)}
}
