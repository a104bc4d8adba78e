package main

import (
	"context"
	"maps"
	"testing"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/topology"
)

// watched is a site whose calls about zones are counted, and can be cut off.
type watched struct {
	site
	counts *counts
	limit  int // of calls; negative: none
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

func TestZoneScore(t *testing.T) {
	scoretest.Run(t, ZoneScore{Zone: "acme.example.org", Tenant: "acme"}, func(scoretest.T) scoretest.Infrastructure[watched] {
		on, counted := newSite(), &counts{}
		return scoretest.Infrastructure[watched]{
			Topology: watched{on, counted, -1}, DryRun: watched{on.DryRun(), counted, -1},
			Calls: func() int { return counted.calls }, Writes: func() int { return counted.writes },
			State:    func() any { return maps.Clone(on.zones) },
			CutAfter: func(n int) watched { return watched{on, counted, n} },
		}
	}, func(s ZoneScore, on watched) score.Step { return s.On(on) })
}
