package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestRuleString(t *testing.T) {
	rule := rbac.Rule{
		APIGroups: []string{"", "metrics.k8s.io"}, Resources: []string{"pods", "pods/log"}, Verbs: []string{"get", "list"},
	}
	require.Equal(t, "get, list pods, pods/log, pods.metrics.k8s.io, pods.metrics.k8s.io/log", rule.String())
	rule = rbac.Rule{
		APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"a", "b"},
	}
	require.Equal(t, "get secrets named a, b", rule.String())
}
