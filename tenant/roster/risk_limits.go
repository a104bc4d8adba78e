package roster

import (
	"math/big"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

type amounts = map[string]resource.Quantity

// risksOfQuota compares the total amounts that may be used. A new bound is no risk.
func risksOfQuota(before, after topology.Quota) []Risk {
	return risksOfCaps(before.Hard, after.Hard)
}

// risksOfCaps compares upper bounds. A bound that is removed removes a fence.
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
		requested := func(name string) bool {
			_, byDefault := is[topology.LimitContainer].DefaultRequest[name]
			return byDefault || kind == topology.LimitPVC // a claim that requests nothing is not valid
		}
		found = append(found, risksOfFloors(limit.Min, is[kind].Min, requested)...)
	}
	found = append(found, risksOfDefaults(was[topology.LimitContainer], is[topology.LimitContainer])...)
	if fitsMore(was, is) {
		found = append(found, RiskAdmits)
	}
	return found
}

func limitsByType(l topology.LimitRange) map[topology.LimitType]topology.Limit {
	byType := map[topology.LimitType]topology.Limit{}
	for _, limit := range l.Limits {
		byType[limit.Type] = limit
	}
	return byType
}

// risksOfFloors compares lower bounds: one that falls admits smaller requests. A bound of zero
// refuses only objects that request nothing, so removing it is no risk if all request something.
func risksOfFloors(before, after amounts, requested func(string) bool) []Risk {
	for name, was := range before {
		is, ok := after[name]
		if is.Cmp(was) < 0 || !ok && !requested(name) {
			return []Risk{RiskAdmits}
		}
	}
	return nil
}

// risksOfDefaults compares the defaults of containers that set no amounts.
//
// With a higher default, such containers may use more. A container whose request lies between the
// old default limit and the new one is admitted, too. Without a default limit, nothing bounds a
// container that sets no amounts. Without a default request, it must set one. A new default admits
// containers that set none.
func risksOfDefaults(before, after topology.Limit) []Risk {
	found := risksOfCaps(before.Default, after.Default)
	for name, was := range before.DefaultRequest {
		if is, ok := after.DefaultRequest[name]; ok && is.Cmp(was) > 0 {
			found = append(found, RiskRaises)
		}
	}
	if hasMore(before.Default, after.Default) || hasMore(before.DefaultRequest, after.DefaultRequest) {
		found = append(found, RiskAdmits)
	}
	return found
}

// hasMore reports whether after has an amount for a resource for which before has none.
func hasMore(before, after amounts) bool {
	for name := range after {
		if _, ok := before[name]; !ok {
			return true
		}
	}
	return false
}

// fitsMore reports whether the new defaults bring a pod within the bounds of pods that was outside
// them. A lower default limit makes room below the maximum, and a higher default request helps to
// reach the minimum.
func fitsMore(was, is map[topology.LimitType]topology.Limit) bool {
	from, to := was[topology.LimitContainer], is[topology.LimitContainer]
	pods, podsNow := was[topology.LimitPod], is[topology.LimitPod]
	for name, most := range pods.Max {
		mostNow, bounded := podsNow.Max[name]
		before, had := from.Default[name]
		after, has := to.Default[name]
		if bounded && had && has &&
			makesUp(nanos(mostNow), nanos(after), minus(before, after), minus(most, mostNow)) {
			return true
		}
	}
	for name, least := range pods.Min {
		leastNow := podsNow.Min[name] // zero if there is none
		before, had := from.DefaultRequest[name]
		after, has := to.DefaultRequest[name]
		outside := new(big.Int).Sub(nanos(least), big.NewInt(1))
		if had && has && makesUp(outside, nanos(before), minus(after, before), minus(leastNow, least)) {
			return true
		}
	}
	return false
}

// makesUp reports whether containers that set no amounts together gain more than a bound has
// tightened. Each of them takes the amount each and gains the amount gain. As many count as fit
// into room.
func makesUp(room, each, gain, tightened *big.Int) bool {
	if gain.Sign() <= 0 || room.Cmp(each) < 0 {
		return false
	}
	if each.Sign() == 0 {
		return true // any number fits
	}
	containers := new(big.Int).Div(room, each)
	return containers.Mul(containers, gain).Cmp(tightened) > 0
}

// nanos returns an amount in billionths, the finest unit that a quantity has.
func nanos(q resource.Quantity) *big.Int {
	d := q.AsDec()
	scale := big.NewInt(int64(resource.Nano)*-1 - int64(d.Scale()))
	return scale.Exp(big.NewInt(10), scale, nil).Mul(scale, d.UnscaledBig())
}

func minus(a, b resource.Quantity) *big.Int { return new(big.Int).Sub(nanos(a), nanos(b)) }
