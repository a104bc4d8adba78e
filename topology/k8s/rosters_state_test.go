package k8s_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

func ofRoster(roster string) metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: topology.LabelRoster + "=" + roster}
}

// namespacesOf returns the namespaces with the label of a roster.
func namespacesOf(t *testing.T, client *kubernetes.Clientset, roster string) []corev1.Namespace {
	t.Helper()
	list, err := client.CoreV1().Namespaces().List(t.Context(), ofRoster(roster))
	require.NoError(t, err)
	return list.Items
}

// states returns the state of each tenant of a roster, without what differs between tenants.
func states(t *testing.T, client *kubernetes.Clientset, roster string) map[string]string {
	t.Helper()
	inside, all := contents(t, client, ""), map[string]string{}
	for _, ns := range namespacesOf(t, client, roster) {
		delete(ns.Labels, topology.LabelRoster)
		has := map[string]any{"labels": ns.Labels, "annotations": ns.Annotations}
		maps.Copy(has, inside[ns.Name])
		all[ns.Name] = nameless(t, has, ns.Name)
	}
	return all
}

// undisturbed returns the state of a roster's first tenant after a run for it alone, without
// faults.
func undisturbed(t *testing.T, client *kubernetes.Clientset, top *k8s.Topology, s roster.Score) string {
	t.Helper()
	s.Tenants = s.Tenants[:1]
	name := s.Tenants[0].TenantConfig.Name
	_, err := score.Run(t.Context(), s.On(patient{top.Snapshot()}))
	require.NoError(t, err)
	require.Equal(t, []string{
		"binding polyphony-admin", "binding polyphony-developer", "binding polyphony-viewer", "limits polyphony", "policy polyphony", "quota polyphony",
		"role polyphony-admin", "role polyphony-developer", "role polyphony-viewer",
	}, slices.Sorted(maps.Keys(contents(t, client, name)[name])))
	return states(t, client, s.ID)[name]
}

// requireConverged requires exactly the tenants of a roster, each with the wanted state.
func requireConverged(t *testing.T, client *kubernetes.Clientset, s roster.Score, want string) {
	t.Helper()
	have := states(t, client, s.ID)
	require.Len(t, have, len(s.Tenants))
	for _, tenant := range s.Tenants {
		require.Equal(t, want, have[tenant.TenantConfig.Name], tenant.TenantConfig.Name)
	}
	requireNoneOpen(t, client, s.ID)
}

// requireNoneOpen requires every fence of each tenant that anyone has access to. It reads the
// grants first, so a fence that was created after them counts as missing.
func requireNoneOpen(t *testing.T, client *kubernetes.Clientset, roster string) {
	t.Helper()
	ours := metav1.ListOptions{LabelSelector: topology.LabelTenant}
	bindings, err := client.RbacV1().RoleBindings("").List(t.Context(), ours)
	require.NoError(t, err)
	open := map[string][]rbacv1.RoleBinding{}
	for _, b := range bindings.Items {
		open[b.Namespace] = append(open[b.Namespace], b)
	}
	policies, err := client.NetworkingV1().NetworkPolicies("").List(t.Context(), ours)
	require.NoError(t, err)
	limits, err := client.CoreV1().LimitRanges("").List(t.Context(), ours)
	require.NoError(t, err)
	quotas, err := client.CoreV1().ResourceQuotas("").List(t.Context(), ours)
	require.NoError(t, err)

	fences := map[string][]metav1.Object{}
	for i := range policies.Items {
		fences[policies.Items[i].Namespace] = append(fences[policies.Items[i].Namespace], &policies.Items[i])
	}
	for i := range limits.Items {
		fences[limits.Items[i].Namespace] = append(fences[limits.Items[i].Namespace], &limits.Items[i])
	}
	inForce := map[string]bool{}
	for _, q := range quotas.Items {
		inForce[q.Namespace] = equality.Semantic.DeepEqual(q.Spec.Hard, q.Status.Hard)
	}
	for _, ns := range namespacesOf(t, client, roster) {
		if len(open[ns.Name]) == 0 {
			continue
		}
		require.True(t, inForce[ns.Name], "%s: access before the quota is in force", ns.Name)
		require.Len(t, fences[ns.Name], 2, "%s: access without network rules or limits", ns.Name)
		for _, fence := range fences[ns.Name] {
			for _, b := range open[ns.Name] {
				order, err := resourceversion.CompareResourceVersion(fence.GetResourceVersion(), b.ResourceVersion)
				require.NoError(t, err)
				require.Negative(t, order, "%s: access before network rules or limits", ns.Name)
			}
		}
	}
}
