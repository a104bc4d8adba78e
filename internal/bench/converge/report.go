package main

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed converge.md.tmpl
var pageText string

// markdown is the page.
func (r record) markdown() (string, error) {
	page, err := template.New("page").Funcs(template.FuncMap{"table": r.table}).Parse(pageText)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = page.Execute(&b, map[string]any{
		"Record": r, "Targets": r.targets(), "Rounds": r.rounds(), "Empty": mebibytes(r.empty()), "Removal": removalUpTo, "KubectlUpTo": kubectlUpTo, "InFlight": inFlight, "UnderWay": underWay, "FluxTenants": fluxTenants, "Concurrency": fakeConcurrency,
	})
	return b.String(), err
}

// table has a line for each contestant and number of tenants. Behind each figure stand its ratios
// to the floor's and to the best peer's, whose names are in bold.
func (r record) table(phase phase) string {
	var b strings.Builder
	b.WriteString("| tenants | contestant | time | requests per tenant | sent + received per tenant | API server's CPU per tenant | client's peak memory |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, n := range r.sizes() {
		floor, _ := r.median(n, floorName, phase)
		peer, best := r.bestPeer(n, phase)
		for _, e := range entrants {
			o, measured := r.median(n, e.name, phase)
			if !measured {
				continue
			}
			title := e.title
			if e.name == floorName || e.name == best {
				title = "**" + title + "**"
			}
			beside := func(figure func(outcome) float64) string { return ratios(figure(o), figure(floor), figure(peer)) }
			each := 1 / float64(n)
			fmt.Fprintf(&b, "| %d | %s | %s%s | %s%s | %s%s | %.2f ms%s | %s%s |\n", n, title,
				seconds(o.Seconds), beside(func(o outcome) float64 { return o.Seconds }),
				count(float64(o.Requests)*each), beside(func(o outcome) float64 { return float64(o.Requests) }),
				bytesOf(o, each), beside(func(o outcome) float64 { return float64(o.Sent + o.Received) }),
				o.ServerCPU*1000*each, beside(func(o outcome) float64 { return o.ServerCPU }),
				mebibytes(o.Memory), beside(func(o outcome) float64 { return float64(o.Memory) }))
		}
	}
	return b.String()
}

// largeLines has a line with Polyphony's unchanged re-run for each number of tenants.
func (r record) largeLines() string {
	if r.beyond() == 0 {
		return ""
	}
	var b strings.Builder
	for _, n := range append(r.sizes(), r.beyond()) {
		if o, measured := r.median(n, polyphonyName, unchanged); measured {
			fmt.Fprintf(&b, "| %d | %s | %d | %s | %.2f s | %s |\n", n, seconds(o.Seconds), o.Requests, kibibytes(float64(o.Received)), o.ServerCPU, mebibytes(o.Memory))
		}
	}
	return b.String()
}

// empty is the memory of a client that does nothing.
func (r record) empty() int64 {
	if len(r.Results) == 0 {
		return 0
	}
	return middle(r.outcomes(), func(o outcome) int64 { return o.Empty })
}

func seconds(s float64) string { return fmt.Sprintf("%.2f s", s) }

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

func kibibytes(n float64) string { return fmt.Sprintf("%.1f KiB", n/(1<<10)) }

func count(n float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", n), "0"), ".")
}

func bytesOf(o outcome, each float64) string {
	if o.Received == 0 {
		return ""
	}
	return kibibytes(float64(o.Sent)*each) + " + " + kibibytes(float64(o.Received)*each)
}

// ratios are in brackets. Where there is nothing to compare with, it says so.
func ratios(have, floor, peer float64) string {
	if have == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s, %s)", times(have, floor), times(have, peer))
}

func times(have, base float64) string {
	ratio := have / base
	switch {
	case base == 0:
		return "-"
	case ratio >= 10:
		return fmt.Sprintf("%.0fx", ratio)
	case ratio >= 0.1:
		return fmt.Sprintf("%.2fx", ratio)
	default:
		return fmt.Sprintf("%.3fx", ratio)
	}
}
