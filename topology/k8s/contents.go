package k8s

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// contents is how one kind of value is kept as the one object of its type in a tenant's namespace: T is the object, S its specification.
type contents[T apiObject, S, V any] struct {
	kind   topology.Kind
	client func(c *clients, namespace string) client[T]
	spec   func(T) *S
	same   func(a, b *S) bool
	read   func(T) V
	render func(V) T

	replaceable func(have T) bool // as in keeper
}

var (
	quotas = contents[*corev1.ResourceQuota, corev1.ResourceQuotaSpec, topology.Quota]{
		kind:   "Quota",
		client: func(c *clients, namespace string) client[*corev1.ResourceQuota] { return c.quotas(namespace) },
		spec:   func(q *corev1.ResourceQuota) *corev1.ResourceQuotaSpec { return &q.Spec },
		same: func(a, b *corev1.ResourceQuotaSpec) bool {
			return sameAmounts(a.Hard, b.Hard) && slices.Equal(a.Scopes, b.Scopes) && equality.Semantic.DeepEqual(a.ScopeSelector, b.ScopeSelector)
		},
		read: toQuota, render: renderQuota,
		replaceable: func(q *corev1.ResourceQuota) bool { return len(q.Spec.Scopes) == 0 && q.Spec.ScopeSelector == nil }, // scopes cannot be changed
	}
	limitRanges = contents[*corev1.LimitRange, corev1.LimitRangeSpec, topology.LimitRange]{
		kind:   "LimitRange",
		client: func(c *clients, namespace string) client[*corev1.LimitRange] { return c.limitRanges(namespace) },
		spec:   func(l *corev1.LimitRange) *corev1.LimitRangeSpec { return &l.Spec },
		same:   func(a, b *corev1.LimitRangeSpec) bool { return equality.Semantic.DeepEqual(a, b) },
		read:   toLimitRange, render: renderLimitRange,
	}
	networkPolicies = contents[*networkingv1.NetworkPolicy, networkingv1.NetworkPolicySpec, topology.NetworkRules]{
		kind: "NetworkRules",
		client: func(c *clients, namespace string) client[*networkingv1.NetworkPolicy] {
			return c.networkPolicies(namespace)
		},
		spec: func(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicySpec { return &p.Spec },
		same: func(a, b *networkingv1.NetworkPolicySpec) bool { return equality.Semantic.DeepEqual(a, b) },
		read: toNetworkRules, render: renderNetworkPolicy,
	}
)

// sameAmounts is what equality.Semantic says, in a tenth of the time: of a tenant that is as it should be, comparing is most of the work.
func sameAmounts(a, b corev1.ResourceList) bool {
	return maps.EqualFunc(a, b, func(x, y resource.Quantity) bool { return x.Cmp(y) == 0 })
}

// get reads the value. An object that is not ours is not there.
func (k contents[T, S, V]) get(ctx context.Context, t *Topology, namespace string) (value V, err error) {
	c := adapter.Read(k.kind, namespace)
	err = t.retry(ctx, c, func(ctx context.Context) error {
		have, err := k.client(t.clients, namespace).Get(ctx, objectName)
		switch {
		case err != nil:
			return err
		case !owned(have, namespace):
			return c.Fail(topology.ErrNotFound, "")
		}
		value = k.read(have)
		return nil
	})
	return value, err
}

// ensure replaces the whole specification, so that nothing of what others have written into it stays.
func (k contents[T, S, V]) ensure(ctx context.Context, t *Topology, namespace string, want V) (topology.Change, error) {
	object := k.render(want)
	return keeper[T]{
		call: adapter.Ensure(k.kind, namespace), client: k.client(t.clients, namespace), tenant: namespace, want: object,
		same: func(have T) bool { return k.same(k.spec(have), k.spec(object)) },
		merge: func(have T) T {
			to, _ := have.DeepCopyObject().(T) // a copy is of the same type
			*k.spec(to) = *k.spec(object)
			return to
		},
		fields: func(have, to T) []topology.FieldChange {
			read := k.read(have)
			fields := append(adapter.Diff(read, k.read(to)), beyond(*k.spec(have), *k.spec(k.render(read)))...)
			if len(fields) == 0 { // such as another order
				fields = beyond(*k.spec(have), *k.spec(to))
			}
			return fields
		},
		value:       func(object T) any { return k.read(object) },
		beyond:      func(have T) bool { return len(beyond(*k.spec(have), *k.spec(k.render(k.read(have))))) > 0 },
		replaceable: k.replaceable,
	}.ensure(ctx, t, nil)
}

// beyond is what the port has no words for: where a specification differs from what its own reading would be rendered to.
func beyond[S any](have, readAndRendered S) []topology.FieldChange {
	type object struct {
		Spec S `json:"spec"`
	}
	return adapter.Diff(object{have}, object{readAndRendered})
}

func (k contents[T, S, V]) remove(ctx context.Context, t *Topology, namespace string) (topology.Change, error) {
	return remove(ctx, t, adapter.Delete(k.kind, namespace), k.client(t.clients, namespace), objectName, namespace, func(object T) any { return k.read(object) })
}
