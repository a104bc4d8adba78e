package k8s_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
)

// drifts are changes that an administrator or a tool may make to objects of Polyphony, with the
// path that names each in the report. Values of package topology cannot express most of them.
var drifts = map[string]struct {
	path string
	do   func(t *testing.T, client *kubernetes.Clientset, tenant string)
}{
	"network policy selects some pods only": {
		"spec.podSelector.matchLabels[app]",
		editPolicy(func(s *networkingv1.NetworkPolicySpec) {
			s.PodSelector.MatchLabels = map[string]string{"app": "nothing"}
		}),
	},
	"network policy is about ingress only": {"spec.policyTypes", editPolicy(func(s *networkingv1.NetworkPolicySpec) {
		s.PolicyTypes, s.Egress = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, nil
	})},
	"network policy admits every peer": {"ingress[1]", editPolicy(func(s *networkingv1.NetworkPolicySpec) {
		s.Ingress = append(s.Ingress, networkingv1.NetworkPolicyIngressRule{})
	})},
	"network policy admits by an expression": {
		"spec.ingress[0].from[0].podSelector.matchExpressions[0]",
		editPolicy(func(s *networkingv1.NetworkPolicySpec) {
			s.Ingress[0].From[0].PodSelector.MatchExpressions = []metav1.LabelSelectorRequirement{
				{Key: "a", Operator: metav1.LabelSelectorOpDoesNotExist},
			}
		}),
	},
	"network policy admits every namespace": {
		"ingress[0].peers[0].everyNamespace",
		editPolicy(func(s *networkingv1.NetworkPolicySpec) {
			s.Ingress[0].From[0].NamespaceSelector = &metav1.LabelSelector{}
		}),
	},
	"network policy has a named port": {"egress[1].ports[0].port", editPolicy(func(s *networkingv1.NetworkPolicySpec) {
		s.Egress[1].Ports[0].Port = new(intstr.FromString("dns"))
	})},
	"quota counts best effort pods only": {"hard[requests.cpu]", func(t *testing.T, client *kubernetes.Clientset, tenant string) {
		quotas := client.CoreV1().ResourceQuotas(tenant)
		quota, err := quotas.Get(t.Context(), "polyphony", metav1.GetOptions{})
		require.NoError(t, err)
		require.NoError(t, quotas.Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
		quota.ObjectMeta = metav1.ObjectMeta{Name: quota.Name, Labels: quota.Labels}
		quota.Spec.Scopes, quota.Spec.Hard = []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}, corev1.ResourceList{"pods": quota.Spec.Hard["pods"]}
		_, err = quotas.Create(t.Context(), quota, metav1.CreateOptions{})
		require.NoError(t, err)
	}},
	"role is limited to some names": {"grants[developer].rules[0].resourceNames", editRole(func(r *rbacv1.Role) {
		r.Rules[0].ResourceNames = []string{"only-this"}
	})},
	"role has another rule": {"grants[developer].rules[" + strconv.Itoa(len(tenant.Developer.Rules())) + "]", editRole(func(r *rbacv1.Role) {
		r.Rules = append(r.Rules, rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
	})},
	"binding is to another role": {"grants[developer].roleRef.kind", func(t *testing.T, client *kubernetes.Clientset, tenant string) {
		bindings := client.RbacV1().RoleBindings(tenant)
		binding, err := bindings.Get(t.Context(), "polyphony-developer", metav1.GetOptions{})
		require.NoError(t, err)
		require.NoError(t, bindings.Delete(t.Context(), binding.Name, metav1.DeleteOptions{}))
		binding.ObjectMeta = metav1.ObjectMeta{Name: binding.Name, Labels: binding.Labels}
		binding.RoleRef.Kind, binding.RoleRef.Name = "ClusterRole", "cluster-admin"
		_, err = bindings.Create(t.Context(), binding, metav1.CreateOptions{})
		require.NoError(t, err)
	}},
	"binding has another subject": {"grants[developer].subjects[1]", func(t *testing.T, client *kubernetes.Clientset, tenant string) {
		binding, err := client.RbacV1().RoleBindings(tenant).Get(t.Context(), "polyphony-developer", metav1.GetOptions{})
		require.NoError(t, err)
		binding.Subjects = append(binding.Subjects, rbacv1.Subject{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: "system:authenticated"})
		_, err = client.RbacV1().RoleBindings(tenant).Update(t.Context(), binding, metav1.UpdateOptions{})
		require.NoError(t, err)
	}},
	"pod security is that of an old version": {"metadata.labels[pod-security.kubernetes.io/enforce-version]", patchNamespace(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce-version":"v1.20"}}}`)},
	"pod security is privileged":             {"podSecurity", patchNamespace(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`)},
	"a label of the Score is edited":         {"labels[team]", patchNamespace(`{"metadata":{"labels":{"team":"b"}}}`)},
	"every image is allowed":                 {"allowed.imageRegistries", patchNamespace(`{"metadata":{"annotations":{"allow.tenancy.polyphony.dev/image-registries":"*"}}}`)},
	"the default token is allowed":           {"allowed.defaultToken", patchNamespace(`{"metadata":{"annotations":{"allow.tenancy.polyphony.dev/default-token":"true"}}}`)},
	"something unknown is allowed":           {"metadata.annotations[allow.tenancy.polyphony.dev/later]", patchNamespace(`{"metadata":{"annotations":{"allow.tenancy.polyphony.dev/later":"x"}}}`)},
	"a domain is held":                       {"allowed.domains", patchNamespace(`{"metadata":{"labels":{"domain.tenancy.polyphony.dev/bank.example.com":"held"}}}`)},
	"a domain is above none":                 {"metadata.labels[domain.tenancy.polyphony.dev/example.com]", patchNamespace(`{"metadata":{"labels":{"domain.tenancy.polyphony.dev/example.com":"above"}}}`)},
}

func editPolicy(edit func(*networkingv1.NetworkPolicySpec)) func(*testing.T, *kubernetes.Clientset, string) {
	return func(t *testing.T, client *kubernetes.Clientset, tenant string) {
		policy, err := client.NetworkingV1().NetworkPolicies(tenant).Get(t.Context(), "polyphony", metav1.GetOptions{})
		require.NoError(t, err)
		edit(&policy.Spec)
		_, err = client.NetworkingV1().NetworkPolicies(tenant).Update(t.Context(), policy, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
}

func editRole(edit func(*rbacv1.Role)) func(*testing.T, *kubernetes.Clientset, string) {
	return func(t *testing.T, client *kubernetes.Clientset, tenant string) {
		role, err := client.RbacV1().Roles(tenant).Get(t.Context(), "polyphony-developer", metav1.GetOptions{})
		require.NoError(t, err)
		edit(role)
		_, err = client.RbacV1().Roles(tenant).Update(t.Context(), role, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
}

func patchNamespace(patch string) func(*testing.T, *kubernetes.Clientset, string) {
	return func(t *testing.T, client *kubernetes.Clientset, tenant string) {
		_, err := client.CoreV1().Namespaces().Patch(t.Context(), tenant, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		require.NoError(t, err)
	}
}

func TestDriftIsRepairedAndNamed(t *testing.T) {
	client := admin(t)
	reference := newTenant(t, client)
	_, err := score.Run(t.Context(), reference.On(cluster(t)))
	require.NoError(t, err)
	want := state(t, client, reference.TenantConfig.Name)
	for what, drift := range drifts {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newTenant(t, client)
			_, err := score.Run(t.Context(), s.On(cluster(t)))
			require.NoError(t, err)
			drift.do(t, client, s.TenantConfig.Name)
			require.NotEqual(t, want, state(t, client, s.TenantConfig.Name), "the drift changes nothing")

			plan, err := score.Run(t.Context(), s.On(cluster(t).DryRun()))
			require.NoError(t, err)
			report, err := score.Run(t.Context(), s.On(cluster(t)))
			require.NoError(t, err)
			require.Equal(t, plan.Changes(), report.Changes())
			var paths []string
			for _, c := range report.Changes() {
				for _, f := range c.Fields {
					paths = append(paths, f.Path)
				}
			}
			require.Contains(t, paths, drift.path)
			require.Equal(t, want, state(t, client, s.TenantConfig.Name))
		})
	}
}

func TestEnsureKeepsLabelsAnnotationsAndObjectsOfOthers(t *testing.T) {
	client := admin(t)
	s := newTenant(t, client)
	_, err := score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	name := s.TenantConfig.Name
	mark := []byte(`{"metadata":{"labels":{"example.com/mesh":"on"},"annotations":{"example.com/note":"kept"}}}`)
	_, err = client.RbacV1().Roles(name).Patch(t.Context(), "polyphony-developer", types.MergePatchType, mark, metav1.PatchOptions{})
	require.NoError(t, err)
	editRole(func(r *rbacv1.Role) { r.Rules = r.Rules[1:] })(t, client, name)
	_, err = client.CoreV1().Namespaces().Patch(t.Context(), name, types.MergePatchType, mark, metav1.PatchOptions{})
	require.NoError(t, err)
	foreign := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "of-the-mesh"}}
	_, err = client.NetworkingV1().NetworkPolicies(name).Create(t.Context(), foreign, metav1.CreateOptions{})
	require.NoError(t, err)

	s.TenantConfig.Labels["team"] = "b"
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	role, err := client.RbacV1().Roles(name).Get(t.Context(), "polyphony-developer", metav1.GetOptions{})
	require.NoError(t, err)
	require.Len(t, role.Rules, len(tenant.Developer.Rules()))
	ns, err := client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "b", ns.Labels["team"])
	for _, object := range []metav1.Object{role, ns} {
		require.Equal(t, "on", object.GetLabels()["example.com/mesh"])
		require.Equal(t, "kept", object.GetAnnotations()["example.com/note"])
	}
	_, err = client.NetworkingV1().NetworkPolicies(name).Get(t.Context(), "of-the-mesh", metav1.GetOptions{})
	require.NoError(t, err)
	require.Empty(t, ns.OwnerReferences)
}

func TestSecondRunWritesNothing(t *testing.T) {
	s := newTenant(t, admin(t))
	var seen recorder
	top := cluster(t, seen.wrap)
	_, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
	_, writes := seen.take()
	require.GreaterOrEqual(t, len(writes), 9)
	report, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
	require.False(t, report.Changed())
	all, writes := seen.take()
	require.Empty(t, writes)
	require.LessOrEqual(t, len(all), 9, "%v", all)
}

func TestDryRunWritesNothing(t *testing.T) {
	s := newTenant(t, admin(t))
	var seen recorder
	_, err := score.Run(t.Context(), s.On(cluster(t, seen.wrap).DryRun()), tenant.OffboardScore{Tenant: s.TenantConfig.Name}.On(cluster(t, seen.wrap).DryRun()))
	require.NoError(t, err)
	all, writes := seen.take()
	require.NotEmpty(t, all)
	require.Empty(t, writes)
}

func TestInvalidScoresSendNoRequest(t *testing.T) {
	good, bad := newTenant(t, admin(t)), tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "kube-system"}}
	bad.RBAC.Members = []tenant.Member{{Role: "owner", Name: "system:masters"}}
	var seen recorder
	top := cluster(t, seen.wrap)
	_, err := score.Run(t.Context(), good.On(top), bad.On(top))
	require.ErrorIs(t, err, score.ErrInvalid)
	for _, path := range []string{"tenantConfig.name", "rbac.members[0].role", "rbac.members[0].name"} {
		require.ErrorContains(t, err, path)
	}
	all, _ := seen.take()
	require.Empty(t, all)
}
