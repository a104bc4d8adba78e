package tenanttest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/isolation"
)

// isolation returns the report of a proof.
func (c cluster) isolation(t *testing.T, tenants ...tenant.TenantScore) isolation.Report {
	t.Helper()
	in, err := c.top.Inspect(t.Context())
	require.NoError(t, err)
	return isolation.Score{Tenants: tenants}.Examine(in)
}

// requireBroken requires that exactly this guarantee of a tenant or of the topology is broken.
func requireBroken(t *testing.T, report isolation.Report, of string, guarantee isolation.Guarantee, witness string) {
	t.Helper()
	broken := report.Broken()
	require.Len(t, broken, 1, "%s", report)
	require.Equal(t, of, broken[0].Tenant)
	require.Equal(t, guarantee, broken[0].Guarantee)
	require.Contains(t, broken[0].Witness, witness)
}

// requireShown requires that the findings report the removal of a fence.
func requireShown(t *testing.T, fence string, broken []isolation.Finding) {
	t.Helper()
	shows := map[string]isolation.Guarantee{
		"pod security": isolation.GuaranteeBoundary, "quota": isolation.GuaranteeQuota, "limits": isolation.GuaranteeLimits, "rights": isolation.GuaranteeAccess,
		"rights, everywhere": isolation.GuaranteeIsolation,
	}
	require.NotEmpty(t, broken)
	guarantee, ofTenant := shows[fence]
	if !ofTenant {
		require.Equal(t, isolation.GuaranteeGuardrails, broken[0].Guarantee)
		return
	}
	require.Len(t, broken, 1)
	require.Equal(t, attackerName, broken[0].Tenant)
	require.Equal(t, guarantee, broken[0].Guarantee)
}

// TestAttackOnKubernetes covers the removal of fences.
func TestIsolationOnKubernetes(t *testing.T) {
	c := newCluster(t)
	attacker, victim := provision(t, c.top)
	require.Empty(t, c.isolation(t, attacker, victim).Broken())
	testPlanted(t, c, attacker, victim)
	testPlantedPolicies(t, c, attacker, victim)
}

