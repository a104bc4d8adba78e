package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// collector counts what the garbage collector of the API server does.
type collector struct {
	Cycles    float64 // completed
	Mark      float64 // CPU seconds of dedicated workers and of assists
	Allocated float64 // bytes
}

// collectorMetrics are the metrics of the API server that a collector sums up.
var collectorMetrics = map[string]func(*collector) *float64{
	"go_gc_cycles_total_gc_cycles_total":                 func(c *collector) *float64 { return &c.Cycles },
	"go_cpu_classes_gc_mark_dedicated_cpu_seconds_total": func(c *collector) *float64 { return &c.Mark },
	"go_cpu_classes_gc_mark_assist_cpu_seconds_total":    func(c *collector) *float64 { return &c.Mark },
	"go_gc_heap_allocs_bytes_total":                      func(c *collector) *float64 { return &c.Allocated },
}

// collector reads the counters from the metrics of the API server.
func (p *plane) collector(ctx context.Context) (c collector, err error) {
	text, err := p.discovery.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return c, err
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		field, ok := collectorMetrics[name]
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return c, fmt.Errorf("metric %s: %w", name, err)
		}
		*field(&c) += n
		found++
	}
	if found != len(collectorMetrics) {
		return c, fmt.Errorf("the API server has %d of %d metrics of its garbage collector", found, len(collectorMetrics))
	}
	return c, nil
}

// since returns what has happened since an earlier reading.
func (c collector) since(earlier collector) *collector {
	return &collector{c.Cycles - earlier.Cycles, c.Mark - earlier.Mark, c.Allocated - earlier.Allocated}
}

// measureLarge measures what Polyphony needs to find that many tenants are as they should be. It
// repeats that on one control plane, beginning right after provisioning.
func (b *bench) measureLarge(ctx context.Context) (err error) {
	p, err := startPlane(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	tenants := names(*large)
	first, err := p.spawn(ctx, task{Contestant: polyphonyName, Phase: provisioning, Tenants: tenants})
	if err != nil {
		return err
	}
	log.Printf("%d tenants provisioned by Polyphony: %.0f s, %d requests, %s",
		*large, first.Seconds, first.Requests, mebibytes(first.Memory))
	for round := range *reruns {
		if err := p.settle(ctx); err != nil {
			return err
		}
		before, err := p.collector(ctx)
		if err != nil {
			return err
		}
		o, err := p.spawn(ctx, task{Contestant: polyphonyName, Phase: unchanged, Tenants: tenants})
		if err != nil {
			return err
		}
		after, err := p.collector(ctx)
		if err != nil {
			return err
		}
		err = b.add(result{
			Round: round, Tenants: *large, Contestant: polyphonyName, Phase: unchanged,
			outcome: o, ServerGC: after.since(before),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

//go:embed rerun.md.tmpl
var rerunText string

// rerunMarkdown returns the page about the re-runs with many tenants. It is empty if there were
// none.
func (r record) rerunMarkdown() (string, error) {
	n := r.beyond()
	if n == 0 {
		return "", nil
	}
	page, err := template.New("rerun").Parse(rerunText)
	if err != nil {
		return "", err
	}
	all := r.reruns(n)
	slow := slices.MaxFunc(all, func(a, b result) int { return cmp.Compare(a.Seconds, b.Seconds) })
	fast := slices.MinFunc(all, func(a, b result) int { return cmp.Compare(a.Seconds, b.Seconds) })
	middle, _ := r.median(n, polyphonyName, unchanged)
	var b strings.Builder
	err = page.Execute(&b, map[string]any{
		"Record": r, "Tenants": n, "Reruns": len(all), "Table": rerunTable(all), "Sizes": r.largeLines(),
		"Fast": seconds(fast.Seconds), "Slow": seconds(slow.Seconds), "Median": seconds(middle.Seconds),
	})
	return b.String(), err
}

// reruns returns the re-runs with n tenants, in their order.
func (r record) reruns(n int) []result {
	var all []result
	for _, x := range r.Results {
		if x.Tenants == n && x.Phase == unchanged && x.ServerGC != nil {
			all = append(all, x)
		}
	}
	return all
}

// rerunTable has a line for each re-run.
func rerunTable(all []result) string {
	var b strings.Builder
	for _, x := range all {
		fmt.Fprintf(&b, "| %d | %s | %d | %.2f s | %.0f | %.2f s | %.2f s | %s | %s |\n", x.Round+1, seconds(x.Seconds),
			x.Requests, x.ServerCPU, x.ServerGC.Cycles, x.ServerGC.Mark, x.ServerCPU-x.ServerGC.Mark,
			mebibytes(int64(x.ServerGC.Allocated)), mebibytes(x.Memory))
	}
	return b.String()
}
