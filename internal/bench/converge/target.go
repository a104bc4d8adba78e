package main

import (
	"fmt"
	"slices"
)

// target is a bound for a measured value.
type target struct {
	What, Want, Have string
	Result           string
}

const unknown = "not measured"

// targets returns each target with its measured value. Targets for many tenants use the largest
// number that every contestant ran.
func (r record) targets() []target {
	n := r.largest()
	all := append(r.provisioningTargets(n), r.unchangedTargets(n)...)
	all = append(all, r.driftTarget(n))
	return slices.Concat(all, r.largeTargets(n), r.fakeTargets())
}

func judge(what, want, have string, measured, reached bool) target {
	t := target{What: what, Want: want, Have: have, Result: "**not reached**"}
	switch {
	case !measured:
		t.Have, t.Result = "", unknown
	case reached:
		t.Result = "reached"
	}
	return t
}

func (r record) provisioningTargets(n int) []target {
	ours, measured := r.median(n, polyphonyName, provisioning)
	floor, compared := r.median(n, floorName, provisioning)
	share := floor.Seconds / ours.Seconds
	each := float64(ours.Requests) / float64(n)
	return []target{
		judge(fmt.Sprintf("first provisioning of %d tenants, throughput", n), "at least 0.80 of the floor's", fmt.Sprintf("%.2f", share), measured && compared, share >= 0.80),
		judge("first provisioning, requests", fmt.Sprintf("at most %d per tenant: its objects and one", r.Objects+1), fmt.Sprintf("%.2f", each), measured, each <= float64(r.Objects+1)),
	}
}

func (r record) unchangedTargets(n int) []target {
	const most = 40
	ours, measured := r.median(n, polyphonyName, unchanged)
	peer, name := r.bestPeer(n, unchanged)
	faster, cpu := peer.Seconds/ours.Seconds, peer.ServerCPU/max(ours.ServerCPU, 0.01)
	what := fmt.Sprintf("unchanged re-run of %d tenants, ", n)
	return []target{
		judge(what+"requests", fmt.Sprintf("at most %d in all", most), fmt.Sprint(ours.Requests), measured, ours.Requests <= most),
		judge(what+"time", "20 times faster than the best peer", fmt.Sprintf("%.1f times", faster), measured && name != "", faster >= 20),
		judge(what+"API server's CPU", "at most 1/50 of the best peer's", fmt.Sprintf("1/%.0f", cpu), measured && name != "", cpu >= 50),
	}
}

func (r record) driftTarget(n int) target {
	most := int64(40 + 3*driftedOf(n))
	ours, measured := r.median(n, polyphonyName, drifted)
	return judge(fmt.Sprintf("%d of %d tenants drifted, requests", driftedOf(n), n), fmt.Sprintf("at most %d: 40, and 3 per drifted tenant", most), fmt.Sprint(ours.Requests), measured, ours.Requests <= most)
}

// largeTargets returns the targets for a large number of tenants. Time must not grow faster than
// linearly: with ten times as many tenants, a run takes at most 12 times as long.
func (r record) largeTargets(n int) []target {
	const most = 400 << 20
	large := r.beyond()
	if large == 0 {
		large = 10000
	}
	ours, measured := r.median(large, polyphonyName, unchanged)
	fewer, compared := r.median(n, polyphonyName, unchanged)
	growth, by := ours.Seconds/fewer.Seconds, float64(large)/float64(n)
	what := fmt.Sprintf("unchanged re-run of %d tenants, ", large)
	return []target{
		judge(what+"client's peak memory", "at most 400 MiB", mebibytes(ours.Memory), measured, ours.Memory <= most),
		judge(what+"time", fmt.Sprintf("at most %.1f times that of %d", 1.2*by, n), fmt.Sprintf("%.1f times", growth), measured && compared, growth <= 1.2*by),
	}
}
