// Package progress shows the progress of a run. [Bar] is an observer for a [score.Runner].
package progress

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/polyphony-go/polyphony/score"
)

// Bar returns a function for [score.Runner].Observe. On a terminal it draws a progress bar on w,
// and removes it at the end. On anything else, such as a file or the log of a pipeline, it prints a
// line at the start. In both cases it prints a line at the end with the number of steps done. It
// can observe several runs, one after the other.
func Bar(w io.Writer) func(score.Event) {
	file, ok := w.(interface{ Fd() uintptr })
	return bar(w, ok && term.IsTerminal(int(file.Fd())))
}

func bar(w io.Writer, terminal bool) func(score.Event) {
	var d display
	return func(e score.Event) {
		if started, ok := e.(score.RunStarted); ok {
			d = display{w: w, terminal: terminal, began: time.Now()}
			d.start(started.Steps)
			return
		}
		d.observe(e)
	}
}

// display shows one run.
type display struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // nil without a terminal
	began    time.Time

	done, failed, skipped, retries int
}

func (d *display) start(steps int) {
	if !d.terminal {
		fmt.Fprintf(d.w, "steps to do: %d\n", steps)
		return
	}
	if steps > 0 {
		d.bar = progressbar.NewOptions(steps,
			progressbar.OptionSetWriter(d.w),
			progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(40),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetRenderBlankState(true))
	}
}

func (d *display) observe(e score.Event) {
	switch e := e.(type) {
	case score.Planned:
		if d.bar != nil {
			d.bar.AddMax(e.Steps)
		}
	case score.Retrying:
		d.retries++
		d.describe()
	case score.Finished:
		d.count(e.Result)
		d.describe()
		if d.bar != nil {
			_ = d.bar.Add(1) // a bar that cannot be drawn must not stop the run
		}
	case score.RunFinished:
		fmt.Fprintf(d.w, "%s, after %s\n", d.summary(), time.Since(d.began).Round(time.Second/10))
	}
}

func (d *display) count(r score.Result) {
	switch {
	case r.Skipped:
		d.skipped++
	case r.Err != nil:
		d.failed++
	default:
		d.done++
	}
}

func (d *display) describe() {
	if d.bar != nil {
		d.bar.Describe(strings.Join(d.problems(), ", "))
	}
}

func (d *display) summary() string {
	done := fmt.Sprintf("%d of %d steps done", d.done, d.done+d.failed+d.skipped)
	return strings.Join(append([]string{done}, d.problems()...), ", ")
}

// problems returns the number of failed, skipped and retried steps, as text.
func (d *display) problems() []string {
	var all []string
	for _, problem := range []struct {
		n    int
		text string
	}{{d.failed, "failed"}, {d.skipped, "not begun"}, {d.retries, "tries repeated"}} {
		if problem.n > 0 {
			all = append(all, fmt.Sprint(problem.n, " ", problem.text))
		}
	}
	return all
}
