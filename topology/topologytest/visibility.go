package topologytest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// VisibilityTopology is what ReadVisibility tests.
type VisibilityTopology interface {
	Base
	topology.ReadVisibility
	topology.Authorizer
}

// ReadVisibility checks the rules of topology.ReadVisibility.
func ReadVisibility[P VisibilityTopology](t *testing.T, h Harness[P]) {
	runChecks(t, visibilityChecks(h))
}

func visibilityChecks[P VisibilityTopology](h Harness[P]) []check {
	readers := func(name, group string) topology.ClusterReaders {
		return topology.ClusterReaders{Tenant: name, Groups: []string{group, "shared"}}
	}
	p := port[topology.ClusterReaders]{
		kind: "ClusterReaders", read: h.Topology.ClusterReaders, ensure: h.Topology.EnsureClusterReaders, remove: h.Topology.DeleteClusterReaders,
		dryEnsure: h.DryRun.EnsureClusterReaders, dryRemove: h.DryRun.DeleteClusterReaders,
		value:   func(name string) topology.ClusterReaders { return readers(name, "a") },
		other:   func(name string) topology.ClusterReaders { return readers(name, "b") },
		differs: topology.FieldChange{Path: "groups", From: `["a","shared"]`, To: `["b","shared"]`},
		scratch: func(r topology.ClusterReaders) { clear(r.Groups) },
		place: func(t T) string {
			name := newName()
			t.Cleanup(func() { _, _ = h.Topology.DeleteClusterReaders(context.Background(), name) })
			return name
		},
		loose: true,
	}
	return slices.Concat(contents(h.Outsider, p), []check{
		nothingWanted(p, func(name string) topology.ClusterReaders { return topology.ClusterReaders{Tenant: name} }),
		{"cluster readers read workloads anywhere, no secrets, and write nothing", func(t T) {
			group, where := newName(), newNamespace(t, h.Topology)
			_, err := p.ensure(t.Context(), topology.ClusterReaders{Tenant: p.place(t), Groups: []string{group}})
			require.NoError(t, err)
			ask := asker{t, h.Topology, rbac.Question{Groups: []string{group}, Namespace: where}}
			ask.becomes(true, "list", "apps", "deployments")
			ask.is(true, "get", "", "pods", "")
			ask.is(false, "create", "", "pods", "")
			ask.is(false, "get", "", "secrets", "")
			ask.is(false, "get", "", "configmaps", "")
			ask.is(false, "get", "", "pods", "log")
		}},
		{"a group that two tenants share keeps the right until both have lost it", func(t T) {
			group, where, one, two := newName(), newNamespace(t, h.Topology), p.place(t), p.place(t)
			ask := asker{t, h.Topology, rbac.Question{Groups: []string{group}, Namespace: where}}
			for _, name := range []string{one, two} {
				_, err := p.ensure(t.Context(), topology.ClusterReaders{Tenant: name, Groups: []string{group}})
				require.NoError(t, err)
			}
			_, err := p.remove(t.Context(), one)
			require.NoError(t, err)
			p.requireStored(t, two, topology.ClusterReaders{Tenant: two, Groups: []string{group}})
			ask.becomes(true, "list", "", "pods")
			_, err = p.remove(t.Context(), two)
			require.NoError(t, err)
			ask.becomes(false, "list", "", "pods")
		}},
	})
}

// asker asks one subject's questions.
type asker struct {
	t        T
	top      topology.Authorizer
	question rbac.Question
}

func (a asker) may(verb, group, resource, subresource string) bool {
	a.t.Helper()
	q := a.question
	q.Verb, q.APIGroup, q.Resource, q.Subresource = verb, group, resource, subresource
	answer, err := a.top.Authorize(a.t.Context(), q)
	require.NoError(a.t, err)
	return answer.Allowed
}

