package scoretest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// counter is a topology that holds one number.
type counter struct {
	*shared
	dry   bool
	limit int // calls that succeed; negative: all
}

type shared struct{ value, calls, writes int }

func (c *counter) Name() string { return "counter" }

func (c *counter) Ready(context.Context) (topology.Readiness, error) {
	return topology.Readiness{}, nil
}

func (c *counter) call(ctx context.Context) error {
	c.calls++
	if c.limit >= 0 && c.calls > c.limit {
		return ErrCut
	}
	return ctx.Err()
}

func (c *counter) ensure(ctx context.Context, want int) (topology.Change, error) {
	if err := c.call(ctx); err != nil {
		return topology.Change{}, err
	}
	change := topology.Change{Kind: "Number", Name: "n", Action: topology.Unchanged}
	if c.value != want {
		change.Action = topology.Updated
		c.write(want)
	}
	return change, nil
}

func (c *counter) write(value int) {
	if !c.dry {
		c.value, c.writes = value, c.writes+1
	}
}

// count is a Score on a counter. The field broken says which rule it breaks.
type count struct {
	Want   int `json:"want"`
	broken string
	names  *int
}

func (s count) Name() string {
	switch s.broken {
	case "no name":
		return ""
	case "changing name":
		*s.names++
		return string(rune('a' + *s.names))
	}
	return "count"
}

func (s count) MarshalJSON() ([]byte, error) {
	if s.broken == "no JSON" {
		return nil, errors.New("no")
	}
	return []byte(`{}`), nil
}

func (s count) Validate() error {
	if s.broken == "never valid" {
		return errors.New("no")
	}
	return nil
}

func (s count) On(c *counter) score.Step {
	if s.broken == "asks while binding" {
		_ = c.call(context.Background())
	}
	return score.Bind[*counter](s, c)
}

func (s count) Interpret() interpret.Interpret[*counter] {
	return interpret.Func[*counter](func(ctx context.Context, c *counter) (interpret.Outcome, error) {
		switch s.broken {
		case "plan writes":
			c.dry = false
		case "plan says something else":
			if c.dry {
				return interpret.Outcome{}, nil
			}
		case "never done":
			c.value = 0
		case "writes for nothing":
			c.writes++
		case "ignores the context":
			ctx = context.WithoutCancel(ctx)
		case "cannot be repeated":
			if c.value == -1 {
				return interpret.Outcome{}, errors.New("left behind")
			}
			c.value = -1
		}
		return interpret.Run(ctx, interpret.Ensure("set", func(ctx context.Context) (topology.Change, error) {
			return c.ensure(ctx, s.Want)
		}))
	})
}

func newCounter(T) Infrastructure[*counter] {
	all := &shared{}
	return Infrastructure[*counter]{
		Topology: &counter{all, false, -1}, DryRun: &counter{all, true, -1},
		Calls: func() int { return all.calls }, Writes: func() int { return all.writes },
		State:    func() any { return all.value },
		CutAfter: func(n int) *counter { return &counter{all, false, n} },
	}
}

func TestRunPassesASoundScore(t *testing.T) {
	Run(t, count{Want: 7}, newCounter, count.On)
}

// Each broken Score must fail the check of the rule that it breaks.
func TestRunFailsABrokenScore(t *testing.T) {
	for broken, rule := range map[string]string{
		"no name":                  "the name is constant and not empty",
		"changing name":            "the name is constant and not empty",
		"no JSON":                  "the value survives JSON",
		"never valid":              "validating and binding the Score makes no call",
		"asks while binding":       "validating and binding the Score makes no call",
		"plan writes":              "a plan reports what the run then does, and writes nothing",
		"plan says something else": "a plan reports what the run then does, and writes nothing",
		"never done":               "a second run changes and writes nothing",
		"writes for nothing":       "a second run changes and writes nothing",
		"ignores the context":      "a run whose context is cancelled writes nothing",
		"cannot be repeated":       "after a run that was interrupted at any call, another run reaches the same state",
	} {
		t.Run(broken, func(t *testing.T) {
			for _, c := range checks(count{Want: 7, broken: broken, names: new(int)}, newCounter, count.On) {
				if c.rule == rule {
					require.True(t, fails(t, c), "the check passes")
					return
				}
			}
			require.Fail(t, "there is no such check")
		})
	}
}

// fails reports whether a check fails.
func fails(t *testing.T, c check) bool {
	recorder := &recorder{T: t}
	var wg sync.WaitGroup
	wg.Go(func() { c.run(recorder) })
	wg.Wait()
	return recorder.failed
}

// recorder is a test that records a failure instead of reporting it.
type recorder struct {
	T
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }

func (r *recorder) FailNow() {
	r.failed = true
	runtime.Goexit()
}
