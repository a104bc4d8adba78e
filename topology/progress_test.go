package topology_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

func TestReportProgress(t *testing.T) {
	var heard []topology.Progress
	ctx := topology.WithProgress(t.Context(), func(p topology.Progress) { heard = append(heard, p) })
	want := []topology.Progress{
		topology.Changed{Change: topology.Change{Kind: "Quota", Name: "acme", Action: topology.Created}},
		topology.Retrying{Op: "ensure", Kind: "Quota", Name: "acme", Err: errors.New("boom"), After: time.Second, Try: 1},
		topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"},
	}
	below, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, p := range want {
		topology.ReportProgress(below, p)
	}
	require.Equal(t, want, heard)
}

func TestReportProgressToNobody(t *testing.T) {
	var heard int
	outer := topology.WithProgress(t.Context(), func(topology.Progress) { heard++ })
	for name, ctx := range map[string]context.Context{
		"no listener": t.Context(),
		"a nil one":   topology.WithProgress(outer, nil),
		"another one": topology.WithProgress(outer, func(topology.Progress) {}),
	} {
		topology.ReportProgress(ctx, topology.Waiting{})
		require.Zero(t, heard, name)
	}
	topology.ReportProgress(outer, topology.Waiting{})
	require.Equal(t, 1, heard)
}