func (a asker) is(allowed bool, verb, group, resource, subresource string) {
	a.t.Helper()
	require.Equal(a.t, allowed, a.may(verb, group, resource, subresource), "%s %s.%s/%s", verb, resource, group, subresource)
}

// becomes waits, since an infrastructure takes a moment to learn of a change.
func (a asker) becomes(allowed bool, verb, group, resource string) {
	a.t.Helper()
	eventually(a.t, verb+" "+resource, func() bool { return a.may(verb, group, resource, "") == allowed })
}

// AuthorizerTopology is what Authorizer tests.
type AuthorizerTopology interface {
	AccessTopology
	topology.Authorizer
}

// Authorizer checks the rules of topology.Authorizer.
func Authorizer[P AuthorizerTopology](t *testing.T, h Harness[P]) {
	runChecks(t, authorizerChecks(h))
}

func authorizerChecks[P AuthorizerTopology](h Harness[P]) []check {
	p := accessPort(h)
	return []check{
		{"a grant allows what its rules say, to its subjects, in its namespace, and nothing else", func(t T) {
			name, other := p.place(t), p.place(t)
			p.store(t, name)
			devs := asker{t, h.Topology, rbac.Question{User: "bob", Groups: []string{"devs"}, Namespace: name}}
			devs.becomes(true, "list", "", "pods")
			devs.is(true, "get", "apps", "deployments", "")
			devs.is(true, "get", "", "pods", "log")
			devs.is(false, "create", "", "pods", "")
			devs.is(false, "get", "batch", "pods", "")
			devs.is(false, "get", "", "pods", "exec")
			devs.is(false, "get", "", "secrets", "")
			devs.question.Namespace = other
			devs.is(false, "get", "", "pods", "")
			devs.question.Namespace = ""
			devs.is(false, "get", "", "pods", "")

			bot := asker{t, h.Topology, rbac.Question{User: "system:serviceaccount:ci:bot", Namespace: name}}
			bot.is(true, "list", "", "pods", "")
			alice := asker{t, h.Topology, rbac.Question{User: "alice@example.com", Namespace: name}}
			alice.is(true, "get", "", "pods", "")
			alice.is(false, "list", "", "pods", "")
			stranger := asker{t, h.Topology, rbac.Question{User: "devs", Groups: []string{"bob"}, Namespace: name}}
			stranger.is(false, "get", "", "pods", "")
		}},
		{"what was withdrawn is no longer allowed", func(t T) {
			name := p.place(t)
			p.store(t, name)
			devs := asker{t, h.Topology, rbac.Question{Groups: []string{"devs"}, Namespace: name}}
			devs.becomes(true, "list", "", "pods")
			_, err := p.remove(t.Context(), name)
			require.NoError(t, err)
			devs.becomes(false, "list", "", "pods")
		}},
		{"an allowed answer names its reason", func(t T) {
			name := p.place(t)
			p.store(t, name)
			q := rbac.Question{Groups: []string{"devs"}, Namespace: name, Verb: "get", Resource: "pods"}
			eventually(t, "the reason", func() bool {
				answer, err := h.Topology.Authorize(t.Context(), q)
				require.NoError(t, err)
				return answer.Allowed && answer.Reason != ""
			})
			q.Groups = []string{"system:masters"} // whom no grant names
			answer, err := h.Topology.Authorize(t.Context(), q)
			require.NoError(t, err)
			require.True(t, answer.Allowed)
			require.NotEmpty(t, answer.Reason)
		}},
		{"a question that asks nothing is ErrInvalid", func(t T) {
			for _, q := range []rbac.Question{{}, {User: "bob", Verb: "get"}, {User: "bob", Resource: "pods"}, {Verb: "get", Resource: "pods"}} {
				_, err := h.Topology.Authorize(t.Context(), q)
				requireError(t, err, topology.ErrInvalid)
			}
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Authorize(cancelled(t), rbac.Question{User: "bob", Verb: "get", Resource: "pods"})
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
