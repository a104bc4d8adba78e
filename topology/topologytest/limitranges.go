package topologytest

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// LimitRanges checks the rules of topology.LimitRanges.
func LimitRanges[P topology.LimitRanges](t *testing.T, h Harness[P]) {
	RunCases(t, limitRangeCases(h))
}

func limitRangeCases[P topology.LimitRanges](h Harness[P]) []Case {
	amounts := func(cpu, memory string) map[string]resource.Quantity {
		return map[string]resource.Quantity{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory)}
	}
	limits := func(name, maximum string) topology.LimitRange {
		return topology.LimitRange{Namespace: name, Limits: []topology.Limit{
			{
				Type: topology.LimitContainer, Min: amounts("10m", "16Mi"), Max: amounts(maximum, "1Gi"),
				Default: amounts("500m", "256Mi"), DefaultRequest: amounts("100m", "128Mi"),
			},
			{Type: topology.LimitPVC, Max: map[string]resource.Quantity{"storage": resource.MustParse("5Gi")}},
		}}
	}
	return contentCases(h.Outsider, port[topology.LimitRange]{
		kind: topology.KindLimitRange,
		read: h.Topology.LimitRange, ensure: h.Topology.EnsureLimitRange, remove: h.Topology.DeleteLimitRange,
		dryEnsure: h.DryRun.EnsureLimitRange, dryRemove: h.DryRun.DeleteLimitRange,
		value:   func(name string) topology.LimitRange { return limits(name, "2") },
		other:   func(name string) topology.LimitRange { return limits(name, "4") },
		differs: topology.FieldChange{Path: "limits[Container].max[cpu]", From: "2", To: "4"},
		scratch: func(l topology.LimitRange) {
			clear(l.Limits[0].Max)
			l.Limits[1] = topology.Limit{}
		},
		place: h.newNamespace, namespaced: true,
	})
}
