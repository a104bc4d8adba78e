package topologytest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// GrantsTopology is what GrantsInForce needs: grants of both kinds, and someone to compare answers
// with.
type GrantsTopology interface {
	topology.AccessControl
	topology.Authorizer
	topology.ReadVisibility
	topology.GrantsInForce
}

// GrantsInForce checks the rules of topology.GrantsInForce.
func GrantsInForce[P GrantsTopology](t *testing.T, h Harness[P]) {
	RunCases(t, grantCases(h))
}

func grantCases[P GrantsTopology](h Harness[P]) []Case {
	g := grants{top: h.Topology, outsider: h.Outsider, access: accessPort(h), newNamespace: h.newNamespace}
	return slices.Concat(g.listCases(), g.withdrawCases(), g.answerCases())
}

type grants struct {
	top          GrantsTopology
	outsider     Outsider
	access       port[topology.Access]
	newNamespace func(T) string
}

// stored returns a namespace with the grants of the access port.
func (g grants) stored(t T) string {
	t.Helper()
	name := g.access.place(t)
	g.access.store(t, name)
	return name
}

// ensured returns the bindings that stored leads to, without their names.
func (g grants) ensured(name string) []rbac.Binding {
	var all []rbac.Binding
	for _, grant := range g.access.value(name).Grants {
		all = append(all, rbac.Binding{
			Kind: rbac.RoleBinding, Namespace: name, Role: rbac.RoleRef{Kind: rbac.Role},
			Managed: true, TenantRole: grant.Role, Rules: grant.Rules, Subjects: grant.Subjects,
		})
	}
	return all
}

// unnamed returns the bindings of a namespace without their names and the names of their roles. An
// adapter chooses these, but each must have one of its own.
func unnamed(t T, bindings []rbac.Binding) []rbac.Binding {
	t.Helper()
	bindings = slices.Clone(bindings)
	names, roles := map[string]bool{"": true}, map[string]bool{"": true}
	for i := range bindings {
		b := &bindings[i]
		require.False(t, names[b.Name], "the name %q is missing or used twice", b.Name)
		require.False(t, roles[b.Role.Name], "the name %q of a role is missing or used twice", b.Role.Name)
		names[b.Name], roles[b.Role.Name] = true, true
		b.Name, b.Role.Name = "", ""
	}
	return bindings
}

// newReaders returns a tenant with a group of cluster readers of the same name.
func (g grants) newReaders(t T) string {
	t.Helper()
	name := newReadersPlace(t, g.top)
	want := topology.ClusterReaders{Tenant: name, Groups: []string{name}}
	_, err := g.top.EnsureClusterReaders(t.Context(), want)
	require.NoError(t, err)
	return name
}

func allGrants(t T, top topology.GrantsInForce) []rbac.Binding {
	t.Helper()
	all, err := top.GrantsInForce(t.Context())
	require.NoError(t, err)
	return all
}

// grantsIn returns the bindings of a namespace; without a name, those that belong to none.
func grantsIn(t T, top topology.GrantsInForce, namespace string) []rbac.Binding {
	t.Helper()
	return slices.DeleteFunc(allGrants(t, top), func(b rbac.Binding) bool { return b.Namespace != namespace })
}

// foreignGrant is one that Polyphony does not manage, with a resource name and every kind of
// subject.
func foreignGrant() topology.Grant {
	return topology.Grant{
		Role: "leak",
		Rules: []rbac.Rule{{
			APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"},
			ResourceNames: []string{"one"},
		}},
		Subjects: []rbac.Subject{
			{Kind: rbac.User, Name: "mallory"}, {Kind: rbac.Group, Name: "everybody"},
			{Kind: rbac.ServiceAccount, Namespace: "ci", Name: "bot"}, {Kind: rbac.ServiceAccount, Name: "own"},
		},
	}
}

