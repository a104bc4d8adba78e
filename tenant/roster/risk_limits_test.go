package roster

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// Other defaults matter to the bounds of pods in one direction only, and only if a pod fits now.
func TestRisksOfDefaultsWithinBoundsOfPods(t *testing.T) {
	limits := func(request, limit, least, most string) topology.LimitRange {
		one := func(cpu string) amounts { return amounts{"cpu": resource.MustParse(cpu)} }
		return topology.LimitRange{Limits: []topology.Limit{
			{Type: topology.LimitContainer, DefaultRequest: one(request), Default: one(limit)},
			{Type: topology.LimitPod, Min: one(least), Max: one(most)},
		}}
	}
	for _, tt := range []struct {
		name          string
		before, after topology.LimitRange
		risks         []Risk
	}{
		{"a lower limit makes room", limits("1", "4", "1", "4"), limits("1", "3", "1", "4"), []Risk{RiskAdmits}},
		{"a lower limit is still too much", limits("1", "6", "1", "4"), limits("1", "5", "1", "4"), nil},
		{"a lower limit, and as much less room", limits("1", "4", "1", "4"), limits("1", "3", "1", "3"), nil},
		{"a lower limit of several containers", limits("1", "2", "1", "9"), limits("1", "1", "1", "8"), []Risk{RiskAdmits}},
		{"a limit of nothing", limits("0", "1", "0", "4"), limits("0", "0", "0", "3"), []Risk{RiskAdmits}},
		{"a lower request", limits("2", "4", "3", "4"), limits("1", "4", "3", "4"), nil},
		{"a higher request reaches the minimum", limits("1", "4", "3", "4"), limits("2", "4", "3", "4"),
			[]Risk{RiskAdmits, RiskRaises}},
		{"a higher request, which was enough", limits("1", "4", "1", "4"), limits("2", "4", "1", "4"), []Risk{RiskRaises}},
		{"a higher request, and as high a minimum", limits("1", "4", "2", "4"), limits("2", "4", "3", "4"),
			[]Risk{RiskRaises}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			change := topology.Change{
				Kind: topology.KindLimitRange, Action: topology.Updated, Before: tt.before, After: tt.after,
			}
			require.Equal(t, tt.risks, risksOf([]topology.Change{change}))
		})
	}
}

// A minimum of zero refuses only what requests nothing.
func TestRisksOfAMinimumOfZero(t *testing.T) {
	zero, one := amounts{"cpu": resource.MustParse("0")}, amounts{"cpu": resource.MustParse("1")}
	for kind, withDefault := range map[topology.LimitType][]bool{
		topology.LimitPod: {true, false}, topology.LimitContainer: {true, false}, topology.LimitPVC: {false},
	} {
		for _, has := range withDefault {
			container := topology.Limit{Type: topology.LimitContainer}
			if has {
				container.DefaultRequest = one
			}
			before := topology.LimitRange{Limits: []topology.Limit{container}}
			after := before.Clone()
			if kind == topology.LimitContainer {
				before.Limits[0].Min = zero
			} else {
				before.Limits = append(before.Limits, topology.Limit{Type: kind, Min: zero})
			}
			change := topology.Change{Kind: topology.KindLimitRange, Action: topology.Updated, Before: before, After: after}
			var want []Risk
			if !has && kind != topology.LimitPVC {
				want = []Risk{RiskAdmits}
			}
			require.Equal(t, want, risksOf([]topology.Change{change}), "%s, with a default: %t", kind, has)
		}
	}
}
