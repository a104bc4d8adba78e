package progress

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// takes is a Score that takes a second.
type takes struct {
	name   string
	err    error
	within []score.Step
}

func (s takes) Name() string    { return s.name }
func (s takes) Validate() error { return nil }

func (s takes) Interpret() interpret.Interpret[topology.Topology] {
	return interpret.Func[topology.Topology](func(ctx context.Context, _ topology.Topology) (interpret.Outcome, error) {
		time.Sleep(time.Second)
		topology.ReportProgress(ctx, topology.Retrying{Err: errors.New("busy")})
		if s.within != nil {
			_, err := score.RunWithin(ctx, s.within...)
			return interpret.Outcome{}, err
		}
		return interpret.Outcome{}, s.err
	})
}

func (s takes) step() score.Step { return score.Bind[topology.Topology](s, fake.New(fake.Options{})) }

// shown runs steps and returns what the bar writes.
func shown(t *testing.T, terminal bool, steps ...score.Step) string {
	t.Helper()
	var b bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		observe := bar(&b, terminal)
		for range 2 { // one function may observe several runs
			b.Reset()
			_, _ = score.Runner{Observe: observe}.Run(t.Context(), steps...)
		}
	})
	return b.String()
}

func steps() []score.Step {
	boom := errors.New("boom")
	return []score.Step{
		takes{name: "a"}.step(),
		score.Sequence(takes{name: "b", err: boom}.step(), takes{name: "c"}.step()),
		takes{name: "roster", within: []score.Step{takes{name: "d"}.step(), takes{name: "e"}.step()}}.step(),
	}
}

func TestBarOnATerminalDrawsAndClears(t *testing.T) {
	out := shown(t, true, steps()...)
	for _, want := range []string{"(0/4)", "(1/4)", "1 failed, 1 not begun, 3 tries repeated", "/6"} {
		require.Contains(t, out, want)
	}
	frames := strings.Split(out, "\r")
	require.Equal(t, "4 of 6 steps done, 1 failed, 1 not begun, 5 tries repeated, after 5s\n", frames[len(frames)-1])
	require.Equal(t, 1, strings.Count(out, "\n"), "all else is on one line, which is cleared")
	require.Empty(t, strings.TrimSpace(frames[len(frames)-2]), "the bar is taken away")
}

func TestBarOnAFilePrintsFirstAndLastLine(t *testing.T) {
	require.Equal(t, "steps to do: 4\n4 of 6 steps done, 1 failed, 1 not begun, 5 tries repeated, after 5s\n",
		shown(t, false, steps()...))
	require.Equal(t, "steps to do: 1\n1 of 1 steps done, 1 tries repeated, after 1s\n",
		shown(t, false, takes{name: "a"}.step()))
}

func TestBarOfARunWithoutSteps(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		require.Contains(t, shown(t, terminal), "0 of 0 steps done, after 0s\n")
	}
}

func TestBarTreatsAFileAsNoTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	var buffer bytes.Buffer
	observeFile, observeBuffer := Bar(file), Bar(&buffer)
	_, err = score.Runner{Observe: func(e score.Event) {
		observeFile(e)
		observeBuffer(e)
	}}.Run(t.Context())
	require.NoError(t, err)
	written, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Equal(t, buffer.String(), string(written))
	require.Equal(t, "steps to do: 0\n0 of 0 steps done, after 0s\n", buffer.String())
}
