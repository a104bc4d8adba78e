// Command converge measures the cost of provisioning tenants and of unchanged re-runs. It compares
// Polyphony with other engines that apply the same objects, and with a floor: bare requests that
// create them. Without flags it prints a page in Markdown.
//
//	make bench
//
// Each contestant has its own control plane and processes, so that no contestant is slowed down by
// what an earlier one left behind. Machines are shared and noisy, so the order alternates between
// rounds, and the results are ratios within a run.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

var (
	sizes   = flag.String("tenants", "100,300,1000", "numbers of tenants, in ascending order; empty: only that of -large")
	large   = flag.Int("large", 0, "number of tenants, such as 10000, with which only Polyphony's unchanged re-run is measured")
	reruns  = flag.Int("reruns", 5, "how often the unchanged re-run of -large is measured")
	rounds  = flag.Int("rounds", 3, "how often everything is measured; 0: never, use only the figures of -from")
	only    = flag.String("only", "", "contestants to measure, separated by commas; empty: all")
	removal = flag.Bool("removal", false, "also measure removal with more than a hundred tenants, which takes minutes each time")
	page    = flag.String("o", "", "directory to write converge.md, converge.svg and, with -large, rerun.md to, instead of printing them")
	raw     = flag.String("json", "", "file to write each figure to as soon as it is measured")
	earlier = flag.String("from", "", "file of figures of an earlier run; this run adds its own")
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		return child(ctx, os.Stdin, os.Stdout)
	}
	flag.Parse()
	for name := range strings.FieldsFuncSeq(*only, isComma) {
		if _, err := findEntrant(name); err != nil {
			return fmt.Errorf("-only: %w", err)
		}
	}
	b := bench{record: record{Machine: thisMachine()}}
	if *earlier != "" {
		var err error
		if b.record, err = load(*earlier); err != nil {
			return err
		}
	}
	if *rounds > 0 {
		if err := b.measure(ctx); err != nil {
			return err
		}
	}
	return publish(b.record)
}

// bench collects what is measured.
type bench struct {
	record  record
	objects []object // of one tenant
}

func (b *bench) measure(ctx context.Context) error {
	if err := b.takeSample(ctx); err != nil {
		return err
	}
	counts, err := parseSizes()
	if err != nil {
		return err
	}
	for round := range *rounds {
		if err := b.measureFake(ctx, round); err != nil {
			return err
		}
		order := slices.Clone(entrants)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, n := range counts {
			for _, e := range order {
				if !chosen(e.name) || e.upTo > 0 && n > e.upTo {
					continue
				}
				if err := b.compete(ctx, e, round, n); err != nil {
					return fmt.Errorf("%s, %d tenants: %w", e.name, n, err)
				}
			}
		}
	}
	if *large > 0 {
		return b.measureLarge(ctx)
	}
	return nil
}

func parseSizes() (counts []int, err error) {
	for text := range strings.FieldsFuncSeq(*sizes, isComma) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-tenants: %q is no number of tenants", text)
		}
		counts = append(counts, n)
	}
	return counts, nil
}

func isComma(r rune) bool { return r == ',' }

func chosen(name string) bool {
	return *only == "" || slices.Contains(strings.Split(*only, ","), name)
}

// add keeps a figure, at once also in the file: a run takes long.
func (b *bench) add(r result) error {
	b.record.Results = append(b.record.Results, r)
	log.Print(r)
	return b.save()
}

func (b *bench) save() error {
	if *raw == "" {
		return nil
	}
	return b.record.save(*raw)
}

// publish prints or writes the pages.
func publish(r record) error {
	text, err := r.markdown()
	if err != nil {
		return err
	}
	rerun, err := r.rerunMarkdown()
	if err != nil {
		return err
	}
	if *page == "" {
		fmt.Print(text, rerun)
		return nil
	}
	files := map[string]string{"converge.md": text, "converge.svg": r.svg()}
	if rerun != "" {
		files["rerun.md"] = rerun
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(*page, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
