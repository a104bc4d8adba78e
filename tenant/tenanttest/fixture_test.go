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

// fixture is a cluster with all guardrails, on which a test can act as any user.
type fixture struct {
	cluster
	suffix string // of the names of tenants, because a name stays in use until its namespace is gone
	cfg    *rest.Config
	mapper meta.RESTMapper
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	s := fixture{cluster: newCluster(t), suffix: "-" + strings.ToLower(rand.Text()[:5])}
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

// addClasses adds the priority class and the runtime class that the files of workloads name.
func (s fixture) addClasses(t *testing.T) {
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

// removeAfter deletes the namespace of a tenant after the test, without waiting for its end.
func (s fixture) removeAfter(t *testing.T, tenant string) {
	t.Helper()
	t.Cleanup(func() {
		_ = s.admin.CoreV1().Namespaces().Delete(context.Background(), tenant, metav1.DeleteOptions{}) // it may not exist
	})
}

// tenant returns a tenant of newTenant for this test alone.
func (s fixture) tenant(t *testing.T, name string) tenant.TenantScore {
	t.Helper()
	s.removeAfter(t, name+s.suffix)
	return newTenant(name + s.suffix)
}

// count returns the numbers of pods and claims.
func (s fixture) count(ctx context.Context, t require.TestingT, namespace string) (pods, claims int) {
	podList, err := s.admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	claimList, err := s.admin.CoreV1().PersistentVolumeClaims(namespace).List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	return len(podList.Items), len(claimList.Items)
}

// failures returns the events of controllers that could not create an object, each with its owner.
func (s fixture) failures(ctx context.Context, t require.TestingT, namespace string) (messages []string) {
	events, err := s.admin.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=" + corev1.EventTypeWarning})
	require.NoError(t, err)
	for _, e := range events.Items {
		if e.Reason == "FailedCreate" || e.Reason == "FailedBinding" { // FailedBinding is for claims that are part of a pod
			messages = append(messages, e.InvolvedObject.Kind+" "+e.InvolvedObject.Name+": "+e.Message)
		}
	}
	return messages
}

// actor is a user that sends requests about one namespace.
type actor struct {
	fixture
	client    dynamic.Interface
	namespace string
}

// as returns an actor that impersonates a user.
func (s fixture) as(namespace, user string, groups ...string) (actor, error) {
	cfg := rest.CopyConfig(s.cfg)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	client, err := dynamic.NewForConfig(cfg)
	return actor{s, client, namespace}, err
}

// member returns a member of the tenant as an actor.
func (s fixture) member(t *testing.T, of tenant.TenantScore, role tenant.Role) actor {
	t.Helper()
	who := member(of, role)
	o, err := s.as(of.TenantConfig.Name, who.User, who.Groups...)
	require.NoError(t, err)
	return o
}

// awaitRights waits until the API server applies the rights of a tenant's developers.
func (s fixture) awaitRights(t *testing.T, of tenant.TenantScore) {
	t.Helper()
	require.Eventually(t, func() bool { return s.may(t, of, "create", "pods") }, patience, tick)
}

// at returns the client of a resource, such as "deployments.v1.apps" or "pods.v1.".
func (o actor) at(resource string) dynamic.ResourceInterface {
	gvr, _ := schema.ParseResourceArg(resource)
	return o.client.Resource(*gvr).Namespace(o.namespace)
}

func (o actor) create(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := o.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	_, err = o.client.Resource(mapping.Resource).Namespace(o.namespace).Create(ctx, object, metav1.CreateOptions{})
	return err
}
