package k8s_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/topology/topologytest"
)

const (
	// eventuallyWait bounds the wait for a controller. Only a failing test waits that long, since
	// no test may depend on how fast something answers.
	eventuallyWait = 3 * time.Minute
	eventuallyTick = 20 * time.Millisecond

	// cleanupTimeout bounds a cleanup, whose context cannot be that of the test.
	cleanupTimeout = 10 * time.Minute
)

// contents returns the objects of each kind in a namespace, or in all of them with "". The keys are
// the namespace, and the kind and name.
func contents(t *testing.T, client *kubernetes.Clientset, namespace string) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	put := func(kind string, o metav1.Object, spec ...any) {
		if all[o.GetNamespace()] == nil {
			all[o.GetNamespace()] = map[string]any{}
		}
		all[o.GetNamespace()][kind+" "+o.GetName()] = append([]any{o.GetLabels()}, spec...)
	}
	quotas, err := client.CoreV1().ResourceQuotas(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, o := range quotas.Items {
		put("quota", &o, o.Spec)
	}
	limits, err := client.CoreV1().LimitRanges(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, o := range limits.Items {
		put("limits", &o, o.Spec)
	}
	policies, err := client.NetworkingV1().NetworkPolicies(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, o := range policies.Items {
		put("policy", &o, o.Spec)
	}
	roles, err := client.RbacV1().Roles(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, o := range roles.Items {
		put("role", &o, o.Rules)
	}
	bindings, err := client.RbacV1().RoleBindings(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, o := range bindings.Items {
		put("binding", &o, o.RoleRef, o.Subjects)
	}
	return all
}

// state returns everything that the cluster stores for a tenant, without what differs between
// tenants.
func state(t *testing.T, client *kubernetes.Clientset, tenant string) string {
	t.Helper()
	ns, err := client.CoreV1().Namespaces().Get(t.Context(), tenant, metav1.GetOptions{})
	require.NoError(t, err)
	all := map[string]any{"labels": ns.Labels, "annotations": ns.Annotations}
	maps.Copy(all, contents(t, client, tenant)[tenant])
	clusterBindings, err := client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, o := range clusterBindings.Items {
		for key, value := range o.Annotations {
			if strings.HasSuffix(key, "/"+tenant) {
				all["readers"] = value
			}
		}
	}
	return nameless(t, all, tenant)
}

// nameless prints the objects of a tenant with TENANT in place of its name.
func nameless(t *testing.T, all map[string]any, tenant string) string {
	t.Helper()
	data, err := json.MarshalIndent(all, "", "  ")
	require.NoError(t, err)
	return strings.ReplaceAll(string(data), tenant, "TENANT")
}

// requireClosed fails if anyone has access to the tenant's namespace although a fence is missing.
func requireClosed(t *testing.T, client *kubernetes.Clientset, tenant string) {
	t.Helper()
	bindings, err := client.RbacV1().RoleBindings(tenant).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	_, err = cluster(t).ClusterReaders(t.Context(), tenant)
	if len(bindings.Items) > 0 || err == nil {
		requireFenced(t, client, tenant)
	}
}

func requireFenced(t *testing.T, client *kubernetes.Clientset, tenant string) {
	t.Helper()
	ns, err := client.CoreV1().Namespaces().Get(t.Context(), tenant, metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "restricted", ns.Labels["pod-security.kubernetes.io/enforce"], "access without pod security")
	quota, err := client.CoreV1().ResourceQuotas(tenant).Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err, "access without a quota")
	require.True(t, equality.Semantic.DeepEqual(quota.Spec.Hard, quota.Status.Hard), "access before the quota is in force")
	_, err = client.CoreV1().LimitRanges(tenant).Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err, "access without limits")
	policy, err := client.NetworkingV1().NetworkPolicies(tenant).Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err, "access without network rules")
	require.Len(t, policy.Spec.PolicyTypes, 2)
	require.Equal(t, metav1.LabelSelector{}, policy.Spec.PodSelector)
	require.Equal(t, []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}}, policy.Spec.Ingress)
	require.Len(t, policy.Spec.Egress, 2, "its own namespace and the name servers")
}

// requireNoAccess fails if the namespace has a grant.
func requireNoAccess(t *testing.T, client *kubernetes.Clientset, tenant string) {
	t.Helper()
	bindings, err := client.RbacV1().RoleBindings(tenant).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, bindings.Items)
}

// removeLater removes the objects of a test from a cluster that outlives it.
func removeLater(t topologytest.T, client *kubernetes.Clientset, name string) {
	if !outlives {
		return // the deletion takes longer than most tests
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		_ = client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}) // it may not exist
	})
}

func isTerminating(ns *corev1.Namespace) bool { return ns.DeletionTimestamp != nil }
