package topologytest

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// ownerCases check namespaces that Polyphony does not manage.
func (n namespaces) ownerCases() []Case {
	return []Case{
		{"A foreign namespace is ErrConflict, which names the owner, and stays untouched", func(t T) {
			want := n.place(t)
			n.outsider.CreateNamespace(t, want.Name, "team-blue")
			before := n.read(t, want.Name)
			require.False(t, before.Managed)
			_, err := n.top.EnsureNamespace(t.Context(), want)
			RequireError(t, err, topology.ErrConflict)
			require.ErrorContains(t, err, "team-blue")
			_, err = n.top.DeleteNamespace(t.Context(), want.Name)
			RequireError(t, err, topology.ErrConflict)
			require.Equal(t, before, n.read(t, want.Name))
		}},
		{"Adopt takes a foreign namespace over, and the change names the label", func(t T) {
			want := n.place(t)
			n.outsider.CreateNamespace(t, want.Name, "team-blue")
			want.Adopt = true
			change := n.ensure(t, want)
			require.Equal(t, topology.Updated, change.Action)
			require.True(t, slices.ContainsFunc(change.Fields, func(f topology.FieldChange) bool {
				return f.Path == "metadata.labels["+topology.LabelTenant+"]" && f.From == "" && f.To != ""
			}), "%v", change.Fields)
			before, ok := change.Before.(topology.Namespace)
			require.True(t, ok)
			require.False(t, before.Managed)
			after, ok := change.After.(topology.Namespace)
			require.True(t, ok)
			require.True(t, after.Managed)
			require.True(t, n.read(t, want.Name).Managed)
			want.Adopt = false
			require.Equal(t, topology.Unchanged, n.ensure(t, want).Action)
		}},
	}
}

// rosterCases check the roster of a namespace.
func (n namespaces) rosterCases() []Case {
	return []Case{
		{"A namespace of another roster is ErrConflict and stays untouched", func(t T) {
			want := n.place(t)
			want.Roster = "one"
			n.ensure(t, want)
			other := want.Clone()
			other.Roster, other.DisplayName = "two", "Other"
			_, err := n.top.EnsureNamespace(t.Context(), other)
			RequireError(t, err, topology.ErrConflict)
			require.ErrorContains(t, err, "one")
			have := n.read(t, want.Name)
			require.Equal(t, "one", have.Roster)
			require.Equal(t, want.DisplayName, have.DisplayName)
		}},
		{"Ensure without a roster keeps the stored one, and Ensure with a roster sets it", func(t T) {
			want := n.stored(t)
			require.Empty(t, n.read(t, want.Name).Roster)
			want.Roster = "one"
			require.Equal(t, topology.Updated, n.ensure(t, want).Action)
			want.Roster = ""
			require.Equal(t, topology.Unchanged, n.ensure(t, want).Action)
			require.Equal(t, "one", n.read(t, want.Name).Roster)
		}},
	}
}

// inheritCases check names whose service accounts hold rights elsewhere.
func (n namespaces) inheritCases(newNamespace func(T) string) []Case {
	pods := []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}
	const accounts = "system:serviceaccount"
	return []Case{
		{"A name whose service accounts hold rights elsewhere is ErrConflict, unless InheritGrants is set", func(t T) {
			elsewhere, want := newNamespace(t), n.place(t)
			for i, subject := range []rbac.Subject{
				{Kind: rbac.ServiceAccount, Namespace: want.Name, Name: "bot"},
				{Kind: rbac.User, Name: accounts + ":" + want.Name + ":bot"},
				{Kind: rbac.Group, Name: accounts + "s:" + want.Name},
			} {
				role := fmt.Sprintf("left-over-%d", i)
				left := topology.Grant{Role: role, Subjects: []rbac.Subject{subject}, Rules: pods}
				n.outsider.Grant(t, elsewhere, left)
				for _, ensure := range []func(context.Context, topology.Namespace) (topology.Change, error){
					n.top.EnsureNamespace, n.dry.EnsureNamespace,
				} {
					_, err := ensure(t.Context(), want)
					RequireError(t, err, topology.ErrConflict)
					require.ErrorContains(t, err, role)
				}
				n.requireMissing(t, want.Name)
			}
			require.Equal(t, topology.Created, n.ensure(t, n.place(t)).Action, "another name")
			want.InheritGrants = true
			require.Equal(t, topology.Created, n.ensure(t, want).Action)
			want.InheritGrants = false
			require.Equal(t, topology.Unchanged, n.ensure(t, want).Action, "the namespace exists, so the grants are its own")
		}},
	}
}
