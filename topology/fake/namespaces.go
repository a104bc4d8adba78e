package fake

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Namespace implements topology.Namespaces.
func (t *Topology) Namespace(ctx context.Context, name string) (topology.Namespace, error) {
	c := adapter.Read(topology.KindNamespace, name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Namespace{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	ns := t.state.namespaces[name]
	if ns == nil {
		return topology.Namespace{}, c.Fail(topology.ErrNotFound, "")
	}
	return ns.value.Clone(), nil
}

// EnsureNamespace implements topology.Namespaces.
func (t *Topology) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	c := adapter.Ensure(topology.KindNamespace, want.Name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	adopt, inherit := want.Adopt, want.InheritGrants
	want = want.Clone()
	want.Managed, want.Owner, want.Terminating, want.Adopt, want.InheritGrants = true, "", false, false, false
	ns := t.state.namespaces[want.Name]
	if ns == nil {
		if holders := t.state.grantsTo(want.Name); len(holders) > 0 && !inherit {
			return topology.Change{}, c.Fail(topology.ErrConflict, "does not exist, but service accounts of its name hold rights that whoever has it would inherit: "+
				strings.Join(holders, ", ")+"; withdraw them, or set inheritGrants if they are meant")
		}
		t.writeIn(want.Name, func() { t.state.namespaces[want.Name] = &namespace{value: want} })
		return c.Created(want.Clone()), t.end(c)
	}
	switch {
	case ns.value.Terminating:
		return topology.Change{}, c.Fail(topology.ErrTerminating, "is being deleted; run again once it is gone")
	case !ns.value.Managed && !adopt:
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf("exists and is not managed by polyphony, its owner is %q; set adopt to take it over", ns.value.Owner))
	}
	if want.Roster == "" {
		want.Roster = ns.value.Roster
	} else if ns.value.Roster != "" && ns.value.Roster != want.Roster {
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf("is of the roster %q; take it off that one first", ns.value.Roster))
	}
	fields := adapter.Diff(ns.value, want)
	if !ns.value.Managed {
		fields = append(fields, topology.FieldChange{Path: "metadata.labels[" + topology.LabelTenant + "]", To: want.Name})
	}
	change := c.Updated(ns.value.Clone(), want.Clone(), fields)
	if change.Action == topology.Updated {
		t.writeIn(want.Name, func() { ns.value = want })
	}
	return change, t.end(c)
}

// Tenants implements topology.Rosters.
func (t *Topology) Tenants(ctx context.Context) ([]topology.Namespace, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindTenants, t.name)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	var all []topology.Namespace
	for _, name := range slices.Sorted(maps.Keys(t.state.namespaces)) {
		if ns := t.state.namespaces[name]; ns.value.Managed {
			all = append(all, ns.value.Clone())
		}
	}
	return all, nil
}

// Refresh implements topology.Snapshots. A fake remembers nothing but what it is.
func (t *Topology) Refresh() {}

// grantsTo says where service accounts of a namespace hold rights.
func (s *state) grantsTo(namespace string) []string {
	var found []string
	for name := range s.index.accounts[namespace] {
		for _, g := range s.namespaces[name].allGrants() {
			for _, subject := range g.Subjects {
				if account, _ := subject.Account(); account == namespace {
					found = append(found, "the role "+g.Role+" in "+name+" ("+subject.Name+")")
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// DeleteNamespace implements topology.Namespaces. The namespace goes at once, unless an Outsider holds it.
func (t *Topology) DeleteNamespace(ctx context.Context, name string) (topology.Change, error) {
	c := adapter.Delete(topology.KindNamespace, name)
	if err := t.begin(ctx, c); err != nil {
		return topology.Change{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	ns := t.state.namespaces[name]
	switch {
	case ns == nil || ns.value.Terminating && ns.value.Managed:
		return c.Unchanged(), t.end(c)
	case !ns.value.Managed:
		return topology.Change{}, c.Fail(topology.ErrConflict, fmt.Sprintf("is not managed by polyphony, its owner is %q; remove it there", ns.value.Owner))
	case ns.value.Protected:
		return topology.Change{}, c.Fail(topology.ErrProtected, "has deletion protection")
	}
	change := c.Deleted(ns.value.Clone())
	t.write(func() {
		ns.value.Terminating = true
		t.state.collect(name)
	})
	return change, t.end(c)
}

// collect removes a namespace that is being deleted, once nobody holds it.
func (s *state) collect(name string) {
	if ns := s.namespaces[name]; ns != nil && ns.value.Terminating && ns.held == "" {
		s.change(name, func() { delete(s.namespaces, name) })
	}
}

// AwaitNamespaceGone implements topology.Namespaces.
func (t *Topology) AwaitNamespaceGone(ctx context.Context, name string) error {
	c := adapter.Await(topology.KindNamespace, name)
	if err := t.begin(ctx, c); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		t.state.mu.Lock()
		ns, held := t.state.namespaces[name], ""
		if ns != nil {
			held = cmp.Or(ns.held, "nothing: it was not deleted")
		}
		t.state.mu.Unlock()
		if ns == nil || t.dry {
			return nil
		}
		if n == 1 {
			reportWait(ctx, c)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return c.Wrap(topology.ErrTimeout, "is still there, held by "+held, ctx.Err())
		}
	}
}

// Volumes implements topology.Volumes.
func (t *Topology) Volumes(ctx context.Context, namespace string) ([]topology.Volume, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindVolumes, namespace)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	if ns := t.state.namespaces[namespace]; ns != nil {
		return ns.listVolumes(), nil
	}
	return nil, nil
}