// testPlantedPolicies plants network policies that look like Polyphony's own: one has the label and
// another name, the other has the name and no label.
func testPlantedPolicies(t *testing.T, c cluster, attacker, victim tenant.TenantScore) {
	policies := c.admin.NetworkingV1().NetworkPolicies(victimName)
	own, err := policies.Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err)
	open := networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}
	plant := func(name string, labels map[string]string, spec networkingv1.NetworkPolicySpec) {
		t.Helper()
		meta := metav1.ObjectMeta{Name: name, Labels: labels}
		policy := &networkingv1.NetworkPolicy{ObjectMeta: meta, Spec: spec}
		_, err := policies.Create(t.Context(), policy, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	check := func(witness string) {
		t.Helper()
		requireBroken(t, c.isolation(t, attacker, victim), victimName, isolation.GuaranteeNetwork, witness)
	}

	const opens = " is not managed by Polyphony and allows ingress from everybody on every port"
	plant("leak", own.Labels, open)
	check("NetworkPolicy " + victimName + "/leak" + opens)
	require.NoError(t, policies.Delete(t.Context(), "leak", metav1.DeleteOptions{}))

	for _, spec := range []networkingv1.NetworkPolicySpec{own.Spec, open} {
		require.NoError(t, policies.Delete(t.Context(), own.Name, metav1.DeleteOptions{}))
		plant(own.Name, nil, spec)
		check("no NetworkPolicy in " + victimName + " is managed by Polyphony")
	}
	check("NetworkPolicy " + victimName + "/polyphony" + opens)
	require.NoError(t, policies.Delete(t.Context(), own.Name, metav1.DeleteOptions{}))
	plant(own.Name, own.Labels, own.Spec)
	require.Empty(t, c.isolation(t, attacker, victim).Broken())
}

// testPlanted adds leaks of each kind, as an administrator could by mistake.
func testPlanted(t *testing.T, c cluster, attacker, victim tenant.TenantScore) {
	leak := metav1.ObjectMeta{Name: "leak"}
	now := metav1.DeleteOptions{}
	ref := func(kind, name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	group := func(name string) []rbacv1.Subject {
		return []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: name}}
	}
	devs := attackerName + "-devs"
	check := func(of string, guarantee isolation.Guarantee, witness string) {
		t.Helper()
		requireBroken(t, c.isolation(t, attacker, victim), of, guarantee, witness)
	}

	for _, subjects := range [][]rbacv1.Subject{
		group(devs), group("system:serviceaccounts:" + attackerName), group("system:authenticated"),
		{{Kind: rbacv1.ServiceAccountKind, Namespace: attackerName, Name: "default"}}, {{Kind: rbacv1.ServiceAccountKind, Namespace: "gone", Name: "ci"}},
	} {
		binding := &rbacv1.RoleBinding{ObjectMeta: leak, RoleRef: ref("ClusterRole", "view"), Subjects: subjects}
		_, err := c.admin.RbacV1().RoleBindings(victimName).Create(t.Context(), binding, metav1.CreateOptions{})
		require.NoError(t, err)
		check(victimName, isolation.GuaranteeIsolation, "RoleBinding "+victimName+"/leak grants")
		require.NoError(t, c.admin.RbacV1().RoleBindings(victimName).Delete(t.Context(), "leak", now))
	}

	_, err := c.admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: leak, RoleRef: ref("ClusterRole", "system:node"), Subjects: group(devs)}, metav1.CreateOptions{})
	require.NoError(t, err)
	check(attackerName, isolation.GuaranteeIsolation, "ClusterRoleBinding leak grants")
	require.NoError(t, c.admin.RbacV1().ClusterRoleBindings().Delete(t.Context(), "leak", now))

	_, err = c.admin.RbacV1().RoleBindings("kube-system").Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: leak, RoleRef: ref("ClusterRole", "edit"), Subjects: group(devs)}, metav1.CreateOptions{})
	require.NoError(t, err)
	check(attackerName, isolation.GuaranteeIsolation, "RoleBinding kube-system/leak grants")
	require.NoError(t, c.admin.RbacV1().RoleBindings("kube-system").Delete(t.Context(), "leak", now))

	_, err = c.admin.NetworkingV1().NetworkPolicies(victimName).Create(t.Context(), &networkingv1.NetworkPolicy{
		ObjectMeta: leak, Spec: networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{}}}}, metav1.CreateOptions{})
	require.NoError(t, err)
	check(victimName, isolation.GuaranteeNetwork,
		"NetworkPolicy "+victimName+"/leak is not managed by Polyphony and allows ingress from everybody on every port")
	require.NoError(t, c.admin.NetworkingV1().NetworkPolicies(victimName).Delete(t.Context(), "leak", now))

	_, err = c.admin.CoreV1().PersistentVolumes().Create(t.Context(), &corev1.PersistentVolume{ObjectMeta: leak, Spec: corev1.PersistentVolumeSpec{
		Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		StorageClassName: "standard", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/nowhere"}},
		ClaimRef:               &corev1.ObjectReference{Namespace: victimName, Name: "data"},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	c.install(t, "claims", "finalizers") // without them a member can do it
	_, err = c.admin.CoreV1().PersistentVolumeClaims(attackerName).Create(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: leak, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: new("standard"), VolumeName: "leak",
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	c.install(t)
	broken := c.isolation(t, attacker, victim).Broken()
	require.Len(t, broken, 2, "both tenants' volumes")
	for _, f := range broken {
		require.Equal(t, isolation.GuaranteeVolumes, f.Guarantee)
		require.Contains(t, f.Witness, "PersistentVolumeClaim "+attackerName+"/leak names the volume leak, which is reserved for "+victimName+"/data")
	}
	require.NoError(t, c.admin.CoreV1().PersistentVolumeClaims(attackerName).Delete(t.Context(), "leak", now))
	require.NoError(t, c.admin.CoreV1().PersistentVolumes().Delete(t.Context(), "leak", now))
	require.Eventually(t, func() bool { return len(c.isolation(t, attacker, victim).Broken()) == 0 }, patience, tick)
}
