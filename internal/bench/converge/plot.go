package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The plot has a panel for each phase. A panel has a group for each number of tenants, and a group
// has a bar for each contestant.
const (
	panelWidth, panelHeight = 300.0, 240.0
	left, top, bottom       = 46.0, 64.0, 40.0
	gap                     = 14.0 // between panels
)

var panels = []struct {
	phase phase
	title string
}{{provisioning, "first provisioning"}, {unchanged, "unchanged re-run"}, {drifted, "1 % drifted"}}

var colours = map[string]string{
	floorName: "#999999", polyphonyName: "#0072b2", "flux": "#e69f00", "controller-runtime": "#009e73", "kubectl": "#cc79a7",
}

// svg returns a plot of the times on a logarithmic scale.
func (r record) svg() string {
	width, height := left+float64(len(panels))*(panelWidth+gap), top+panelHeight+bottom
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="sans-serif" font-size="11" `+
		`role="img" aria-label="Seconds by phase, number of tenants and contestant">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="#ffffff"/>`+"\n", width, height)
	legend(&b)
	low, high := r.decades()
	for i, panel := range panels {
		x := left + float64(i)*(panelWidth+gap)
		text(&b, x+panelWidth/2, top-10, "middle", panel.title)
		for decade := low; decade <= high; decade++ {
			y := height - bottom - panelHeight*float64(decade-low)/float64(high-low)
			fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#dddddd"/>`+"\n", x, x+panelWidth, y, y)
			if i == 0 {
				text(&b, x-5, y+4, "end", fmt.Sprintf("%g s", math.Pow10(decade)))
			}
		}
		r.bars(&b, panel.phase, x, low, high)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func legend(b *strings.Builder) {
	for i, e := range entrants {
		x := left + float64(i)*150
		fmt.Fprintf(b, `<rect x="%.1f" y="14" width="12" height="12" fill="%s"/>`+"\n", x, colours[e.name])
		text(b, x+17, 24, "start", e.title)
	}
}

// bars draws one panel.
func (r record) bars(b *strings.Builder, phase phase, x float64, low, high int) {
	counts := r.sizes()
	group := panelWidth / float64(max(1, len(counts)))
	wide := group * 0.86 / float64(len(entrants))
	for i, n := range counts {
		middle := x + (float64(i)+0.5)*group
		text(b, middle, top+panelHeight+16, "middle", fmt.Sprint(n, " tenants"))
		bars := r.barsOf(n, phase)
		at := middle - wide*float64(len(bars))/2
		for _, bar := range bars {
			tall := panelHeight * (math.Log10(bar.seconds) - float64(low)) / float64(high-low)
			y := top + panelHeight - tall
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"><title>%s: %s</title></rect>`+"\n",
				at, y, wide-1, tall, colours[bar.name], bar.title, seconds(bar.seconds))
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="8">%s</text>`+"\n",
				at+wide/2, y-3, short(bar.seconds))
			at += wide
		}
	}
}

// bar is the time of one contestant.
type bar struct {
	entrant
	seconds float64
}

func (r record) barsOf(n int, phase phase) []bar {
	var all []bar
	for _, e := range entrants {
		if o, measured := r.median(n, e.name, phase); measured {
			all = append(all, bar{e, o.Seconds})
		}
	}
	return all
}

// short prints seconds with few digits, which fit above a bar.
func short(s float64) string {
	switch {
	case s >= 10:
		return fmt.Sprintf("%.0f", s)
	case s >= 0.1:
		return fmt.Sprintf("%.2g", s)
	default:
		return fmt.Sprintf("%.1g", s)
	}
}

func text(b *strings.Builder, x, y float64, anchor, words string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, words)
}

// decades returns the powers of ten around all times.
func (r record) decades() (low, high int) {
	var logs []float64
	for _, n := range r.sizes() {
		for _, panel := range panels {
			for _, bar := range r.barsOf(n, panel.phase) {
				logs = append(logs, math.Log10(bar.seconds))
			}
		}
	}
	if len(logs) == 0 {
		return 0, 1
	}
	low, high = int(math.Floor(slices.Min(logs))), int(math.Ceil(slices.Max(logs)))
	return low, max(high, low+1)
}
