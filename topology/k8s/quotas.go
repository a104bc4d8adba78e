package k8s

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

var quotas = singleton[*corev1.ResourceQuota, corev1.ResourceQuotaSpec, topology.Quota]{
	kind:   topology.KindQuota,
	client: func(c kube.Clients) kube.Client[*corev1.ResourceQuota] { return c.Quotas },
	spec:   func(q *corev1.ResourceQuota) *corev1.ResourceQuotaSpec { return &q.Spec },
	same: func(a, b *corev1.ResourceQuotaSpec) bool {
		return sameAmounts(a.Hard, b.Hard) && slices.Equal(a.Scopes, b.Scopes) &&
			equality.Semantic.DeepEqual(a.ScopeSelector, b.ScopeSelector)
	},
	read: toQuota, render: renderQuota,
	replaceable: func(q *corev1.ResourceQuota) bool { // an update cannot change scopes
		return len(q.Spec.Scopes) == 0 && q.Spec.ScopeSelector == nil
	},
}

// sameAmounts is equality.Semantic for amounts, in a tenth of the time: for a tenant without a
// difference, comparing is most of the work.
func sameAmounts(a, b corev1.ResourceList) bool {
	return maps.EqualFunc(a, b, func(x, y resource.Quantity) bool { return x.Cmp(y) == 0 })
}

// Quota implements topology.Quotas.
func (t *Topology) Quota(ctx context.Context, namespace string) (topology.Quota, error) {
	return quotas.get(ctx, t, namespace)
}

// EnsureQuota implements topology.Quotas. A ResourceQuota with scopes is deleted and created, since
// an update cannot change scopes.
func (t *Topology) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	return quotas.ensure(ctx, t, want.Namespace, want)
}

// DeleteQuota implements topology.Quotas.
func (t *Topology) DeleteQuota(ctx context.Context, namespace string) (topology.Change, error) {
	return quotas.remove(ctx, t, namespace)
}

// AwaitQuota implements topology.Quotas. The quota controller publishes the enforced amounts in the
// status.
func (t *Topology) AwaitQuota(ctx context.Context, namespace string) error {
	if t.dry {
		return nil
	}
	c := adapter.Await(topology.KindQuota, namespace)
	events := t.snapshot.quotaEvents(namespace)
	err := t.retry.Wait(ctx, c, "be in force", events, func(ctx context.Context) (bool, error) {
		have, err := t.clients.Quotas.Get(ctx, namespace, objectName)
		if err != nil {
			return false, err
		}
		return equality.Semantic.DeepEqual(have.Spec.Hard, have.Status.Hard), nil
	})
	if err != nil && ctx.Err() != nil {
		return c.Wrap(topology.ErrTimeout, "the quota is stored but not in force; check that the cluster's "+
			"quota controller (kube-controller-manager) runs", ctx.Err())
	}
	return err
}

func toQuota(have *corev1.ResourceQuota) topology.Quota {
	return topology.Quota{Namespace: have.Namespace, Hard: fromResources(have.Spec.Hard)}
}

func renderQuota(want topology.Quota) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: meta(want.Namespace, objectName, want.Namespace),
		Spec:       corev1.ResourceQuotaSpec{Hard: toResources(want.Hard)},
	}
}

func toResources(m map[string]resource.Quantity) corev1.ResourceList {
	if len(m) == 0 {
		return nil
	}
	list := corev1.ResourceList{}
	for name, q := range m {
		list[corev1.ResourceName(name)] = q.DeepCopy()
	}
	return list
}

func fromResources(list corev1.ResourceList) map[string]resource.Quantity {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]resource.Quantity, len(list))
	for name, q := range list {
		m[string(name)] = q.DeepCopy()
	}
	return m
}
