package topologytest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// GrantsTopology is what GrantsInForce tests.
type GrantsTopology interface {
	AuthorizerTopology
	topology.ReadVisibility
	topology.GrantsInForce
}

// GrantsInForce checks the rules of topology.GrantsInForce.
func GrantsInForce[P GrantsTopology](t *testing.T, h Harness[P]) {
	runChecks(t, grantsChecks(h))
}

func grantsChecks[P GrantsTopology](h Harness[P]) []check {
	p := accessPort(h)
	// ensured is what p.store leads to.
	ensured := func(name string) []rbac.Binding {
		var all []rbac.Binding
		for _, g := range p.value(name).Grants {
			role := "polyphony-" + g.Role
			all = append(all, rbac.Binding{
				Kind: rbac.RoleBinding, Namespace: name, Name: role, Role: rbac.RoleRef{Kind: rbac.Role, Name: role},
				Managed: true, TenantRole: g.Role, Rules: g.Rules, Subjects: g.Subjects,
			})
		}
		return all
	}
	return []check{
		{"grants that were ensured are listed with their binding, role, rules and subjects", func(t T) {
			name := p.place(t)
			p.store(t, name)
			require.ElementsMatch(t, ensured(name), grantsIn(t, h.Topology, name))
		}},
		{"somebody else's grants are listed too, service accounts with their namespace", func(t T) {
			name := newNamespace(t, h.Topology)
			leak := topology.Grant{
				Role:  "leak",
				Rules: []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"one"}}},
				Subjects: []rbac.Subject{
					{Kind: rbac.User, Name: "mallory"}, {Kind: rbac.Group, Name: "everybody"},
					{Kind: rbac.ServiceAccount, Namespace: "ci", Name: "bot"}, {Kind: rbac.ServiceAccount, Name: "own"},
				},
			}
			h.Outsider.Grant(t, name, leak)
			leak.Subjects[3].Namespace = name
			require.Equal(t, []rbac.Binding{
				{
					Kind: rbac.RoleBinding, Namespace: name, Name: "leak", Role: rbac.RoleRef{Kind: rbac.Role, Name: "leak"},
					Rules: leak.Rules, Subjects: leak.Subjects,
				},
			}, grantsIn(t, h.Topology, name))
		}},
		{"a grant that was withdrawn is gone, and another's stays", func(t T) {
			name, other := p.place(t), p.place(t)
			p.store(t, name)
			p.store(t, other)
			less := p.value(name)
			less.Grants = less.Grants[1:]
			_, err := p.ensure(t.Context(), less)
			require.NoError(t, err)
			require.Equal(t, ensured(name)[1:], grantsIn(t, h.Topology, name))
			_, err = p.remove(t.Context(), name)
			require.NoError(t, err)
			require.Empty(t, grantsIn(t, h.Topology, name))
			require.ElementsMatch(t, ensured(other), grantsIn(t, h.Topology, other))
		}},
		{"cluster readers are listed without a namespace, until they are none", func(t T) {
			name := newReaders(t, h.Topology)
			reader := rbac.Subject{Kind: rbac.Group, Name: name}
			everywhere := slices.DeleteFunc(grantsIn(t, h.Topology, ""), func(g rbac.Binding) bool { return !slices.Contains(g.Subjects, reader) })
			require.Len(t, everywhere, 1)
			require.Equal(t, rbac.ClusterRoleBinding, everywhere[0].Kind)
			require.Equal(t, rbac.ClusterRole, everywhere[0].Role.Kind)
			require.True(t, everywhere[0].Managed)
			require.Equal(t, topology.ClusterReadRules(), everywhere[0].Rules)
			_, err := h.Topology.DeleteClusterReaders(t.Context(), name)
			require.NoError(t, err)
			for _, g := range grantsIn(t, h.Topology, "") {
				require.NotContains(t, g.Subjects, reader)
			}
		}},
		{"answers from the grants are those of Authorize", func(t T) {
			q := grantQuestions{T: t, own: p.place(t), other: p.place(t), readers: newReaders(t, h.Topology)}
			p.store(t, q.own)
			h.Outsider.Grant(t, q.own, q.foreign())
			state := rbac.NewState(allGrants(t, h.Topology))
			for _, sentinel := range q.sentinels() {
				require.True(t, state.Answer(sentinel).Allowed, "%+v", sentinel)
				eventually(t, "the grants", func() bool {
					answer, err := h.Topology.Authorize(t.Context(), sentinel)
					require.NoError(t, err)
					return answer.Allowed
				})
			}
			for _, question := range q.all() {
				answer, err := h.Topology.Authorize(t.Context(), question)
				require.NoError(t, err)
				require.Equal(t, answer.Allowed, state.Answer(question).Allowed, "%+v: %s", question, answer.Reason)
			}
		}},
		{"grants are sorted by what grants, so that answers name the same one every time", func(t T) {
			name := p.place(t)
			p.store(t, name)
			h.Outsider.Grant(t, name, topology.Grant{Role: "b"})
			h.Outsider.Grant(t, name, topology.Grant{Role: "a"})
			require.True(t, slices.IsSortedFunc(allGrants(t, h.Topology), rbac.Binding.Compare))
			require.Len(t, grantsIn(t, h.Topology, name), 4)
		}},
		{"values are not aliased", func(t T) {
			name := p.place(t)
			p.store(t, name)
			before := grantsIn(t, h.Topology, name)
			for _, g := range grantsIn(t, h.Topology, name) {
				g.Rules[0].Verbs[0] = "*"
				g.Rules[0] = rbac.Rule{}
				g.Subjects[0].Name = "everybody"
			}
			require.Len(t, before, 2)
			require.ElementsMatch(t, ensured(name), grantsIn(t, h.Topology, name))
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, err := h.Topology.GrantsInForce(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}

// grantQuestions are questions about a namespace of its own, as access of accessPort and a foreign grant leave it, another, and all.
type grantQuestions struct {
	T
	own, other, readers string
}

// foreign is a grant with what those of Polyphony do not have.
func (q grantQuestions) foreign() topology.Grant {
	return topology.Grant{
		Role: "foreign",
		Rules: []rbac.Rule{
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"one", "two"}},
			{APIGroups: []string{"*"}, Resources: []string{"*/scale"}, Verbs: []string{"*"}},
			{APIGroups: []string{"batch"}, Resources: []string{"*"}, Verbs: []string{"list"}},
			{APIGroups: []string{""}, Resources: []string{"services/*"}, Verbs: []string{"get"}}, // which is nothing
		},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "auditors"}, {Kind: rbac.ServiceAccount, Name: "own"}},
	}
}

