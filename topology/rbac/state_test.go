package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestQuestionValidate(t *testing.T) {
	tests := []struct {
		name     string
		question rbac.Question
		ok       bool
	}{
		{"a user alone", rbac.Question{User: "jane", Verb: "get", Resource: "pods"}, true},
		{"groups alone", rbac.Question{Groups: []string{"devs"}, Verb: "get", Resource: "pods"}, true},
		{"all fields", rbac.Question{
			User: "jane", Groups: []string{"devs"}, Verb: "get", APIGroup: "apps", Resource: "deployments",
			Subresource: "scale", Namespace: "acme", Name: "web",
		}, true},
		{"neither a user nor groups", rbac.Question{Verb: "get", Resource: "pods", Namespace: "acme"}, false},
		{"an empty list of groups", rbac.Question{Groups: []string{}, Verb: "get", Resource: "pods", Namespace: "acme"}, false},
		{"a missing verb", rbac.Question{User: "jane", Resource: "pods", Namespace: "acme"}, false},
		{"a missing resource", rbac.Question{User: "jane", Verb: "get", Namespace: "acme"}, false},
		{"a subresource without a resource", rbac.Question{
			Groups: []string{"devs"}, Verb: "get", Subresource: "log", Namespace: "acme",
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.question.Validate()
			if tt.ok {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, "a question needs a user or groups, a verb and a resource")
		})
	}
}

func TestStateAnswer(t *testing.T) {
	pods := []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}}
	devs := []rbac.Subject{{Kind: rbac.User, Name: "bob"}, {Kind: rbac.Group, Name: "devs"}}
	state := rbac.NewState([]rbac.Binding{
		{Kind: rbac.RoleBinding, Namespace: "acme", Name: "no-rules", Subjects: devs},
		{
			Kind: rbac.RoleBinding, Namespace: "acme", Name: "own", Rules: pods, Subjects: devs,
			Role: rbac.RoleRef{Kind: rbac.Role, Name: "pods"},
		},
		{
			Kind: rbac.ClusterRoleBinding, Name: "everywhere", Rules: pods,
			Role:     rbac.RoleRef{Kind: rbac.ClusterRole, Name: "view"},
			Subjects: []rbac.Subject{{Kind: rbac.ServiceAccount, Namespace: "ci", Name: "bot"}},
		},
	})
	tests := []struct {
		name     string
		question rbac.Question
		want     rbac.Answer
	}{
		{
			"a group in the namespace of the binding",
			rbac.Question{User: "jane", Groups: []string{"devs"}, Verb: "get", Resource: "pods", Namespace: "acme"},
			rbac.Answer{Allowed: true, Reason: "RoleBinding acme/own grants get pods (Role acme/pods) to Group devs"},
		},
		{
			"the same group in another namespace",
			rbac.Question{User: "jane", Groups: []string{"devs"}, Verb: "get", Resource: "pods", Namespace: "globex"},
			rbac.Answer{Reason: "nothing grants it"},
		},
		{
			"the same group in all namespaces",
			rbac.Question{User: "jane", Groups: []string{"devs"}, Verb: "get", Resource: "pods"},
			rbac.Answer{Reason: "nothing grants it"},
		},
		{
			"another verb",
			rbac.Question{User: "bob", Verb: "delete", Resource: "pods", Namespace: "acme"},
			rbac.Answer{Reason: "nothing grants it"},
		},
		{
			"a service account under its user name, everywhere",
			rbac.Question{User: "system:serviceaccount:ci:bot", Verb: "get", Resource: "pods"},
			rbac.Answer{
				Allowed: true,
				Reason:  "ClusterRoleBinding everywhere grants get pods (ClusterRole view) to ServiceAccount ci/bot",
			},
		},
		{
			"the group that may do everything",
			rbac.Question{User: "root", Groups: []string{"system:masters"}, Verb: "delete", Resource: "nodes"},
			rbac.Answer{Allowed: true, Reason: "the group system:masters may do everything"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, state.Answer(tt.question))
		})
	}
}
