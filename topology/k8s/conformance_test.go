package k8s_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

func TestConformance(t *testing.T) {
	top := cluster(t)
	h := topologytest.Harness[*k8s.Topology]{Topology: top, DryRun: top.DryRun(), Outsider: outsider{admin(t)}}
	t.Run("Topology", func(t *testing.T) { topologytest.Topology(t, h) })
	t.Run("Platforms", func(t *testing.T) { topologytest.Platforms(t, h) })
	t.Run("Namespaces", func(t *testing.T) { topologytest.Namespaces(t, h) })
	t.Run("Domains", func(t *testing.T) { topologytest.Domains(t, h) })
	t.Run("Quotas", func(t *testing.T) { topologytest.Quotas(t, h) })
	t.Run("LimitRanges", func(t *testing.T) { topologytest.LimitRanges(t, h) })
	t.Run("NetworkIsolation", func(t *testing.T) { topologytest.NetworkIsolation(t, h) })
	t.Run("Reachability", func(t *testing.T) { topologytest.Reachability(t, h) })
	t.Run("AccessControl", func(t *testing.T) { topologytest.AccessControl(t, h) })
	t.Run("ReadVisibility", func(t *testing.T) { topologytest.ReadVisibility(t, h) })
	t.Run("Authorizer", func(t *testing.T) { topologytest.Authorizer(t, h) })
	t.Run("GrantsInForce", func(t *testing.T) { topologytest.GrantsInForce(t, h) })
	t.Run("Inspector", func(t *testing.T) { topologytest.Inspector(t, h) })
	t.Run("Admission", func(t *testing.T) { topologytest.Admission(t, h) })
	t.Run("Leases", func(t *testing.T) { topologytest.Leases(t, h) })
	t.Run("Volumes", func(t *testing.T) { topologytest.Volumes(t, h) })
	t.Run("Rosters", func(t *testing.T) { topologytest.Rosters(t, h) })
	t.Run("RosterRuns", func(t *testing.T) {
		tenanttest.RosterRuns(t, topologytest.Harness[patient]{
			Topology: patient{h.Topology}, DryRun: patient{h.DryRun}, Outsider: h.Outsider,
		})
	})
	t.Run("Tenants", func(t *testing.T) { tenanttest.Tenants(t, h) })
}

// outsider is an administrator with kubectl, more or less.
type outsider struct{ client *kubernetes.Clientset }

func (o outsider) CreateNamespace(t topologytest.T, name, owner string) {
	_, err := o.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app.kubernetes.io/managed-by": owner}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	removeLater(t, o.client, name)
}

func (o outsider) patchNamespace(t topologytest.T, name, patch string) {
	_, err := o.client.CoreV1().Namespaces().Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err)
}

func (o outsider) LabelNamespace(t topologytest.T, name, key, value string) {
	o.patchNamespace(t, name, `{"metadata":{"labels":{"`+key+`":"`+value+`"}}}`)
}

func (o outsider) NamespaceLabel(t topologytest.T, name, key string) string {
	ns, err := o.client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return ns.Labels[key]
}

func (o outsider) RemovePodSecurity(t topologytest.T, name string) {
	o.patchNamespace(t, name, `{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":null}}}`)
}

func (o outsider) Occupy(t topologytest.T, namespace string, kind topology.Kind) {
	meta := metav1.ObjectMeta{Name: "polyphony", Annotations: map[string]string{"example.com/owner": "somebody-else"}}
	var err error
	switch kind {
	case "Quota":
		_, err = o.client.CoreV1().ResourceQuotas(namespace).Create(t.Context(), &corev1.ResourceQuota{ObjectMeta: meta}, metav1.CreateOptions{})
	case "LimitRange":
		_, err = o.client.CoreV1().LimitRanges(namespace).Create(t.Context(), &corev1.LimitRange{ObjectMeta: meta}, metav1.CreateOptions{})
	case "NetworkRules":
		_, err = o.client.NetworkingV1().NetworkPolicies(namespace).Create(t.Context(), &networkingv1.NetworkPolicy{ObjectMeta: meta}, metav1.CreateOptions{})
	case "Access":
		meta.Name = "polyphony-admin"
		_, err = o.client.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta}, metav1.CreateOptions{})
	default:
		require.Fail(t, "nothing of kind "+string(kind)+" can be occupied")
	}
	require.NoError(t, err)
}

func (o outsider) Occupied(t topologytest.T, namespace string, kind topology.Kind) bool {
	var object metav1.Object
	var err error
	switch kind {
	case topology.KindQuota:
		object, err = o.client.CoreV1().ResourceQuotas(namespace).Get(t.Context(), "polyphony", metav1.GetOptions{})
	case topology.KindLimitRange:
		object, err = o.client.CoreV1().LimitRanges(namespace).Get(t.Context(), "polyphony", metav1.GetOptions{})
	case topology.KindNetworkRules:
		object, err = o.client.NetworkingV1().NetworkPolicies(namespace).Get(t.Context(), "polyphony", metav1.GetOptions{})
	case topology.KindAccess:
		object, err = o.client.RbacV1().Roles(namespace).Get(t.Context(), "polyphony-admin", metav1.GetOptions{})
	default:
		require.FailNow(t, "no suite occupies the place of a "+string(kind))
	}
	require.NoError(t, err)
	for _, entry := range object.GetManagedFields() {
		if entry.Manager == "polyphony" {
			return false
		}
	}
	return object.GetAnnotations()["example.com/owner"] == "somebody-else"
}

