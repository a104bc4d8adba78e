package k8s_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
)

// member returns a client with a certificate of a user in a group.
func member(t *testing.T, group string) (client *kubernetes.Clientset, kubeconfig string) {
	t.Helper()
	path, err := testcluster.Use(t).KubeconfigFor("member-of-"+group, group)
	require.NoError(t, err)
	return clientset(t, load(t, path)), path
}

func deployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: restricted()},
	}}
}

// restricted is the smallest pod that the level "restricted" admits.
func restricted() corev1.PodSpec {
	return corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{Name: "main", Image: "example.com/app", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}}},
	}
}

// The suite only asks about the rights of members. This test uses them, as users of the API server.
func TestMembersHaveTheRightsOfTheirRoles(t *testing.T) {
	client := admin(t)
	acme, globex := newTenant(t, client), newTenant(t, client)
	acme.RBAC.ReadVisibility, globex.RBAC.ReadVisibility = "", ""
	_, err := score.Run(t.Context(), acme.On(cluster(t)), globex.On(cluster(t)))
	require.NoError(t, err)
	own, other := acme.TenantConfig.Name, globex.TenantConfig.Name
	dev, _ := member(t, own+"-devs")
	viewer, _ := member(t, own+"-viewers")
	ctx, create := t.Context(), metav1.CreateOptions{}

	require.Eventually(t, func() bool {
		_, err := dev.AppsV1().Deployments(own).Create(ctx, deployment("web"), create)
		return err == nil
	}, eventuallyWait, eventuallyTick)
	_, err = dev.AppsV1().Deployments(other).Create(ctx, deployment("web"), create)
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	_, err = dev.CoreV1().Secrets(other).List(ctx, metav1.ListOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	_, err = dev.NetworkingV1().NetworkPolicies(own).Create(ctx, &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "open"}}, create)
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	require.True(t, apierrors.IsForbidden(dev.CoreV1().ResourceQuotas(own).Delete(ctx, "polyphony", metav1.DeleteOptions{})))
	_, err = viewer.AppsV1().Deployments(own).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	_, err = viewer.CoreV1().Secrets(own).List(ctx, metav1.ListOptions{})
	require.True(t, apierrors.IsForbidden(err), "%v", err)
	_, err = viewer.AppsV1().Deployments(own).Create(ctx, deployment("mine"), create)
	require.True(t, apierrors.IsForbidden(err), "%v", err)
}

// A developer sends requests that the fences refuse, and similar ones that they allow.
func TestFencesRefuseADeveloper(t *testing.T) {
	client := admin(t)
	s := newTenant(t, client)
	s.ResourceQuotas.Objects.Pods = new(int64(2))
	_, err := score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	name := s.TenantConfig.Name
	dev, _ := member(t, name+"-devs")
	pod := func(n string, edit func(*corev1.PodSpec)) error {
		spec := restricted()
		edit(&spec)
		_, err := dev.CoreV1().Pods(name).Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: n}, Spec: spec}, metav1.CreateOptions{})
		return err
	}
	require.Eventually(t, func() bool { return pod("fine", func(*corev1.PodSpec) {}) == nil }, eventuallyWait, eventuallyTick)
	made, err := client.CoreV1().Pods(name).Get(t.Context(), "fine", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "500m", made.Spec.Containers[0].Resources.Limits.Cpu().String(), "the LimitRange's default")

	refused := func(err error, because string) {
		t.Helper()
		require.True(t, apierrors.IsForbidden(err), "%v", err)
		require.ErrorContains(t, err, because)
	}
	refused(pod("host", func(s *corev1.PodSpec) { s.HostNetwork = true }), "PodSecurity")
	refused(pod("root", func(s *corev1.PodSpec) { s.SecurityContext.RunAsNonRoot = new(false) }), "PodSecurity")
	refused(pod("big", func(s *corev1.PodSpec) {
		s.Containers[0].Resources.Limits = corev1.ResourceList{"cpu": resource.MustParse("3")}
	}), "exceeded quota: polyphony")
	refused(pod("gpu", func(s *corev1.PodSpec) {
		s.Containers[0].Resources.Limits = corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("1")}
	}), "requests.nvidia.com/gpu")
	require.NoError(t, pod("second", func(*corev1.PodSpec) {}))
	hoard(t, dev, name)
	refused(pod("third", func(*corev1.PodSpec) {}), "pods=1")

	service := func(n string, kind corev1.ServiceType) error {
		_, err := dev.CoreV1().Services(name).Create(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: n}, Spec: corev1.ServiceSpec{
			Type: kind, Ports: []corev1.ServicePort{{Port: 80}},
		}}, metav1.CreateOptions{})
		return err
	}
	require.NoError(t, service("inside", corev1.ServiceTypeClusterIP))
	refused(service("nodeport", corev1.ServiceTypeNodePort), "services.nodeports")
	refused(service("lb", corev1.ServiceTypeLoadBalancer), "services.loadbalancers")

	_, err = dev.CoreV1().PersistentVolumeClaims(name).Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")},
			},
		},
	}, metav1.CreateOptions{})
	refused(err, "exceeded quota")
}

