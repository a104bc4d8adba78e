package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// QuotaTopology is what Quotas tests.
type QuotaTopology interface {
	Base
	topology.Quotas
}

// Quotas checks the rules of topology.Quotas.
func Quotas[P QuotaTopology](t *testing.T, h Harness[P]) {
	runChecks(t, quotaChecks(h))
}

func quotaPort[P QuotaTopology](h Harness[P]) port[topology.Quota] {
	quota := func(name, cpu string) topology.Quota {
		return topology.Quota{Namespace: name, Hard: map[string]resource.Quantity{
			"requests.cpu": resource.MustParse(cpu), "pods": resource.MustParse("5"), "count/jobs.batch": resource.MustParse("0"),
			"gold.storageclass.storage.k8s.io/requests.storage": resource.MustParse("10Gi"),
		}}
	}
	return port[topology.Quota]{
		kind: "Quota", read: h.Topology.Quota, ensure: h.Topology.EnsureQuota, remove: h.Topology.DeleteQuota,
		dryEnsure: h.DryRun.EnsureQuota, dryRemove: h.DryRun.DeleteQuota,
		value:   func(name string) topology.Quota { return quota(name, "1500m") },
		other:   func(name string) topology.Quota { return quota(name, "2") },
		differs: topology.FieldChange{Path: "hard[requests.cpu]", From: "1500m", To: "2"},
		scratch: func(q topology.Quota) { clear(q.Hard) },
		place:   func(t T) string { return newNamespace(t, h.Topology) },
	}
}

func quotaChecks[P QuotaTopology](h Harness[P]) []check {
	p, top := quotaPort(h), h.Topology
	return slices.Concat(contents(h.Outsider, p), []check{
		{"a quota that was ensured comes into force", func(t T) {
			name := p.place(t)
			p.store(t, name)
			require.NoError(t, top.AwaitQuota(t.Context(), name))
		}},
		{"awaiting a quota that is not there is ErrNotFound", func(t T) {
			requireError(t, top.AwaitQuota(t.Context(), p.place(t)), topology.ErrNotFound)
		}},
		{"an amount that is written otherwise is unchanged", func(t T) {
			name := p.place(t)
			p.store(t, name)
			same := p.value(name)
			same.Hard["requests.cpu"] = resource.MustParse("1.5")
			change, err := p.ensure(t.Context(), same)
			require.NoError(t, err)
			require.Equal(t, topology.Unchanged, change.Action)
		}},
	})
}

// LimitTopology is what LimitRanges tests.
type LimitTopology interface {
	Base
	topology.LimitRanges
}

// LimitRanges checks the rules of topology.LimitRanges.
func LimitRanges[P LimitTopology](t *testing.T, h Harness[P]) {
	runChecks(t, limitChecks(h))
}

func limitChecks[P LimitTopology](h Harness[P]) []check {
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
	return contents(h.Outsider, port[topology.LimitRange]{
		kind: "LimitRange", read: h.Topology.LimitRange, ensure: h.Topology.EnsureLimitRange, remove: h.Topology.DeleteLimitRange,
		dryEnsure: h.DryRun.EnsureLimitRange, dryRemove: h.DryRun.DeleteLimitRange,
		value:   func(name string) topology.LimitRange { return limits(name, "2") },
		other:   func(name string) topology.LimitRange { return limits(name, "4") },
		differs: topology.FieldChange{Path: "limits[Container].max[cpu]", From: "2", To: "4"},
		scratch: func(l topology.LimitRange) { clear(l.Limits[0].Max); l.Limits[1] = topology.Limit{} },
		place:   func(t T) string { return newNamespace(t, h.Topology) },
	})
}
