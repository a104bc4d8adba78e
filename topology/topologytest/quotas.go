package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// Quotas checks the rules of topology.Quotas.
func Quotas[P topology.Quotas](t *testing.T, h Harness[P]) {
	RunCases(t, quotaCases(h))
}

func quotaPort[P topology.Quotas](h Harness[P]) port[topology.Quota] {
	quota := func(name, cpu string) topology.Quota {
		return topology.Quota{Namespace: name, Hard: map[string]resource.Quantity{
			"requests.cpu": resource.MustParse(cpu), "pods": resource.MustParse("5"),
			"count/jobs.batch": resource.MustParse("0"),
			"gold.storageclass.storage.k8s.io/requests.storage": resource.MustParse("10Gi"),
		}}
	}
	return port[topology.Quota]{
		kind: topology.KindQuota,
		read: h.Topology.Quota, ensure: h.Topology.EnsureQuota, remove: h.Topology.DeleteQuota,
		dryEnsure: h.DryRun.EnsureQuota, dryRemove: h.DryRun.DeleteQuota,
		value:   func(name string) topology.Quota { return quota(name, "1500m") },
		other:   func(name string) topology.Quota { return quota(name, "2") },
		differs: topology.FieldChange{Path: "hard[requests.cpu]", From: "1500m", To: "2"},
		scratch: func(q topology.Quota) { clear(q.Hard) },
		place:   h.newNamespace, namespaced: true,
	}
}

func quotaCases[P topology.Quotas](h Harness[P]) []Case {
	p := quotaPort(h)
	return slices.Concat(contentCases(h.Outsider, p), []Case{
		{"AwaitQuota returns once the quota is in force", func(t T) {
			name := p.place(t)
			p.store(t, name)
			require.NoError(t, h.Topology.AwaitQuota(t.Context(), name))
		}},
		{"AwaitQuota without a quota is ErrNotFound", func(t T) {
			RequireError(t, h.Topology.AwaitQuota(t.Context(), p.place(t)), topology.ErrNotFound)
		}},
		{"On a dry run, AwaitQuota returns at once", func(t T) {
			require.NoError(t, h.DryRun.AwaitQuota(t.Context(), NewName()))
		}},
		{"The same amount, written differently, changes nothing", func(t T) {
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
