package topologytest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// shortWait is how long a case first waits to see that something does not happen.
const shortWait = 3 * time.Second

func (n namespaces) deleteCases() []Case {
	return []Case{
		{"Delete removes the namespace and returns it, and a second Delete changes nothing", func(t T) {
			want := n.stored(t)
			change, err := n.top.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			RequireChange(t, namespaceChange(topology.Deleted, want, want), change)
			require.NoError(t, n.top.AwaitNamespaceGone(t.Context(), want.Name))
			n.requireMissing(t, want.Name)
			change, err = n.top.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			RequireChange(t, namespaceChange(topology.Unchanged, want, want), change)
		}},
		{"A protected namespace is ErrProtected and stays", func(t T) {
			want := n.place(t)
			want.Protected = true
			n.ensure(t, want)
			_, err := n.top.DeleteNamespace(t.Context(), want.Name)
			RequireError(t, err, topology.ErrProtected)
			require.False(t, n.read(t, want.Name).Terminating)
			want.Protected = false
			n.ensure(t, want)
		}},
		{"AwaitNamespaceGone waits for a namespace that is held, and ErrTimeout names what holds it", func(t T) {
			want := n.stored(t)
			n.outsider.Hold(t, want.Name)
			_, err := n.top.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			require.True(t, n.read(t, want.Name).Terminating)
			_ = RequireTimeout(t, shortWait, "example.com/hold", func(limit time.Duration) error {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				return n.top.AwaitNamespaceGone(ctx, want.Name)
			})
			_, err = n.top.EnsureNamespace(t.Context(), want)
			RequireError(t, err, topology.ErrTerminating)
			n.outsider.Release(t, want.Name)
			require.NoError(t, n.top.AwaitNamespaceGone(t.Context(), want.Name))
		}},
	}
}

func (n namespaces) robustnessCases() []Case {
	return []Case{
		{"A cancelled context changes nothing", func(t T) {
			want := n.place(t)
			_, err := n.top.EnsureNamespace(cancelled(t), want)
			require.ErrorIs(t, err, context.Canceled)
			n.requireMissing(t, want.Name)
			n.ensure(t, want)
			_, err = n.top.DeleteNamespace(cancelled(t), want.Name)
			require.ErrorIs(t, err, context.Canceled)
			require.False(t, n.read(t, want.Name).Terminating)
		}},
		{"Concurrent calls of Ensure converge without an error", func(t T) {
			want := n.place(t)
			ensure := func() error { _, err := n.top.EnsureNamespace(t.Context(), want); return err }
			for _, err := range AtOnce(6, ensure) {
				require.NoError(t, err)
			}
			require.Empty(t, adapter.Diff(want, n.read(t, want.Name)))
		}},
	}
}

// scratchNamespace overwrites everything that the value refers to.
func scratchNamespace(ns topology.Namespace) {
	clear(ns.Labels)
	clear(ns.Annotations)
	clear(ns.Allowed.Domains)
	clear(ns.Allowed.StorageClasses)
}

func (n namespaces) aliasCases() []Case {
	return []Case{
		{"Values are not aliased", func(t T) {
			want := n.place(t)
			in := fullNamespace(want.Name)
			n.ensure(t, in)
			scratchNamespace(in)
			out := n.read(t, want.Name)
			require.Empty(t, adapter.Diff(want, out))
			scratchNamespace(out)
			require.Empty(t, adapter.Diff(want, n.read(t, want.Name)))
		}},
		{"The values of a change are not aliased", func(t T) {
			want := n.place(t)
			in := fullNamespace(want.Name)
			created := n.ensure(t, in)
			scratchNamespace(in)
			RequireChange(t, namespaceChange(topology.Created, want, want), created)
			scratchNamespace(created.After.(topology.Namespace)) //nolint:forcetypeassert // RequireChange has checked it
			require.Empty(t, adapter.Diff(want, n.read(t, want.Name)))
			other := fullNamespace(want.Name)
			other.DisplayName = "Other"
			planned, err := n.dry.EnsureNamespace(t.Context(), other)
			require.NoError(t, err)
			before, ok := planned.Before.(topology.Namespace)
			require.True(t, ok)
			scratchNamespace(before)
			require.Empty(t, adapter.Diff(want, n.read(t, want.Name)))
		}},
	}
}

func (n namespaces) dryRunCases() []Case {
	return []Case{
		{"A dry run returns the change that Ensure and Delete would make, and makes none", func(t T) {
			want := n.place(t)
			change, err := n.dry.EnsureNamespace(t.Context(), want)
			require.NoError(t, err)
			RequireChange(t, namespaceChange(topology.Created, want, want), change)
			n.requireMissing(t, want.Name)
			n.ensure(t, want)
			other := fullNamespace(want.Name)
			other.DisplayName = "Other"
			change, err = n.dry.EnsureNamespace(t.Context(), other)
			require.NoError(t, err)
			RequireChange(t, namespaceChange(topology.Updated, want, other,
				topology.FieldChange{Path: "displayName", From: "Acme, Inc.", To: "Other"}), change)
			change, err = n.dry.DeleteNamespace(t.Context(), want.Name)
			require.NoError(t, err)
			RequireChange(t, namespaceChange(topology.Deleted, want, want), change)
			require.NoError(t, n.dry.AwaitNamespaceGone(t.Context(), want.Name))
			have := n.read(t, want.Name)
			require.Empty(t, adapter.Diff(want, have))
			require.False(t, have.Terminating)
		}},
	}
}
