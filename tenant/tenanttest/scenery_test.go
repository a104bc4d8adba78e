package tenanttest_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/tenant"
)

// scenery is a cluster with all guardrails, where one can act as anybody.
type scenery struct {
	cluster
	suffix string // of tenants' names, since it takes a while until a namespace has gone and its name is free
	cfg    *rest.Config
	mapper meta.RESTMapper
}

func newScenery(t *testing.T) scenery {
	t.Helper()
	s := scenery{cluster: newCluster(t), suffix: "-" + strings.ToLower(rand.Text()[:5])}
	var err error
	s.cfg, err = clientcmd.BuildConfigFromFlags("", testcluster.Use(t).Kubeconfig())
	require.NoError(t, err)
	s.cfg.QPS, s.cfg.WarningHandler = -1, rest.NoWarnings{}
	groups, err := restmapper.GetAPIGroupResources(s.admin.Discovery())
	require.NoError(t, err)
	s.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	s.install(t)
	return s
}

// addClasses adds what is the platform's to have, and files name.
func (s scenery) addClasses(t *testing.T) {
	t.Helper()
	priorities, runtimes := s.admin.SchedulingV1().PriorityClasses(), s.admin.NodeV1().RuntimeClasses()
	_, err := priorities.Create(t.Context(), &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: "business-critical"}, Value: 1000}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = runtimes.Create(t.Context(), &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "gvisor"}, Handler: "runsc"}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, priorities.Delete(context.Background(), "business-critical", metav1.DeleteOptions{}))
		require.NoError(t, runtimes.Delete(context.Background(), "gvisor", metav1.DeleteOptions{}))
	})
}

// removeAfter removes a tenant with all that it has when the test is over, without waiting for it.
func (s scenery) removeAfter(t *testing.T, tenant string) {
	t.Helper()
	t.Cleanup(func() {
		_ = s.admin.CoreV1().Namespaces().Delete(context.Background(), tenant, metav1.DeleteOptions{}) // it may not have come into being
	})
}

// tenant is one of newTenant's, for this test alone.
func (s scenery) tenant(t *testing.T, name string) tenant.TenantScore {
	t.Helper()
	s.removeAfter(t, name+s.suffix)
	return newTenant(name + s.suffix)
}

// count is how many pods and claims there are.
func (s scenery) count(ctx context.Context, t require.TestingT, namespace string) (pods, claims int) {
	podList, err := s.admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	claimList, err := s.admin.CoreV1().PersistentVolumeClaims(namespace).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	return len(podList.Items), len(claimList.Items)
}

// failures are what controllers report that they could not create, each with whose it is.
func (s scenery) failures(ctx context.Context, t require.TestingT, namespace string) (messages []string) {
	events, err := s.admin.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=" + corev1.EventTypeWarning})
	require.NoError(t, err)
	for _, e := range events.Items {
		if e.Reason == "FailedCreate" || e.Reason == "FailedBinding" { // the latter of claims that pods bring along
			messages = append(messages, e.InvolvedObject.Kind+" "+e.InvolvedObject.Name+": "+e.Message)
		}
	}
	return messages
}

// office is a namespace that a tenant works in.
type office struct {
	scenery
	client    dynamic.Interface
	namespace string
}

// office returns that of anybody, impersonated.
func (s scenery) office(namespace, user string, groups ...string) (office, error) {
	cfg := rest.CopyConfig(s.cfg)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	client, err := dynamic.NewForConfig(cfg)
	return office{s, client, namespace}, err
}

// colleague is the tenant's own member.
func (s scenery) colleague(t *testing.T, of tenant.TenantScore, role tenant.Role) office {
	t.Helper()
	who := member(of, role)
	o, err := s.office(of.TenantConfig.Name, who.User, who.Groups...)
	require.NoError(t, err)
	return o
}

// awaitRights waits until the API server knows of them, which is not when they are stored.
func (s scenery) awaitRights(t *testing.T, of tenant.TenantScore) {
	t.Helper()
	require.Eventually(t, func() bool { return s.may(t, of, "create", "pods") }, patience, tick)
}

// at is where objects of a resource are, such as "deployments.v1.apps" or "pods.v1.".
func (o office) at(resource string) dynamic.ResourceInterface {
	gvr, _ := schema.ParseResourceArg(resource)
	return o.client.Resource(*gvr).Namespace(o.namespace)
}

func (o office) create(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := o.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	_, err = o.client.Resource(mapping.Resource).Namespace(o.namespace).Create(ctx, object, metav1.CreateOptions{})
	return err
}
