package fake

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// value is what a slot stores.
type value[V any] interface{ Clone() V }

// slot is the place of one managed value in a namespace.
type slot[V value[V]] struct {
	value   *V   // nil: none is stored
	foreign bool // an object that Polyphony does not manage has the place
}

// copied returns a copy of the stored value, or nil.
func (s slot[V]) copied() *V {
	if s.value == nil {
		return nil
	}
	return new((*s.value).Clone())
}

// slotKind reads and writes the slots of one kind of value.
type slotKind[V value[V]] struct {
	kind topology.Kind
	slot func(*namespace) *slot[V]
}

// read returns the stored value of a namespace.
func (k slotKind[V]) read(ctx context.Context, t *Topology, name string) (V, error) {
	c := adapter.Read(k.kind, name)
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

// ensure stores want in a namespace, if something else is stored.
func (k slotKind[V]) ensure(ctx context.Context, t *Topology, name string, want V) (topology.Change, error) {
	c := adapter.Ensure(k.kind, name)
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
	slot := k.slot(ns)
	switch {
	case slot.foreign:
		return topology.Change{}, c.Fail(topology.ErrConflict,
			"an object that polyphony does not manage has its name; remove or rename that object")
	case slot.value == nil && ns.value.Terminating:
		return topology.Change{}, c.Fail(topology.ErrTerminating,
			"the namespace is being deleted; run again once it is gone")
	}
	change := changeTo(c, slot.value, want)
	if change.Action != topology.Unchanged {
		t.writeIn(name, func() { slot.value = new(want.Clone()) })
	}
	return change, t.end(c)
}

// changeTo returns the change that stores want. The stored value is nil if there is none. It copies
// values only if they differ, because most calls of Ensure find no difference.
func changeTo[V value[V]](c adapter.Call, stored *V, want V) topology.Change {
	if stored == nil {
		return c.Created(want.Clone())
	}
	fields := adapter.Diff(*stored, want)
	if len(fields) == 0 {
		return c.Unchanged()
	}
	return c.Updated((*stored).Clone(), want.Clone(), fields)
}

// remove removes the stored value of a namespace, if there is one.
func (k slotKind[V]) remove(ctx context.Context, t *Topology, name string) (topology.Change, error) {
	c := adapter.Delete(k.kind, name)
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
		return topology.Change{}, c.Fail(topology.ErrConflict,
			"is not managed by polyphony; remove it where it is managed")
	}
	if slot.value != nil {
		change = c.Deleted((*slot.value).Clone())
		t.writeIn(name, func() { slot.value = nil })
	}
	return change, t.end(c)
}
