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

// serverWork counts what the API server does besides computing answers.
type serverWork struct {
	Cycles    float64 // of the garbage collector, completed
	Mark      float64 // CPU seconds of the collector: dedicated workers and assists
	Allocated float64 // bytes
	Checks    float64 // of a kind's watch cache against etcd
	FromEtcd  float64 // lists that the watch cache could not answer in time
	Refused   float64 // answers with 429 or 5xx
}

// serverMetric is a counter of the API server.
type serverMetric struct {
	name, labels string // labels is a text that the labels have; empty: there are none
	field        func(*serverWork) *float64
	late         bool // it appears only with the first event that it counts
}

var serverMetrics = []serverMetric{
	{"go_gc_cycles_total_gc_cycles_total", "", func(w *serverWork) *float64 { return &w.Cycles }, false},
	{"go_cpu_classes_gc_mark_dedicated_cpu_seconds_total", "", func(w *serverWork) *float64 { return &w.Mark }, false},
	{"go_cpu_classes_gc_mark_assist_cpu_seconds_total", "", func(w *serverWork) *float64 { return &w.Mark }, false},
	{"go_gc_heap_allocs_bytes_total", "", func(w *serverWork) *float64 { return &w.Allocated }, false},
	{"apiserver_storage_consistency_checks_total", `status="`, func(w *serverWork) *float64 { return &w.Checks }, true},
	{"apiserver_watch_cache_consistent_read_total", `fallback="true"`, func(w *serverWork) *float64 { return &w.FromEtcd }, false},
	{"apiserver_request_total", `code="429"`, func(w *serverWork) *float64 { return &w.Refused }, false},
	{"apiserver_request_total", `code="5`, func(w *serverWork) *float64 { return &w.Refused }, false},
}

// serverWork reads the counters from the metrics of the API server.
func (p *plane) serverWork(ctx context.Context) (w serverWork, err error) {
	text, err := p.discovery.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return w, err
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		sample, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		name, labels, labelled := strings.Cut(sample, "{")
		if !labelled {
			name, value, _ = strings.Cut(sample, " ")
		}
		seen[name] = true
		for _, metric := range serverMetrics {
			if metric.name != name || !strings.Contains(labels, metric.labels) || labelled != (metric.labels != "") {
				continue
			}
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return w, fmt.Errorf("metric %s: %w", name, err)
			}
			*metric.field(&w) += n
		}
	}
	for _, metric := range serverMetrics {
		if !seen[metric.name] && !metric.late {
			return w, fmt.Errorf("the API server has no metric %s", metric.name)
		}
	}
	return w, nil
}

// since returns what has happened since an earlier reading.
func (w serverWork) since(earlier serverWork) *serverWork {
	return &serverWork{
		Cycles: w.Cycles - earlier.Cycles, Mark: w.Mark - earlier.Mark, Allocated: w.Allocated - earlier.Allocated,
		Checks: w.Checks - earlier.Checks, FromEtcd: w.FromEtcd - earlier.FromEtcd, Refused: w.Refused - earlier.Refused,
	}
}

// measureLarge measures an unchanged re-run with many tenants. It repeats the re-run on one control
// plane, beginning right after provisioning.
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
		before, err := p.serverWork(ctx)
		if err != nil {
			return err
		}
		o, err := p.spawn(ctx, task{Contestant: polyphonyName, Phase: unchanged, Tenants: tenants})
		if err != nil {
			return err
		}
		after, err := p.serverWork(ctx)
		if err != nil {
			return err
		}
		err = b.add(result{
			Round: round, Tenants: *large, Contestant: polyphonyName, Phase: unchanged,
			outcome: o, Server: after.since(before),
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
		if x.Tenants == n && x.Phase == unchanged && x.Server != nil {
			all = append(all, x)
		}
	}
	return all
}

// rerunTable has a line for each re-run.
func rerunTable(all []result) string {
	var b strings.Builder
	for _, x := range all {
		w := x.Server
		fmt.Fprintf(&b, "| %d | %s | %d | %.2f s | %.2f s | %.0f | %.0f | %s | %.0f | %.0f | %s |\n", x.Round+1,
			seconds(x.Seconds), x.Requests, x.ServerCPU, w.Mark, w.Cycles, w.Checks, mebibytes(int64(w.Allocated)),
			w.FromEtcd, w.Refused, mebibytes(x.Memory))
	}
	return b.String()
}
