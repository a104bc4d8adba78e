package topologytest

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// port is a capability that keeps one value for each namespace, for each tenant or for the
// topology.
type port[V any] struct {
	kind   topology.Kind
	read   func(ctx context.Context, name string) (V, error)
	ensure func(ctx context.Context, want V) (topology.Change, error)
	remove func(ctx context.Context, name string) (topology.Change, error)

	dryEnsure func(ctx context.Context, want V) (topology.Change, error)
	dryRemove func(ctx context.Context, name string) (topology.Change, error)

	value   func(name string) V // the value that cases store
	other   func(name string) V // the same value except for one field
	differs topology.FieldChange
	scratch func(V) // overwrites everything that the value refers to

	place      func(t T) string // creates the place of a value, such as a namespace, and returns its name
	namespaced bool             // the value belongs to a namespace
}

// contentCases checks the rules that hold for every such capability.
func contentCases[V any](outsider Outsider, p port[V]) []Case {
	cases := slices.Concat(p.basicCases(), p.robustnessCases(), p.aliasCases(), p.dryRunCases())
	if p.namespaced {
		cases = slices.Concat(cases, p.missingNamespaceCases(), []Case{p.foreignCase(outsider)})
	}
	return cases
}

func (p port[V]) basicCases() []Case {
	return []Case{
		{"A read of a value that does not exist is ErrNotFound", func(t T) {
			_, err := p.read(t.Context(), p.place(t))
			RequireError(t, err, topology.ErrNotFound)
		}},
		{"Ensure creates the value, and a read returns it", func(t T) {
			name := p.place(t)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Created, name, nil, p.value(name)), change)
			p.requireStored(t, name, p.value(name))
		}},
		{"A second Ensure changes nothing", func(t T) {
			name := p.place(t)
			p.store(t, name)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Unchanged, name, nil, nil), change)
		}},
		{"Ensure repairs a difference, names its field and returns both values", func(t T) {
			name := p.place(t)
			p.store(t, name)
			change, err := p.ensure(t.Context(), p.other(name))
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Updated, name, p.value(name), p.other(name)), change)
			p.requireStored(t, name, p.other(name))
		}},
		{"Delete removes the value and returns it, and a second Delete changes nothing", func(t T) {
			name := p.place(t)
			p.store(t, name)
			change, err := p.remove(t.Context(), name)
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Deleted, name, p.value(name), nil), change)
			_, err = p.read(t.Context(), name)
			RequireError(t, err, topology.ErrNotFound)
			change, err = p.remove(t.Context(), name)
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Unchanged, name, nil, nil), change)
		}},
	}
}

func (p port[V]) robustnessCases() []Case {
	return []Case{
		{"A cancelled context changes nothing", func(t T) {
			name := p.place(t)
			_, err := p.ensure(cancelled(t), p.value(name))
			require.ErrorIs(t, err, context.Canceled)
			_, err = p.read(t.Context(), name)
			RequireError(t, err, topology.ErrNotFound)
			p.store(t, name)
			_, err = p.remove(cancelled(t), name)
			require.ErrorIs(t, err, context.Canceled)
			p.requireStored(t, name, p.value(name))
		}},
		{"Concurrent calls of Ensure converge without an error", func(t T) {
			name := p.place(t)
			ensure := func() error { _, err := p.ensure(t.Context(), p.value(name)); return err }
			for _, err := range AtOnce(6, ensure) {
				require.NoError(t, err)
			}
			p.requireStored(t, name, p.value(name))
		}},
	}
}

