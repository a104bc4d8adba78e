package main

import (
	"context"
	"fmt"
	"log"
	"runtime"
	"time"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// inMemory is a measurement of the same roster on the fake, where only Polyphony takes time.
type inMemory struct {
	Round        int
	Tenants      int
	First, Again float64 // seconds, of the first provisioning and of an unchanged re-run
	Allocated    uint64  // bytes, by the re-run
}

// each returns the bytes that the re-run allocated per tenant.
func (m inMemory) each() float64 { return float64(m.Allocated) / float64(m.Tenants) }

// The fake is measured with few and with many tenants, with this concurrency.
const (
	few, many       = 1000, 10000
	fakeConcurrency = 16
)

func (b *bench) measureFake(ctx context.Context, round int) error {
	for _, n := range []int{few, many} {
		m, err := provisionFake(ctx, n)
		if err != nil {
			return err
		}
		m.Round = round
		b.record.InMemory = append(b.record.InMemory, m)
		log.Printf("round %d, %d tenants in memory: %.2f s, and %.2f s again", round+1, n, m.First, m.Again)
	}
	return b.save()
}

func provisionFake(ctx context.Context, n int) (inMemory, error) {
	m := inMemory{Tenants: n}
	step := roster.Score{Tenants: scores(names(n))}.On(fake.New(fake.Options{}))
	run := func() (seconds float64, allocated uint64, err error) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, err = score.Runner{Concurrency: fakeConcurrency}.Run(ctx, step)
		seconds = time.Since(began).Seconds()
		runtime.ReadMemStats(&after)
		return seconds, after.TotalAlloc - before.TotalAlloc, err
	}
	var err error
	if m.First, _, err = run(); err != nil {
		return m, err
	}
	m.Again, m.Allocated, err = run()
	return m, err
}

// fakeTargets returns the targets for the time of the first provisioning, and for what a re-run
// allocates. The latter must not grow with the number of tenants.
func (r record) fakeTargets() []target {
	const most, tolerance = 2.0, 1.05
	by := map[int][]inMemory{}
	for _, m := range r.InMemory {
		by[m.Tenants] = append(by[m.Tenants], m)
	}
	var first, lot, little float64
	measured := len(by[few]) > 0 && len(by[many]) > 0
	if measured {
		first = middle(by[many], func(m inMemory) float64 { return m.First })
		lot, little = middle(by[many], inMemory.each), middle(by[few], inMemory.each)
	}
	return []target{
		judge(
			fmt.Sprintf("first provisioning of %d tenants on the fake", many),
			fmt.Sprintf("less than %.0f s", most), seconds(first), measured, first < most,
		),
		judge(
			fmt.Sprintf("unchanged re-run of %d tenants on the fake, allocated per tenant", many),
			fmt.Sprintf("the same as with %d", few),
			fmt.Sprintf("%.2f times that, %s", lot/little, kibibytes(lot)), measured, lot/little < tolerance,
		),
	}
}
