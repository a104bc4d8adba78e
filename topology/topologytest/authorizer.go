package topologytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// AuthorizerTopology is what Authorizer needs: also AccessControl, to grant rights.
type AuthorizerTopology interface {
	topology.AccessControl
	topology.Authorizer
}

// Authorizer checks the rules of topology.Authorizer.
func Authorizer[P AuthorizerTopology](t *testing.T, h Harness[P]) {
	RunCases(t, authorizerCases(h))
}

func authorizerCases[P AuthorizerTopology](h Harness[P]) []Case {
	p := accessPort(h)
	return []Case{
		{"A grant allows what its rules say, to its subjects, in its namespace, and nothing else", func(t T) {
			requireGranted(t, h, p)
		}},
		{"A right that was withdrawn is no longer allowed", func(t T) {
			name := p.place(t)
			p.store(t, name)
			devs := Principal{t, h.Topology, rbac.Question{Groups: []string{"devs"}, Namespace: name}}
			devs.RequireSoon(true, "list", "", "pods")
			_, err := p.remove(t.Context(), name)
			require.NoError(t, err)
			devs.RequireSoon(false, "list", "", "pods")
		}},
		{"An answer that allows names its reason", func(t T) {
			name := p.place(t)
			p.store(t, name)
			q := rbac.Question{Groups: []string{"devs"}, Namespace: name, Verb: "get", Resource: "pods"}
			Eventually(t, "the reason", func() bool {
				answer, err := h.Topology.Authorize(t.Context(), q)
				require.NoError(t, err)
				return answer.Allowed && answer.Reason != ""
			})
			q.Groups = []string{"system:masters"} // no grant names this group
			answer, err := h.Topology.Authorize(t.Context(), q)
			require.NoError(t, err)
			require.True(t, answer.Allowed)
			require.NotEmpty(t, answer.Reason)
		}},
		{"A question that is not valid is ErrInvalid", func(t T) {
			for _, q := range []rbac.Question{
				{}, {User: "bob", Verb: "get"}, {User: "bob", Resource: "pods"}, {Verb: "get", Resource: "pods"},
			} {
				_, err := h.Topology.Authorize(t.Context(), q)
				RequireError(t, err, topology.ErrInvalid)
			}
		}},
		{"A cancelled context gets no answer", func(t T) {
			q := rbac.Question{User: "bob", Verb: "get", Resource: "pods"}
			_, err := h.Topology.Authorize(cancelled(t), q)
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}

// requireGranted checks the rights that the value of p gives, and similar rights that it does not
// give.
func requireGranted[P AuthorizerTopology](t T, h Harness[P], p port[topology.Access]) {
	t.Helper()
	name, other := p.place(t), p.place(t)
	p.store(t, name)
	principal := func(user string, groups ...string) Principal {
		return Principal{t, h.Topology, rbac.Question{User: user, Groups: groups, Namespace: name}}
	}
	devs := principal("bob", "devs")
	devs.RequireSoon(true, "list", "", "pods")
	devs.Require(true, "get", "apps", "deployments", "")
	devs.Require(true, "get", "", "pods", "log")
	devs.Require(false, "create", "", "pods", "")
	devs.Require(false, "get", "batch", "pods", "")
	devs.Require(false, "get", "", "pods", "exec")
	devs.Require(false, "get", "", "secrets", "")
	for _, elsewhere := range []string{other, ""} {
		devs.Question.Namespace = elsewhere
		devs.Require(false, "get", "", "pods", "")
	}
	principal("system:serviceaccount:ci:bot").Require(true, "list", "", "pods", "")
	alice := principal("alice@example.com")
	alice.Require(true, "get", "", "pods", "")
	alice.Require(false, "list", "", "pods", "")
	principal("devs", "bob").Require(false, "get", "", "pods", "") // the names of others
}