func (p port[V]) aliasCases() []Case {
	return []Case{
		{"Values are not aliased", func(t T) {
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
		{"The values of a change are not aliased", func(t T) {
			name := p.place(t)
			in := p.value(name)
			created, err := p.ensure(t.Context(), in)
			require.NoError(t, err)
			p.scratch(in)
			RequireChange(t, p.change(topology.Created, name, nil, p.value(name)), created)
			p.scratchValue(t, created.After)
			p.requireStored(t, name, p.value(name))
			updated, err := p.ensure(t.Context(), p.other(name))
			require.NoError(t, err)
			p.scratchValue(t, updated.Before)
			p.scratchValue(t, updated.After)
			p.requireStored(t, name, p.other(name))
			planned, err := p.dryEnsure(t.Context(), p.value(name))
			require.NoError(t, err)
			p.scratchValue(t, planned.Before)
			p.requireStored(t, name, p.other(name))
		}},
	}
}

func (p port[V]) dryRunCases() []Case {
	return []Case{
		{"A dry run returns the change that Ensure and Delete would make, and makes none", func(t T) {
			name := p.place(t)
			change, err := p.dryEnsure(t.Context(), p.value(name))
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Created, name, nil, p.value(name)), change)
			_, err = p.read(t.Context(), name)
			RequireError(t, err, topology.ErrNotFound)
			p.store(t, name)
			change, err = p.dryEnsure(t.Context(), p.other(name))
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Updated, name, p.value(name), p.other(name)), change)
			change, err = p.dryRemove(t.Context(), name)
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Deleted, name, p.value(name), nil), change)
			p.requireStored(t, name, p.value(name))
		}},
	}
}

// emptyCase checks values that may be empty.
func (p port[V]) emptyCase(empty func(name string) V) Case {
	return Case{"Ensure of an empty value does what Delete does", func(t T) {
		name := p.place(t)
		p.store(t, name)
		for _, want := range []topology.Change{
			p.change(topology.Deleted, name, p.value(name), nil), p.change(topology.Unchanged, name, nil, nil),
		} {
			change, err := p.ensure(t.Context(), empty(name))
			require.NoError(t, err)
			RequireChange(t, want, change)
			_, err = p.read(t.Context(), name)
			RequireError(t, err, topology.ErrNotFound)
		}
	}}
}

func (p port[V]) missingNamespaceCases() []Case {
	return []Case{
		{"Ensure in a namespace that does not exist is ErrNotFound", func(t T) {
			_, err := p.ensure(t.Context(), p.value(NewName()))
			RequireError(t, err, topology.ErrNotFound)
		}},
		{"A dry run plans for a namespace that does not exist yet", func(t T) {
			name := NewName()
			change, err := p.dryEnsure(t.Context(), p.value(name))
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Created, name, nil, p.value(name)), change)
		}},
		{"Delete in a namespace that does not exist changes nothing", func(t T) {
			name := NewName()
			change, err := p.remove(t.Context(), name)
			require.NoError(t, err)
			RequireChange(t, p.change(topology.Unchanged, name, nil, nil), change)
		}},
	}
}

func (p port[V]) foreignCase(outsider Outsider) Case {
	return Case{"A foreign object in the same place is ErrConflict and stays untouched", func(t T) {
		name := p.place(t)
		outsider.Occupy(t, name, p.kind)
		_, err := p.ensure(t.Context(), p.value(name))
		RequireError(t, err, topology.ErrConflict)
		require.True(t, outsider.Occupied(t, name, p.kind), "Ensure has touched it")
		_, err = p.read(t.Context(), name)
		RequireError(t, err, topology.ErrNotFound)
		_, _ = p.remove(t.Context(), name) // ErrConflict or Unchanged, depending on the adapter
		require.True(t, outsider.Occupied(t, name, p.kind), "Delete has touched it")
	}}
}

// change returns the change that an adapter must return. An update is that from value to other.
func (p port[V]) change(action topology.Action, name string, before, after any) topology.Change {
	c := topology.Change{Kind: p.kind, Name: name, Action: action, Before: before, After: after}
	if action == topology.Updated {
		c.Fields = []topology.FieldChange{p.differs}
	}
	return c
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

// scratchValue overwrites a value of a change.
func (p port[V]) scratchValue(t T, value any) {
	t.Helper()
	typed, ok := value.(V)
	require.True(t, ok, "the value is a %T", value)
	p.scratch(typed)
}
