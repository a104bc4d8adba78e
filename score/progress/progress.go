// Package progress shows a person how far a run has come.
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

// Bar returns a function for [score.Runner].Observe that draws a progress bar on w, if that is a terminal, and takes it away in the end. On
// anything else, such as a file or the log of a pipeline, it prints a line at the beginning. In both cases a line at the end
// says how many steps were done.
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

// display is what is shown of one run.
type display struct {
	w        io.Writer
	terminal bool
	bar      *progressbar.ProgressBar // nil: no terminal
	began    time.Time

	done, failed, skipped, again int
}

func (d *display) start(steps int) {
	if !d.terminal {
		fmt.Fprintf(d.w, "steps to do: %d\n", steps)
		return
	}
	if steps > 0 {
		d.bar = progressbar.NewOptions(steps, progressbar.OptionSetWriter(d.w), progressbar.OptionShowCount(), progressbar.OptionSetWidth(40),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true))
	}
}

func (d *display) observe(e score.Event) {
	switch e := e.(type) {
	case score.Planned:
		if d.bar != nil {
			d.bar.AddMax(e.Steps)
		}
	case score.Retrying:
		d.again++
		d.describe()
	case score.Finished:
		d.count(e.Result)
		d.describe()
		if d.bar != nil {
			_ = d.bar.Add(1) // whoever cannot be shown it misses it
		}
	case score.RunFinished:
		fmt.Fprintf(d.w, "%s, after %s\n", d.sum(), time.Since(d.began).Round(time.Second/10))
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
		d.bar.Describe(strings.Join(d.troubles(), ", "))
	}
}

func (d *display) sum() string {
	done := fmt.Sprintf("%d of %d steps done", d.done, d.done+d.failed+d.skipped)
	return strings.Join(append([]string{done}, d.troubles()...), ", ")
}

func (d *display) troubles() []string {
	var all []string
	for _, trouble := range []struct {
		n    int
		text string
	}{{d.failed, "failed"}, {d.skipped, "not begun"}, {d.again, "tries repeated"}} {
		if trouble.n > 0 {
			all = append(all, fmt.Sprint(trouble.n, " ", trouble.text))
		}
	}
	return all
}
