package topology_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// Secrets and resources that are often as confidential are left out.
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

// These are what cluster readers call workloads. An addition opens them for every tenant with
// cluster visibility. Source: the read-visibility ADR, "What IS Enforced"; see docs/sources.md.
func TestClusterReadRulesAreWorkloads(t *testing.T) {
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
		"namespaces", "pods", "services", "replicationcontrollers",
		"daemonsets.apps", "deployments.apps", "replicasets.apps", "statefulsets.apps",
		"cronjobs.batch", "jobs.batch", "horizontalpodautoscalers.autoscaling",
		"ingresses.networking.k8s.io", "poddisruptionbudgets.policy",
	}, have)
}

func TestClusterReadRulesReturnsACopy(t *testing.T) {
	before := topology.ClusterReadRules()
	mine := topology.ClusterReadRules()
	mine[0].Resources[0], mine[0].Verbs[0] = "secrets", "delete"
	require.Equal(t, before, topology.ClusterReadRules())
}
