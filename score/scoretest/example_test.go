package scoretest_test

import (
	"testing"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/fake"
)

var t *testing.T // the parameter of the test

// The test of a Score that runs on a topology in memory.
func ExampleRun() {
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	scoretest.Run(t, acme, newMemory, func(s tenant.TenantScore, on *fake.Topology) score.Step { return s.On(on) })
}

func newMemory(scoretest.T) scoretest.Infrastructure[*fake.Topology] {
	memory := fake.New(fake.Options{})
	return scoretest.Infrastructure[*fake.Topology]{
		Topology: memory,
		DryRun:   memory.DryRun(),
		Calls:    func() int { return memory.Counts().Calls },
		Writes:   func() int { return memory.Counts().Writes },
		State:    func() any { return memory.State() },
		CutAfter: func(n int) *fake.Topology {
			return memory.WithFaults(fake.Fault{After: n, Err: scoretest.ErrCut})
		},
	}
}