// sentinels are allowed once the infrastructure has learned of everything.
func (q grantQuestions) sentinels() []rbac.Question {
	pods := rbac.Question{Namespace: q.own, Verb: "get", Resource: "pods"}
	devs, alice, reader := pods, pods, pods
	devs.Groups, alice.User, reader.Groups = []string{"devs"}, "alice@example.com", []string{q.readers}
	return []rbac.Question{devs, alice, reader, {Groups: []string{"auditors"}, Namespace: q.own, Verb: "get", Resource: "secrets", Name: "one"}}
}

// all are those of everybody about everything everywhere.
func (q grantQuestions) all() []rbac.Question {
	var all []rbac.Question
	for _, who := range []rbac.Question{
		{User: "bob", Groups: []string{"devs", "others"}},
		{User: "alice@example.com"},
		{User: "devs", Groups: []string{"alice@example.com"}}, // a stranger
		{User: "system:serviceaccount:ci:bot"},
		{User: "system:serviceaccount:" + q.own + ":bot"},
		{User: "system:serviceaccount:" + q.own + ":own"},
		{User: "system:serviceaccount:" + q.other + ":own"},
		{User: "own", Groups: []string{"auditors"}},
		{Groups: []string{q.readers}},
		{Groups: []string{"system:masters"}},
	} {
		for _, what := range []rbac.Question{
			{Verb: "get", Resource: "pods"},
			{Verb: "get", Resource: "pods", Name: "one"},
			{Verb: "list", Resource: "pods"},
			{Verb: "get", Resource: "pods", Subresource: "log"},
			{Verb: "get", Resource: "pods", Subresource: "exec"},
			{Verb: "get", APIGroup: "apps", Resource: "pods"},
			{Verb: "get", Resource: "secrets"},
			{Verb: "get", Resource: "secrets", Name: "two"},
			{Verb: "get", Resource: "secrets", Name: "three"},
			{Verb: "patch", APIGroup: "apps", Resource: "deployments", Subresource: "scale", Name: "one"},
			{Verb: "patch", APIGroup: "apps", Resource: "deployments"},
			{Verb: "list", APIGroup: "batch", Resource: "jobs", Subresource: "status"},
			{Verb: "get", Resource: "services", Subresource: "proxy"},
			{Verb: "*", APIGroup: "*", Resource: "*"},
		} {
			for _, where := range []string{q.own, q.other, ""} {
				what.User, what.Groups, what.Namespace = who.User, who.Groups, where
				all = append(all, what)
			}
		}
	}
	return all
}

// newReaders makes a tenant of cluster readers, a group of the same name.
func newReaders(t T, top topology.ReadVisibility) string {
	t.Helper()
	name := newName()
	_, err := top.EnsureClusterReaders(t.Context(), topology.ClusterReaders{Tenant: name, Groups: []string{name}})
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = top.DeleteClusterReaders(context.Background(), name) })
	return name
}

func allGrants(t T, top topology.GrantsInForce) []rbac.Binding {
	t.Helper()
	all, err := top.GrantsInForce(t.Context())
	require.NoError(t, err)
	return all
}

// grantsIn are those in a namespace, or those that are in none.
func grantsIn(t T, top topology.GrantsInForce, namespace string) []rbac.Binding {
	t.Helper()
	return slices.DeleteFunc(allGrants(t, top), func(g rbac.Binding) bool { return g.Namespace != namespace })
}
