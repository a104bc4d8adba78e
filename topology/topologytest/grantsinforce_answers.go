package topologytest

import (
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func (g grants) answerCases() []Case {
	return []Case{{"Answers that are computed from the bindings are those of Authorize", func(t T) {
		q := grantQuestions{own: g.stored(t), other: g.access.place(t), readers: g.newReaders(t)}
		g.outsider.Grant(t, q.own, q.foreign())
		state := rbac.NewState(allGrants(t, g.top))
		for _, sentinel := range q.sentinels() {
			require.True(t, state.Answer(sentinel).Allowed, "%+v", sentinel)
			Eventually(t, "the grants", func() bool {
				answer, err := g.top.Authorize(t.Context(), sentinel)
				require.NoError(t, err)
				return answer.Allowed
			})
		}
		for _, question := range q.all() {
			answer, err := g.top.Authorize(t.Context(), question)
			require.NoError(t, err)
			require.Equal(t, answer.Allowed, state.Answer(question).Allowed, "%+v: %s", question, answer.Reason)
		}
	}}}
}

// grantQuestions asks about a namespace with the grants of the access port and a foreign one, about
// another namespace, and about the whole infrastructure.
type grantQuestions struct {
	own, other string
	readers    string // a group of cluster readers
}

// foreign returns a grant with what Polyphony's own never have.
func (q grantQuestions) foreign() topology.Grant {
	return topology.Grant{
		Role: "foreign",
		Rules: []rbac.Rule{
			{
				APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"},
				ResourceNames: []string{"one", "two"},
			},
			{APIGroups: []string{"*"}, Resources: []string{"*/scale"}, Verbs: []string{"*"}},
			{APIGroups: []string{"batch"}, Resources: []string{"*"}, Verbs: []string{"list"}},
			{APIGroups: []string{""}, Resources: []string{"services/*"}, Verbs: []string{"get"}}, // matches nothing
		},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "auditors"}, {Kind: rbac.ServiceAccount, Name: "own"}},
	}
}

// sentinels returns questions that are allowed once the infrastructure has learned of every grant.
func (q grantQuestions) sentinels() []rbac.Question {
	pods := rbac.Question{Namespace: q.own, Verb: "get", Resource: "pods"}
	devs, alice, reader := pods, pods, pods
	devs.Groups, alice.User, reader.Groups = []string{"devs"}, "alice@example.com", []string{q.readers}
	return []rbac.Question{
		devs, alice, reader,
		{Groups: []string{"auditors"}, Namespace: q.own, Verb: "get", Resource: "secrets", Name: "one"},
	}
}

// all returns the questions of every principal about every action in every place.
func (q grantQuestions) all() []rbac.Question {
	var all []rbac.Question
	for _, principal := range q.principals() {
		for _, what := range q.actions() {
			for _, where := range []string{q.own, q.other, ""} {
				what.User, what.Groups, what.Namespace = principal.User, principal.Groups, where
				all = append(all, what)
			}
		}
	}
	return all
}

func (q grantQuestions) principals() []rbac.Question {
	return []rbac.Question{
		{User: "bob", Groups: []string{"devs", "others"}},
		{User: "alice@example.com"},
		{User: "devs", Groups: []string{"alice@example.com"}}, // a user and a group with exchanged names
		{User: "system:serviceaccount:ci:bot"},
		{User: "system:serviceaccount:" + q.own + ":bot"},
		{User: "system:serviceaccount:" + q.own + ":own"},
		{User: "system:serviceaccount:" + q.other + ":own"},
		{User: "own", Groups: []string{"auditors"}},
		{Groups: []string{q.readers}},
		{Groups: []string{"system:masters"}},
	}
}

func (q grantQuestions) actions() []rbac.Question {
	return []rbac.Question{
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
	}
}
