package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

var quotas = slotKind[topology.Quota]{
	topology.KindQuota, func(n *namespace) *slot[topology.Quota] { return &n.quota },
}

// Quota implements topology.Quotas.
func (t *Topology) Quota(ctx context.Context, namespace string) (topology.Quota, error) {
	return quotas.read(ctx, t, namespace)
}

// EnsureQuota implements topology.Quotas.
func (t *Topology) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	return quotas.ensure(ctx, t, want.Namespace, want)
}

// DeleteQuota implements topology.Quotas.
func (t *Topology) DeleteQuota(ctx context.Context, namespace string) (topology.Change, error) {
	return quotas.remove(ctx, t, namespace)
}

// AwaitQuota implements topology.Quotas. In the fake, a quota is in force as soon as it is stored.
func (t *Topology) AwaitQuota(ctx context.Context, namespace string) error {
	c := adapter.Await(topology.KindQuota, namespace)
	if err := t.begin(ctx, c); err != nil {
		return err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	ns := t.state.namespaces[namespace]
	if !t.dry && (ns == nil || ns.quota.value == nil || ns.quota.foreign) {
		return c.Fail(topology.ErrNotFound, "there is no quota to wait for; ensure it first")
	}
	return nil
}

// builtIn counts the objects that a cluster makes in every namespace and that quotas count:
// kube-root-ca.crt, the service account "default", and the quota itself.
var builtIn = map[string]int64{"configmaps": 1, "serviceaccounts": 1, "resourcequotas": 1}

// overQuota returns why the quota of the namespace refuses a write, or "".
func (n *namespace) overQuota(r topology.Request, object, old json.RawMessage) (string, error) {
	updatable := r.APIGroup == "" && (r.Resource == "services" || r.Resource == "persistentvolumeclaims")
	if n.quota.value == nil || r.Subresource != "" || r.Verb != "create" && !updatable {
		return "", nil
	}
	more, err := addedUsage(r, object, old)
	if err != nil {
		return "", err
	}
	hard := n.quota.value.Hard
	if reason, err := missingAmount(r, hard, object); reason != "" || err != nil {
		return reason, err
	}
	for _, name := range slices.Sorted(maps.Keys(hard)) {
		asked := more[name]
		if asked.Sign() <= 0 {
			continue
		}
		used, err := n.used(name)
		if err != nil {
			return "", err
		}
		sum, most := used, hard[name]
		if sum.Add(asked); sum.Cmp(most) > 0 {
			return fmt.Sprintf("the quota of %s is %s: %s are used, and the request adds %s",
				name, most.String(), used.String(), asked.String()), nil
		}
	}
	return "", nil
}

// addedUsage returns how much more of each quota is used once the object replaces the old one. An
// old object that is nil uses nothing.
func addedUsage(r topology.Request, object, old json.RawMessage) (quantities, error) {
	more, err := usage(r.APIGroup, r.Resource, object)
	if err != nil || old == nil {
		return more, err
	}
	before, err := usage(r.APIGroup, r.Resource, old)
	if err != nil {
		return nil, err
	}
	for name, amount := range more {
		amount.Sub(before[name])
		more[name] = amount
	}
	return more, nil
}

// missingAmount returns why a pod is refused that does not state the amount of a resource which is
// under a quota, or "".
func missingAmount(r topology.Request, hard quantities, object json.RawMessage) (string, error) {
	if r.APIGroup != "" || r.Resource != "pods" {
		return "", nil
	}
	c, err := readConsumer(object)
	if err != nil {
		return "", err
	}
	for _, container := range slices.Concat(c.Spec.Containers, c.Spec.InitContainers) {
		stated := computeUsage(container.Resources)
		for _, name := range slices.Sorted(maps.Keys(hard)) {
			_, ok := stated[name]
			kind := strings.TrimPrefix(strings.TrimPrefix(name, "requests."), "limits.")
			if !ok && (kind == "cpu" || kind == "memory") {
				return "there is a quota of " + name + ", and the container " + container.Name +
					" does not state its amount", nil
			}
		}
	}
	return "", nil
}

// used returns how much of a quota the stored objects use.
func (n *namespace) used(name string) (resource.Quantity, error) {
	sum := *resource.NewQuantity(builtIn[strings.TrimPrefix(name, "count/")], resource.DecimalSI)
	for key, object := range n.objects {
		uses, err := usage(key.group, key.resource, object)
		if err != nil {
			return sum, err
		}
		sum.Add(uses[name])
	}
	return sum, nil
}