func (g grants) listCases() []Case {
	return []Case{
		{"Ensured grants are listed with their binding, role, rules and subjects", func(t T) {
			name := g.stored(t)
			require.ElementsMatch(t, g.ensured(name), unnamed(t, grantsIn(t, g.top, name)))
		}},
		{"Foreign grants are listed too, and service accounts with their namespace", func(t T) {
			name, leak := g.newNamespace(t), foreignGrant()
			g.outsider.Grant(t, name, leak)
			leak.Subjects[3].Namespace = name
			require.Equal(t, []rbac.Binding{{
				Kind: rbac.RoleBinding, Namespace: name, Name: "leak", Role: rbac.RoleRef{Kind: rbac.Role, Name: "leak"},
				Rules: leak.Rules, Subjects: leak.Subjects,
			}}, grantsIn(t, g.top, name))
		}},
		{"Bindings are sorted, so that answers name the same binding every time", func(t T) {
			name := g.stored(t)
			g.outsider.Grant(t, name, topology.Grant{Role: "b"})
			g.outsider.Grant(t, name, topology.Grant{Role: "a"})
			require.True(t, slices.IsSortedFunc(allGrants(t, g.top), rbac.Binding.Compare))
			require.Len(t, grantsIn(t, g.top, name), 4)
		}},
		{"Values are not aliased", func(t T) {
			name := g.stored(t)
			before := grantsIn(t, g.top, name)
			for _, b := range grantsIn(t, g.top, name) {
				b.Rules[0].Verbs[0] = "*"
				b.Rules[0] = rbac.Rule{}
				b.Subjects[0].Name = "everybody"
			}
			require.Len(t, before, 2)
			require.ElementsMatch(t, g.ensured(name), unnamed(t, grantsIn(t, g.top, name)))
		}},
		{"A cancelled context gets no answer", func(t T) {
			_, err := g.top.GrantsInForce(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}

func (g grants) withdrawCases() []Case {
	return []Case{
		{"A grant that was withdrawn is gone, and those of others stay", func(t T) {
			name, other := g.stored(t), g.stored(t)
			g.outsider.Grant(t, name, foreignGrant())
			foreign := func() []rbac.Binding {
				all := grantsIn(t, g.top, name)
				return slices.DeleteFunc(all, func(b rbac.Binding) bool { return b.Managed })
			}
			managed := func() []rbac.Binding {
				all := grantsIn(t, g.top, name)
				return slices.DeleteFunc(all, func(b rbac.Binding) bool { return !b.Managed })
			}
			before := foreign()
			require.Len(t, before, 1)
			less := g.access.value(name)
			less.Grants = less.Grants[1:]
			_, err := g.access.ensure(t.Context(), less)
			require.NoError(t, err)
			require.Equal(t, g.ensured(name)[1:], unnamed(t, managed()))
			_, err = g.access.remove(t.Context(), name)
			require.NoError(t, err)
			require.Empty(t, managed())
			require.Equal(t, before, foreign(), "Polyphony does not manage this grant")
			require.ElementsMatch(t, g.ensured(other), unnamed(t, grantsIn(t, g.top, other)))
		}},
		{"Cluster readers are listed without a namespace, until there are none", func(t T) {
			name := g.newReaders(t)
			reader := rbac.Subject{Kind: rbac.Group, Name: name}
			everywhere := slices.DeleteFunc(grantsIn(t, g.top, ""), func(b rbac.Binding) bool {
				return !slices.Contains(b.Subjects, reader)
			})
			require.Len(t, everywhere, 1)
			require.Equal(t, rbac.ClusterRoleBinding, everywhere[0].Kind)
			require.Equal(t, rbac.ClusterRole, everywhere[0].Role.Kind)
			require.True(t, everywhere[0].Managed)
			require.Equal(t, topology.ClusterReadRules(), everywhere[0].Rules)
			_, err := g.top.DeleteClusterReaders(t.Context(), name)
			require.NoError(t, err)
			for _, b := range grantsIn(t, g.top, "") {
				require.NotContains(t, b.Subjects, reader)
			}
		}},
	}
}
