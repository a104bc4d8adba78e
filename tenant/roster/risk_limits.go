package roster

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

type amounts = map[string]resource.Quantity

// risksOfCaps compares upper bounds. One that is gone takes a fence away.
func risksOfCaps(before, after amounts) []Risk {
	var found []Risk
	for name, was := range before {
		is, ok := after[name]
		switch {
		case !ok:
			found = append(found, RiskUnfences)
		case is.Cmp(was) > 0:
			found = append(found, RiskRaises)
		}
	}
	return found
}

// risksOfLimits compares the bounds of single containers, pods and claims.
func risksOfLimits(before, after topology.LimitRange) []Risk {
	was, is := limitsByType(before), limitsByType(after)
	var found []Risk
	for kind, limit := range was {
		found = append(found, risksOfCaps(limit.Max, is[kind].Max)...)
		found = append(found, risksOfFloors(limit.Min, is[kind].Min)...)
	}
	from, to := was[topology.LimitContainer], is[topology.LimitContainer]
	return append(found, risksOfDefaults(from, to, was[topology.LimitPod])...)
}

func limitsByType(l topology.LimitRange) map[topology.LimitType]topology.Limit {
	byType := map[topology.LimitType]topology.Limit{}
	for _, limit := range l.Limits {
		byType[limit.Type] = limit
	}
	return byType
}

// risksOfFloors compares lower bounds: what is smaller than before is admitted.
func risksOfFloors(before, after amounts) []Risk {
	for name, was := range before {
		if is, ok := after[name]; !ok || is.Cmp(was) < 0 {
			return []Risk{RiskAdmits}
		}
	}
	return nil
}

// risksOfDefaults compares what a container gets that states nothing.
//
// A higher default is more that may be used without asking. A container whose request lies between
// the old default limit and the new one is admitted, too. Without a default limit nothing bounds
// such a container, while without a default request it has to state one. A default where there was
// none lets in containers that state nothing. Where pods as a whole were bounded, any other default
// lets in pods whose sum was out of these bounds.
func risksOfDefaults(before, after topology.Limit, pods topology.Limit) []Risk {
	found := risksOfCaps(before.Default, after.Default)
	for name, was := range before.DefaultRequest {
		if is, ok := after.DefaultRequest[name]; ok && is.Cmp(was) > 0 {
			found = append(found, RiskRaises)
		}
	}
	if admitsSilent(before.Default, after.Default, pods) || admitsSilent(before.DefaultRequest, after.DefaultRequest, pods) {
		found = append(found, RiskAdmits)
	}
	return found
}

// admitsSilent reports whether a change of defaults may admit pods that state nothing.
func admitsSilent(before, after amounts, pods topology.Limit) bool {
	for name, is := range after {
		was, ok := before[name]
		_, atMost := pods.Max[name]
		_, atLeast := pods.Min[name]
		if !ok || (atMost || atLeast) && is.Cmp(was) != 0 {
			return true
		}
	}
	return false
}
