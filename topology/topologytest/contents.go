package topologytest

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// port is one capability that keeps a value for each namespace, or for each tenant.
type port[V any] struct {
	kind   topology.Kind
	read   func(ctx context.Context, name string) (V, error)
	ensure func(ctx context.Context, want V) (topology.Change, error)
	remove func(ctx context.Context, name string) (topology.Change, error)

	dryEnsure func(ctx context.Context, want V) (topology.Change, error)
	dryRemove func(ctx context.Context, name string) (topology.Change, error)

	value   func(name string) V // to be stored
	other   func(name string) V // the same but for one field
	differs topology.FieldChange
	scratch func(V) // overwrites everything that the value refers to

	place func(t T) string // makes a name under which a value can be stored
	loose bool             // values are not in a namespace
}

// contents are the rules that hold for every such capability.
func contents[V any](outsider Outsider, p port[V]) []check {
	checks := []check{
		{"read of what is not there is ErrNotFound", func(t T) {
			_, err := p.read(t.Context(), p.place(t))
			requireError(t, err, topology.ErrNotFound)
		}},
		{"ensure creates, and read answers what was ensured", func(t T) {
			name := p.place(t)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			requireChange(t, topology.Change{Kind: p.kind, Name: name, Action: topology.Created, After: p.value(name)}, change)
			p.requireStored(t, name, p.value(name))
		}},
		{"ensure twice is unchanged", func(t T) {
			name := p.place(t)
			p.store(t, name)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			requireChange(t, topology.Change{Kind: p.kind, Name: name, Action: topology.Unchanged}, change)
		}},
		{"ensure repairs a difference and names its field", func(t T) {
			name := p.place(t)
			p.store(t, name)
			change, err := p.ensure(t.Context(), p.other(name))
			require.NoError(t, err)
			requireChange(t, topology.Change{
				Kind: p.kind, Name: name, Action: topology.Updated, Fields: []topology.FieldChange{p.differs},
				Before: p.value(name), After: p.other(name),
			}, change)
			p.requireStored(t, name, p.other(name))
		}},
		{"delete removes, and a second delete is unchanged", func(t T) {
			name := p.place(t)
			p.store(t, name)
			change, err := p.remove(t.Context(), name)
			require.NoError(t, err)
			requireChange(t, topology.Change{Kind: p.kind, Name: name, Action: topology.Deleted, Before: p.value(name)}, change)
			_, err = p.read(t.Context(), name)
			requireError(t, err, topology.ErrNotFound)
			change, err = p.remove(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, topology.Unchanged, change.Action)
		}},
		{"a cancelled context changes nothing", func(t T) {
			name := p.place(t)
			_, err := p.ensure(cancelled(t), p.value(name))
			require.ErrorIs(t, err, context.Canceled)
			_, err = p.read(t.Context(), name)
			requireError(t, err, topology.ErrNotFound)
			p.store(t, name)
			_, err = p.remove(cancelled(t), name)
			require.ErrorIs(t, err, context.Canceled)
			p.requireStored(t, name, p.value(name))
		}},
		{"concurrent ensures converge without an error", func(t T) {
			name := p.place(t)
			for _, err := range atOnce(6, func() error { _, err := p.ensure(t.Context(), p.value(name)); return err }) {
				require.NoError(t, err)
			}
			p.requireStored(t, name, p.value(name))
		}},
		{"values are not aliased", func(t T) {
			name := p.place(t)
			in := p.value(name)
			_, err := p.ensure(t.Context(), in)
			require.NoError(t, err)
			p.scratch(in)
			p.requireStored(t, name, p.value(name))
			out, err := p.read(t.Context(), name)
			require.NoError(t, err)
			p.scratch(out)
			p.requireStored(t, name, p.value(name))
		}},
		{"a dry run says what would be done and does nothing", func(t T) {
			name := p.place(t)
			change, err := p.dryEnsure(t.Context(), p.value(name))
			require.NoError(t, err)
			requireChange(t, topology.Change{Kind: p.kind, Name: name, Action: topology.Created, After: p.value(name)}, change)
			_, err = p.read(t.Context(), name)
			requireError(t, err, topology.ErrNotFound)
			p.store(t, name)
			change, err = p.dryEnsure(t.Context(), p.other(name))
			require.NoError(t, err)
			require.Equal(t, []topology.FieldChange{p.differs}, change.Fields)
			change, err = p.dryRemove(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, topology.Deleted, change.Action)
			p.requireStored(t, name, p.value(name))
		}},
	}
	if p.loose {
		return checks
	}
	return slices.Concat(checks, namespacedContents(outsider, p))
}

// nothingWanted is the rule for values that may be empty: ensuring nothing is a delete.
func nothingWanted[V any](p port[V], empty func(name string) V) check {
	return check{"ensuring nothing is a delete", func(t T) {
		name := p.place(t)
		p.store(t, name)
		for _, want := range []topology.Change{
			{Kind: p.kind, Name: name, Action: topology.Deleted, Before: p.value(name)},
			{Kind: p.kind, Name: name, Action: topology.Unchanged},
		} {
			change, err := p.ensure(t.Context(), empty(name))
			require.NoError(t, err)
			requireChange(t, want, change)
			_, err = p.read(t.Context(), name)
			requireError(t, err, topology.ErrNotFound)
		}
	}}
}

// namespacedContents are the rules for values that are in a namespace.
func namespacedContents[V any](outsider Outsider, p port[V]) []check {
	return []check{
		{"ensure in a namespace that does not exist is ErrNotFound", func(t T) {
			_, err := p.ensure(t.Context(), p.value(newName()))
			requireError(t, err, topology.ErrNotFound)
		}},
		{"a dry run takes a missing namespace as planned", func(t T) {
			change, err := p.dryEnsure(t.Context(), p.value(newName()))
			require.NoError(t, err)
			require.Equal(t, topology.Created, change.Action)
		}},
		{"delete in a namespace that does not exist is unchanged", func(t T) {
			change, err := p.remove(t.Context(), newName())
			require.NoError(t, err)
			require.Equal(t, topology.Unchanged, change.Action)
		}},
		{"what is somebody else's is ErrConflict and stays untouched", func(t T) {
			name := p.place(t)
			outsider.Occupy(t, name, p.kind)
			_, err := p.ensure(t.Context(), p.value(name))
			requireError(t, err, topology.ErrConflict)
			require.True(t, outsider.Occupied(t, name, p.kind), "ensure has touched it")
			_, err = p.read(t.Context(), name)
			requireError(t, err, topology.ErrNotFound)
			_, _ = p.remove(t.Context(), name) // ErrConflict, or there is nothing of ours
			require.True(t, outsider.Occupied(t, name, p.kind), "delete has touched it")
		}},
	}
}

func (p port[V]) store(t T, name string) {
	t.Helper()
	_, err := p.ensure(t.Context(), p.value(name))
	require.NoError(t, err)
}

func (p port[V]) requireStored(t T, name string, want V) {
	t.Helper()
	have, err := p.read(t.Context(), name)
	require.NoError(t, err)
	require.Empty(t, adapter.Diff(want, have), "what is stored is not what was ensured")
}