// hoard creates pods, deletes them, and keeps them by finalizers. They no longer count as running
// pods.
func hoard(t *testing.T, dev *kubernetes.Clientset, namespace string) {
	t.Helper()
	require.NoError(t, dev.CoreV1().Pods(namespace).Delete(t.Context(), "second", metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
	waitUncounted(t, dev, namespace)
	var err error
	made := 1 // the pod "fine"
	for ; err == nil && made < 100; made++ {
		var held *corev1.Pod
		require.Eventually(t, func() bool { // the controller may publish an older count again
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "held-", Finalizers: []string{"example.com/stay"}},
				Spec:       restricted(),
			}
			held, err = dev.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
			return err == nil || strings.Contains(err.Error(), "count/pods")
		}, eventuallyWait, eventuallyTick)
		if err == nil {
			require.NoError(t, dev.CoreV1().Pods(namespace).Delete(t.Context(), held.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}))
			waitUncounted(t, dev, namespace)
		}
	}
	require.ErrorContains(t, err, "count/pods")
	require.Equal(t, 11, made, "five times the bound on running pods, and the refused one")
	pods, err := dev.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, p := range pods.Items {
		if p.Name != "fine" {
			_, err = dev.CoreV1().Pods(namespace).Patch(t.Context(), p.Name, types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			require.NoError(t, err)
		}
	}
	require.Eventually(t, func() bool {
		_, err := dev.CoreV1().Pods(namespace).Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "second"}, Spec: restricted()}, metav1.CreateOptions{})
		return err == nil
	}, eventuallyWait, eventuallyTick)
}

// waitUncounted waits until a deleted pod no longer counts as a running pod.
func waitUncounted(t *testing.T, dev *kubernetes.Clientset, namespace string) {
	t.Helper()
	require.Eventually(t, func() bool {
		quota, err := dev.CoreV1().ResourceQuotas(namespace).Get(t.Context(), "polyphony", metav1.GetOptions{})
		require.NoError(t, err)
		running := quota.Status.Used["pods"]
		return running.Value() < 2
	}, eventuallyWait, eventuallyTick)
}

// The API server itself lists the rights of a member.
func TestMembersHaveNoWildcardRights(t *testing.T) {
	client := admin(t)
	s := newTenant(t, client)
	s.RBAC.Members = append(s.RBAC.Members, tenant.Member{Role: tenant.Admin, Name: s.TenantConfig.Name + "-admins"})
	_, err := score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	for _, group := range []string{"-admins", "-devs", "-viewers"} {
		who, kubeconfig := member(t, s.TenantConfig.Name+group)
		var rules []authorizationv1.ResourceRule
		require.Eventually(t, func() bool {
			review, err := who.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), &authorizationv1.SelfSubjectRulesReview{
				Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: s.TenantConfig.Name},
			}, metav1.CreateOptions{})
			require.NoError(t, err)
			require.False(t, review.Status.Incomplete)
			rules = review.Status.ResourceRules
			return len(rules) > 10
		}, eventuallyWait, eventuallyTick)
		for _, r := range rules {
			for _, list := range [][]string{r.APIGroups, r.Resources, r.Verbs} {
				require.NotContains(t, strings.Join(list, ","), "*")
			}
		}
		require.NotContains(t, canIList(t, kubeconfig, s.TenantConfig.Name), "*.*")
	}
}

// canIList returns what `kubectl auth can-i --list` prints about resources. It leaves out paths
// such as /api/*, which every user may read.
func canIList(t *testing.T, kubeconfig, namespace string) string {
	t.Helper()
	dir, err := testcluster.Build(t.Context(), t.Output())
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "kubectl"), "--kubeconfig", kubeconfig, "auth", "can-i", "--list", "-n", namespace).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "deployments.apps")
	var resources []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, " ") {
			require.NotContains(t, line, "[*]")
			resources = append(resources, line)
		}
	}
	return strings.Join(resources, "")
}
