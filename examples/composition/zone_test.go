package main

import (
	"context"
	"maps"
	"testing"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/topology"
)

// watched is a site that counts the calls about zones, and fails after a number of them.
type watched struct {
	site
	counts *counts
	limit  int // the calls that succeed; negative: all
}

type counts struct{ calls, writes int }

func (w watched) EnsureZone(ctx context.Context, want Zone) (topology.Change, error) {
	w.counts.calls++
	if w.limit >= 0 && w.counts.calls > w.limit {
		return topology.Change{}, scoretest.ErrCut
	}
	change, err := w.site.EnsureZone(ctx, want)
	if err == nil && change.Action != topology.Unchanged && !w.dry {
		w.counts.writes++
	}
	return change, err
}

func TestZoneScoreKeepsTheRulesOfScores(t *testing.T) {
	acme := ZoneScore{Zone: "acme.example.org", Tenant: "acme"}
	scoretest.Run(t, acme, func(scoretest.T) scoretest.Infrastructure[watched] {
		on, counted := newSite(), &counts{}
		return scoretest.Infrastructure[watched]{
			Topology: watched{on, counted, -1}, DryRun: watched{on.DryRun(), counted, -1},
			Calls: func() int { return counted.calls }, Writes: func() int { return counted.writes },
			State:    func() any { return maps.Clone(on.zones) },
			CutAfter: func(n int) watched { return watched{on, counted, n} },
		}
	}, func(s ZoneScore, on watched) score.Step { return s.On(on) })
}
