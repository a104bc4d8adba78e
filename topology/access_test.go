package topology_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestAccessQuestionCheck(t *testing.T) {
	tests := []struct {
		name     string
		question rbac.Question
		ok       bool
	}{
		{"user", rbac.Question{User: "jane", Verb: "get", Resource: "pods"}, true},
		{"groups", rbac.Question{Groups: []string{"devs"}, Verb: "get", Resource: "pods"}, true},
		{"everything", rbac.Question{User: "jane", Groups: []string{"devs"}, Verb: "get", APIGroup: "apps", Resource: "deployments",
			Subresource: "scale", Namespace: "acme", Name: "web"}, true},
		{"nobody", rbac.Question{Verb: "get", Resource: "pods", Namespace: "acme"}, false},
		{"empty list of groups", rbac.Question{Groups: []string{}, Verb: "get", Resource: "pods", Namespace: "acme"}, false},
		{"no verb", rbac.Question{User: "jane", Resource: "pods", Namespace: "acme"}, false},
		{"no resource", rbac.Question{User: "jane", Verb: "get", Namespace: "acme"}, false},
		{"no resource, but a subresource", rbac.Question{Groups: []string{"devs"}, Verb: "get", Subresource: "log", Namespace: "acme"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.question.Check()
			if tt.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, topology.ErrInvalid)
			require.EqualError(t, err, `ask Access "acme": a question needs a user or groups, a verb and a resource`)
		})
	}
}

// Who reads everywhere reads neither secrets nor what is often as secret, and writes nothing.
func TestClusterReadRulesOnlyRead(t *testing.T) {
	rules := topology.ClusterReadRules()
	require.NotEmpty(t, rules)
	for _, rule := range rules {
		require.Subset(t, []string{"get", "list", "watch"}, rule.Verbs)
		for _, group := range rule.APIGroups {
			require.NotContains(t, group, "*")
		}
		for _, r := range rule.Resources {
			require.NotContains(t, []string{"secrets", "configmaps", "serviceaccounts", "events", "nodes", "*"}, r)
			require.NotContains(t, r, "/", "a subresource")
		}
	}
}

// What ADR-009 calls workloads. Whoever adds to this opens it for every tenant with cluster visibility.
func TestClusterReadRulesAreTheseAlone(t *testing.T) {
	var have []string
	for _, rule := range topology.ClusterReadRules() {
		require.Equal(t, []string{"get", "list", "watch"}, rule.Verbs)
		for _, group := range rule.APIGroups {
			for _, r := range rule.Resources {
				have = append(have, strings.TrimSuffix(r+"."+group, "."))
			}
		}
	}
	require.ElementsMatch(t, []string{
		"namespaces", "pods", "services", "replicationcontrollers", "daemonsets.apps", "deployments.apps", "replicasets.apps", "statefulsets.apps",
		"cronjobs.batch", "jobs.batch", "horizontalpodautoscalers.autoscaling", "ingresses.networking.k8s.io", "poddisruptionbudgets.policy",
	}, have)
}

func TestClusterReadRulesAreNotShared(t *testing.T) {
	before := topology.ClusterReadRules()
	mine := topology.ClusterReadRules()
	mine[0].Resources[0], mine[0].Verbs[0] = "secrets", "delete"
	require.Equal(t, before, topology.ClusterReadRules())
}

func TestAccount(t *testing.T) {
	for subject, want := range map[rbac.Subject][2]string{
		{Kind: rbac.ServiceAccount, Namespace: "ci", Name: "bot"}: {"ci", "bot"},
		{Kind: rbac.User, Name: "system:serviceaccount:ci:bot"}:   {"ci", "bot"},
		{Kind: rbac.Group, Name: "system:serviceaccounts:ci"}:     {"ci", ""},
		{Kind: rbac.User, Name: "system:serviceaccounts:ci"}:      {},
		{Kind: rbac.Group, Name: "system:serviceaccount:ci:bot"}:  {},
		{Kind: rbac.Group, Name: "system:serviceaccounts"}:        {},
		{Kind: rbac.Group, Name: "ci"}:                            {},
		{Kind: rbac.User, Name: "bob"}:                            {},
	} {
		namespace, name := subject.Account()
		require.Equal(t, want, [2]string{namespace, name}, "%+v", subject)
	}
}
