package score_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// logged runs steps and returns the log without times.
func logged(t *testing.T, level slog.Level, runner score.Runner, steps ...score.Step) string {
	t.Helper()
	var b bytes.Buffer
	runner.Observe = score.Log(
		slog.New(slog.NewTextHandler(&b,
			&slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey || a.Key == "after" {
					return slog.Attr{}
				}
				return a
			}})))
	_, _ = runner.Run(t.Context(), steps...)
	return b.String()
}

func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

func TestLogWritesOneLineForEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		updated := topology.Change{Kind: "Quota", Name: "acme", Action: topology.Updated,
			Fields: []topology.FieldChange{{Path: "hard[pods]", From: "20", To: "30"}}}
		busy := func(ctx context.Context) (interpret.Outcome, error) {
			topology.ReportProgress(ctx, topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"})
			out, err := interpret.Run(ctx,
				interpret.Ensure("quota", func(context.Context) (topology.Change, error) { return updated, nil }))
			out.Notes = []string{"mind the gap"}
			return out, err
		}
		steps := []score.Step{
			(&sample{name: "a", do: busy}).on(prod),
			score.Sequence(tries("b", fails(unavailable), fails(errors.New("boom"))).on(prod),
				(&sample{name: "c"}).on(prod)),
			(&sample{name: "idle"}).on(prod),
			(&sample{name: "roster", do: runs(nil, (&sample{name: "d"}).on(prod))}).on(prod),
		}
		require.Equal(t, lines(
			`level=INFO msg="run started" steps=5`,
			`level=DEBUG msg="step started" score=a topology=prod`,
			`level=INFO msg=waiting score=a topology=prod kind=Quota name=acme for="be in force"`,
			`level=INFO msg=changed score=a topology=prod kind=Quota name=acme action=updated fields="[hard[pods]: 20 -> 30]"`,
			`level=INFO msg="step finished" score=a topology=prod notes="[mind the gap]"`,
			`level=DEBUG msg="step started" score=b topology=prod`,
			`level=WARN msg="trying again" score=b topology=prod try=1 error="ensure Quota \"acme\": unavailable"`,
			`level=ERROR msg="step failed" score=b topology=prod error=boom`,
			`level=WARN msg="step skipped" score=c topology=prod error="skipped, since b on prod failed"`,
			`level=DEBUG msg="step started" score=idle topology=prod`,
			`level=DEBUG msg="step finished" score=idle topology=prod`,
			`level=DEBUG msg="step started" score=roster topology=prod`,
			`level=DEBUG msg="step runs others" score=roster topology=prod steps=1`,
			`level=DEBUG msg="step started" score=d topology=prod`,
			`level=DEBUG msg="step finished" score=d topology=prod`,
			`level=DEBUG msg="step finished" score=roster topology=prod`,
			`level=ERROR msg="run failed" done=4 failed=1 skipped=1`,
		), logged(t, slog.LevelDebug, score.Runner{Retries: 1}, steps...))
	})
}

func TestLogOfAnUnchangedRunIsShort(t *testing.T) {
	require.Equal(t, lines(`level=INFO msg="run started" steps=1`,
		`level=INFO msg="run finished" done=1 failed=0 skipped=0`),
		logged(t, slog.LevelInfo, score.Runner{}, (&sample{name: "idle"}).on(prod)))
}

func TestLogOfAStoppedRunIsAnError(t *testing.T) {
	require.Contains(t, logged(t, slog.LevelInfo, score.Runner{Budget: 1},
		(&sample{name: "a", do: fails(errors.New("boom"))}).on(prod), (&sample{name: "b"}).on(prod)),
		`level=ERROR msg="run stopped" done=0 failed=1 skipped=1`)
}