func (o outsider) ClaimVolume(t topologytest.T, namespace, claim string) {
	// The administrator gives way to nobody's quota: a claim of a tenant that may have none was
	// there before the quota was.
	quotas := o.client.CoreV1().ResourceQuotas(namespace)
	class := "manual"
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: claim}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class,
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}
	before, err := quotas.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for i := range before.Items {
		o.liftStorage(t, namespace, &before.Items[i])
	}
	require.Eventually(t, func() bool {
		_, err := o.client.CoreV1().PersistentVolumeClaims(namespace).Create(t.Context(), pvc, metav1.CreateOptions{})
		return err == nil
	}, eventuallyWait, eventuallyTick, "claim %s", claim)
	for i := range before.Items {
		o.restore(t, namespace, &before.Items[i])
	}
}

func (o outsider) liftStorage(t topologytest.T, namespace string, quota *corev1.ResourceQuota) {
	o.setQuota(t, namespace, quota.Name, func(hard corev1.ResourceList) corev1.ResourceList {
		hard = hard.DeepCopy()
		hard[corev1.ResourceRequestsStorage], hard[corev1.ResourcePersistentVolumeClaims] = resource.MustParse("100Gi"), resource.MustParse("100")
		return hard
	})
}

func (o outsider) restore(t topologytest.T, namespace string, quota *corev1.ResourceQuota) {
	o.setQuota(t, namespace, quota.Name, func(corev1.ResourceList) corev1.ResourceList { return quota.Spec.Hard })
}

func (o outsider) setQuota(t topologytest.T, namespace, name string, change func(corev1.ResourceList) corev1.ResourceList) {
	require.Eventually(t, func() bool {
		quota, err := o.client.CoreV1().ResourceQuotas(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return false
		}
		quota.Spec.Hard = change(quota.Spec.Hard)
		_, err = o.client.CoreV1().ResourceQuotas(namespace).Update(t.Context(), quota, metav1.UpdateOptions{})
		return err == nil
	}, eventuallyWait, eventuallyTick)
}

func (o outsider) HoldLease(t topologytest.T, name, holder string, duration time.Duration) {
	now := metav1.NowMicro()
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "polyphony-" + name, Labels: map[string]string{"tenancy.polyphony.dev/lease": "true"}},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &holder, LeaseDurationSeconds: new(int32(duration / time.Second)), AcquireTime: &now, RenewTime: &now,
		},
	}
	leases := o.client.CoordinationV1().Leases(metav1.NamespaceSystem)
	_, err := leases.Create(t.Context(), lease, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) { // a patch does not mind who else writes
		patch, marshalErr := json.Marshal(lease)
		require.NoError(t, marshalErr)
		_, err = leases.Patch(t.Context(), lease.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	}
	require.NoError(t, err)
}

func (o outsider) Hold(t topologytest.T, namespace string) {
	_, err := o.client.CoreV1().ConfigMaps(namespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "hold", Finalizers: []string{"example.com/hold"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	o.patchNamespace(t, namespace, `{"metadata":{"finalizers":["example.com/hold"]}}`)
}

func (o outsider) Release(t topologytest.T, namespace string) {
	_, err := o.client.CoreV1().ConfigMaps(namespace).Patch(t.Context(), "hold", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	o.patchNamespace(t, namespace, `{"metadata":{"finalizers":null}}`)
}

func (o outsider) SetGuardrailsVersion(t topologytest.T, version int) {
	policies := o.client.AdmissionregistrationV1().ValidatingAdmissionPolicies()
	list, err := policies.List(t.Context(), metav1.ListOptions{LabelSelector: "tenancy.polyphony.dev/guardrail"})
	require.NoError(t, err)
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"tenancy.polyphony.dev/guardrails-version":"%d"}}}`, version)
	for _, p := range list.Items {
		_, err := policies.Patch(t.Context(), p.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		require.NoError(t, err)
	}
}

func (o outsider) Put(t topologytest.T, namespace, group, resource, manifest string) {
	var object metav1.PartialObjectMetadata
	require.NoError(t, json.Unmarshal([]byte(manifest), &object))
	path := []string{"/apis", object.APIVersion}
	if group == "" {
		path = []string{"/api", "v1"}
	}
	request := o.client.RESTClient().Post().AbsPath(append(path, resource)...)
	if namespace != "" {
		request.AbsPath(append(path, "namespaces", namespace, resource)...)
	}
	err := request.SetHeader("Content-Type", "application/json").Body([]byte(manifest)).Do(t.Context()).Error()
	require.True(t, err == nil || namespace == "" && apierrors.IsAlreadyExists(err), "%v", err)
}

func (o outsider) Grant(t topologytest.T, namespace string, g topology.Grant) {
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: g.Role}}
	for _, r := range g.Rules {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: r.APIGroups, Resources: r.Resources, Verbs: r.Verbs, ResourceNames: r.ResourceNames})
	}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: g.Role}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: g.Role}}
	for _, s := range g.Subjects {
		subject := rbacv1.Subject{Kind: string(s.Kind), Namespace: s.Namespace, Name: s.Name}
		if s.Kind != rbac.ServiceAccount {
			subject.APIGroup = rbacv1.GroupName
		}
		binding.Subjects = append(binding.Subjects, subject)
	}
	_, err := o.client.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = o.client.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{})
	require.NoError(t, err)
}
