package fake

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// kind is how one kind of value is kept in a namespace.
type kind[V interface{ Clone() V }] struct {
	name topology.Kind
	slot func(*namespace) *slot[V]
}

// The kinds of values in a namespace.
var (
	quotas      = kind[topology.Quota]{"Quota", func(n *namespace) *slot[topology.Quota] { return &n.quota }}
	limitRanges = kind[topology.LimitRange]{"LimitRange", func(n *namespace) *slot[topology.LimitRange] { return &n.limitRange }}
	networks    = kind[topology.NetworkRules]{"NetworkRules", func(n *namespace) *slot[topology.NetworkRules] { return &n.network }}
	accesses    = kind[topology.Access]{"Access", func(n *namespace) *slot[topology.Access] { return &n.access }}
)

func (k kind[V]) read(ctx context.Context, t *Topology, name string) (V, error) {
	c := adapter.Read(k.name, name)
	var zero V
	if err := t.begin(ctx, c); err != nil {
		return zero, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	ns := t.state.namespaces[name]
	if ns == nil {
		return zero, c.Fail(topology.ErrNotFound, "")
	}
	if have := k.slot(ns).copied(); have != nil && !k.slot(ns).foreign {
		return *have, nil
	}
	return zero, c.Fail(topology.ErrNotFound, "")
}

func (k kind[V]) ensure(ctx context.Context, t *Topology, name string, want V) (topology.Change, error) {
	c := adapter.Ensure(k.name, name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	ns := t.state.namespaces[name]
	switch {
	case ns == nil && t.dry:
		return c.Created(want.Clone()), nil
	case ns == nil:
		return topology.Change{}, c.Fail(topology.ErrNotFound, "the namespace does not exist; ensure it first")
	}
	slot, change := k.slot(ns), c.Created(want.Clone())
	switch {
	case slot.foreign:
		return topology.Change{}, c.Fail(topology.ErrConflict, "somebody else's object has its place; remove or rename that")
	case slot.value != nil:
		change = c.Updated((*slot.value).Clone(), want.Clone(), adapter.Diff(*slot.value, want))
	case ns.value.Terminating:
		return topology.Change{}, c.Fail(topology.ErrTerminating, "the namespace is being deleted; run again once it is gone")
	}
	if change.Action != topology.Unchanged {
		t.writeIn(name, func() { slot.value = new(want.Clone()) })
	}
	return change, t.end(c)
}

func (k kind[V]) remove(ctx context.Context, t *Topology, name string) (topology.Change, error) {
	c := adapter.Delete(k.name, name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	change := c.Unchanged()
	ns := t.state.namespaces[name]
	if ns == nil {
		return change, t.end(c)
	}
	slot := k.slot(ns)
	if slot.foreign {
		return topology.Change{}, c.Fail(topology.ErrConflict, "is somebody else's object; remove it there")
	}
	if slot.value != nil {
		change = c.Deleted((*slot.value).Clone())
		t.writeIn(name, func() { slot.value = nil })
	}
	return change, t.end(c)
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

// AwaitQuota implements topology.Quotas. Here a quota is in force as soon as it is stored.
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

// LimitRange implements topology.LimitRanges.
func (t *Topology) LimitRange(ctx context.Context, namespace string) (topology.LimitRange, error) {
	return limitRanges.read(ctx, t, namespace)
}

// EnsureLimitRange implements topology.LimitRanges.
func (t *Topology) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return limitRanges.ensure(ctx, t, want.Namespace, want)
}

// DeleteLimitRange implements topology.LimitRanges.
func (t *Topology) DeleteLimitRange(ctx context.Context, namespace string) (topology.Change, error) {
	return limitRanges.remove(ctx, t, namespace)
}

// NetworkRules implements topology.NetworkIsolation.
func (t *Topology) NetworkRules(ctx context.Context, namespace string) (topology.NetworkRules, error) {
	return networks.read(ctx, t, namespace)
}

// EnsureNetworkRules implements topology.NetworkIsolation.
func (t *Topology) EnsureNetworkRules(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
	return networks.ensure(ctx, t, want.Namespace, want)
}

// DeleteNetworkRules implements topology.NetworkIsolation.
func (t *Topology) DeleteNetworkRules(ctx context.Context, namespace string) (topology.Change, error) {
	return networks.remove(ctx, t, namespace)
}

// Access implements topology.AccessControl.
func (t *Topology) Access(ctx context.Context, namespace string) (topology.Access, error) {
	return accesses.read(ctx, t, namespace)
}

// EnsureAccess implements topology.AccessControl.
func (t *Topology) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	if len(want.Grants) == 0 {
		return accesses.remove(ctx, t, want.Namespace)
	}
	return accesses.ensure(ctx, t, want.Namespace, want)
}

// DeleteAccess implements topology.AccessControl.
func (t *Topology) DeleteAccess(ctx context.Context, namespace string) (topology.Change, error) {
	return accesses.remove(ctx, t, namespace)
}
