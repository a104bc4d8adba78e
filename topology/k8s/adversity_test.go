package k8s_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const finalizer = `{"metadata":{"finalizers":["example.com/stay"]}}`

var noFinalizer = []byte(`{"metadata":{"finalizers":null}}`)

// first returns a transport that calls do before the first request that matches.
func first(method, pathContains string, do func()) func(http.RoundTripper) http.RoundTripper {
	var once sync.Once
	return func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == method && strings.Contains(req.URL.Path, pathContains) {
				once.Do(do)
			}
			return next.RoundTrip(req)
		})
	}
}

func provisioned(t *testing.T, client *kubernetes.Clientset) (s tenant.TenantScore, name string) {
	t.Helper()
	s = newTenant(t, client)
	_, err := score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	return s, s.TenantConfig.Name
}

// mayPods reports whether a group has the right to a verb on pods.
func mayPods(t *testing.T, group, verb, namespace string) bool {
	t.Helper()
	answer, err := cluster(t).Authorize(t.Context(), rbac.Question{Groups: []string{group}, Verb: verb, Resource: "pods", Namespace: namespace})
	require.NoError(t, err)
	return answer.Allowed
}

// Another program removes the tenant just before this run writes the cluster readers, which are not
// in the namespace.
func TestOffboardDuringProvisionLeavesNoReaders(t *testing.T) {
	t.Parallel()
	s, name := provisioned(t, admin(t))
	_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: name, Wait: tenant.MaxDuration}.On(cluster(t)))
	require.NoError(t, err)
	racing := cluster(t, first(http.MethodGet, "clusterrolebindings/polyphony", func() {
		_, err := score.Run(t.Context(), tenant.OffboardScore{Tenant: name, Wait: tenant.MaxDuration}.On(cluster(t)))
		require.NoError(t, err)
	}))
	_, err = score.Run(t.Context(), s.On(racing))
	require.ErrorIs(t, err, topology.ErrTerminating)
	_, err = cluster(t).ClusterReaders(t.Context(), name)
	require.ErrorIs(t, err, topology.ErrNotFound)
}

// A finalizer keeps a binding in force after it is deleted.
func TestEnsureAccessEmptiesABindingWithAFinalizer(t *testing.T) {
	t.Parallel()
	client := admin(t)
	s, name := provisioned(t, client)
	bindings := client.RbacV1().RoleBindings(name)
	_, err := bindings.Patch(t.Context(), "polyphony-developer", types.MergePatchType, []byte(finalizer), metav1.PatchOptions{})
	require.NoError(t, err)
	developer := s.RBAC.Members[0]
	s.RBAC.Members = s.RBAC.Members[1:]
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.ErrorIs(t, err, topology.ErrTerminating)
	require.ErrorContains(t, err, "example.com/stay")
	require.Eventually(t, func() bool { return !mayPods(t, developer.Name, "create", name) }, eventuallyWait, eventuallyTick)

	s.RBAC.Members = append(s.RBAC.Members, developer) // while the old binding is being deleted
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.ErrorIs(t, err, topology.ErrTerminating)
	_, err = bindings.Patch(t.Context(), "polyphony-developer", types.MergePatchType, noFinalizer, metav1.PatchOptions{})
	require.NoError(t, err)
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return mayPods(t, developer.Name, "create", name) }, eventuallyWait, eventuallyTick)
}

// A finalizer keeps a policy that is being deleted. Its specification is as wanted.
func TestProvisionRefusesAPolicyThatIsBeingDeleted(t *testing.T) {
	t.Parallel()
	client := admin(t)
	s, name := provisioned(t, client)
	policies := client.NetworkingV1().NetworkPolicies(name)
	_, err := policies.Patch(t.Context(), "polyphony", types.MergePatchType, []byte(finalizer), metav1.PatchOptions{})
	require.NoError(t, err)
	require.NoError(t, policies.Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.ErrorIs(t, err, topology.ErrTerminating)
	_, err = policies.Patch(t.Context(), "polyphony", types.MergePatchType, noFinalizer, metav1.PatchOptions{})
	require.NoError(t, err)
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	requireFenced(t, client, name)
}

// The Score removes a member, and asks for something that the cluster does not have.
func TestProvisionWithdrawsRightsAlthoughItFails(t *testing.T) {
	t.Parallel()
	s, name := provisioned(t, admin(t))
	gone, stays := s.RBAC.Members[0].Name, s.RBAC.Members[1].Name
	s.RBAC.Members = s.RBAC.Members[1:]
	s.NetworkIsolation.IngressControllers = true // the cluster has none
	report, err := score.Run(t.Context(), s.On(cluster(t)))
	require.ErrorIs(t, err, topology.ErrUnsupported)
	require.Len(t, report.Changes(), 2, report.String())
	require.Eventually(t, func() bool { return !mayPods(t, gone, "create", name) && !mayPods(t, gone, "list", "") }, eventuallyWait, eventuallyTick)
	require.True(t, mayPods(t, stays, "list", name))
	require.True(t, mayPods(t, stays, "list", ""))
}

// The role of the shared binding differs, so the binding must be deleted and created. The creation
// fails at first.
func TestReplacedReadersBindingHasTheGroupsOfEveryTenant(t *testing.T) {
	own := cluster(t)
	const shared = "polyphony-cluster-reader-0" // the binding of the names below
	one, two := "shard-2", "shard-19"
	for _, name := range []string{one, two} {
		t.Cleanup(func() { _, _ = own.DeleteClusterReaders(context.Background(), name) })
		_, err := own.EnsureClusterReaders(t.Context(), topology.ClusterReaders{Tenant: name, Groups: []string{name + "-devs"}})
		require.NoError(t, err)
	}
	bindings := admin(t).RbacV1().ClusterRoleBindings()
	binding, err := bindings.Get(t.Context(), shared, metav1.GetOptions{})
	require.NoError(t, err)
	require.Contains(t, binding.Annotations, "readers.tenancy.polyphony.dev/"+one)
	require.Contains(t, binding.Annotations, "readers.tenancy.polyphony.dev/"+two)
	require.NoError(t, bindings.Delete(t.Context(), shared, metav1.DeleteOptions{}))
	binding.ObjectMeta = metav1.ObjectMeta{Name: shared, Labels: binding.Labels, Annotations: binding.Annotations}
	binding.Annotations["readers.tenancy.polyphony.dev/ghost"] = `["system:authenticated"]` // never a group of a tenant
	binding.RoleRef.Name = "view"
	_, err = bindings.Create(t.Context(), binding, metav1.CreateOptions{})
	require.NoError(t, err)

	failing := &injector{fault: fault{writes: true, happen: answer(http.StatusInternalServerError, "InternalError")}, nth: 2} // the creation
	_, err = cluster(t, failing.wrap).EnsureClusterReaders(t.Context(), topology.ClusterReaders{Tenant: one, Groups: []string{one + "-devs"}})
	require.NoError(t, err)
	require.True(t, failing.hit)
	binding, err = bindings.Get(t.Context(), shared, metav1.GetOptions{})
	require.NoError(t, err)
	var groups []string
	for _, subject := range binding.Subjects {
		groups = append(groups, subject.Name)
	}
	require.Contains(t, groups, one+"-devs")
	require.Contains(t, groups, two+"-devs")
	require.NotContains(t, groups, "system:authenticated")
	require.Equal(t, "polyphony-cluster-reader", binding.RoleRef.Name)
}

// A binding of Polyphony without its label still gives rights.
func TestEnsureAccessRefusesABindingWithoutItsLabel(t *testing.T) {
	t.Parallel()
	client := admin(t)
	s, name := provisioned(t, client)
	_, err := client.RbacV1().RoleBindings(name).Patch(t.Context(), "polyphony-developer", types.MergePatchType,
		[]byte(`{"metadata":{"labels":null}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	s.RBAC.Members = s.RBAC.Members[1:]
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err, "polyphony-developer")
}

// The garbage collector deletes an object together with its owner, which the tenant could delete.
func TestEnsureRemovesOwnerReferences(t *testing.T) {
	t.Parallel()
	client := admin(t)
	s, name := provisioned(t, client)
	owned := []byte(`{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"00000000-0000-0000-0000-000000000000"}]}}`)
	// The garbage collector deletes the object as soon as it sees that the owner does not exist, so
	// there is little time.
	_, err := client.NetworkingV1().NetworkPolicies(name).Patch(t.Context(), "polyphony", types.MergePatchType, owned, metav1.PatchOptions{})
	require.NoError(t, err)
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	policy, err := client.NetworkingV1().NetworkPolicies(name).Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err)
	require.Empty(t, policy.OwnerReferences)
}

// Another writer changes the object between the read and the write. Both changes are kept.
func TestEnsureRetriesAfterAnotherWrite(t *testing.T) {
	t.Parallel()
	client := admin(t)
	for what, between := range map[string]func(t *testing.T, policies policies){
		"edits": func(t *testing.T, policies policies) {
			_, err := policies.Patch(t.Context(), "polyphony", types.MergePatchType, []byte(`{"metadata":{"annotations":{"example.com/note":"kept"}}}`), metav1.PatchOptions{})
			require.NoError(t, err)
		},
		"deletes": func(t *testing.T, policies policies) {
			require.NoError(t, policies.Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, name := provisioned(t, client)
			s.NetworkIsolation.PublicInternetEgress = true
			racing := cluster(t, first(http.MethodPut, "networkpolicies", func() { between(t, client.NetworkingV1().NetworkPolicies(name)) }))
			_, err := score.Run(t.Context(), s.On(racing))
			require.NoError(t, err)
			policy, err := client.NetworkingV1().NetworkPolicies(name).Get(t.Context(), "polyphony", metav1.GetOptions{})
			require.NoError(t, err)
			require.Len(t, policy.Spec.Egress, 3)
			if what == "edits" {
				require.Equal(t, "kept", policy.Annotations["example.com/note"])
			}
		})
	}
}

type policies interface {
	Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*networkingv1.NetworkPolicy, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

// Another writer replaces the object by a foreign one between the read and the delete.
func TestDeleteKeepsAnObjectThatReplacedOurs(t *testing.T) {
	t.Parallel()
	client := admin(t)
	_, name := provisioned(t, client)
	policies := client.NetworkingV1().NetworkPolicies(name)
	racing := cluster(t, first(http.MethodDelete, "networkpolicies", func() {
		require.NoError(t, policies.Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
		_, err := policies.Create(t.Context(), &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "polyphony"}}, metav1.CreateOptions{})
		require.NoError(t, err)
	}))
	_, err := racing.DeleteNetworkRules(t.Context(), name)
	require.ErrorIs(t, err, topology.ErrConflict)
	_, err = policies.Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err)
}

// A group moves from one role to another.
func TestEnsureAccessWithdrawsBeforeItGrants(t *testing.T) {
	t.Parallel()
	s, name := provisioned(t, admin(t))
	s.RBAC.Members = []tenant.Member{{Role: tenant.Admin, Name: s.RBAC.Members[0].Name}}
	var seen recorder
	_, err := score.Run(t.Context(), s.On(cluster(t, seen.wrap)))
	require.NoError(t, err)
	_, writes := seen.take()
	at := "/apis/rbac.authorization.k8s.io/v1/namespaces/" + name
	require.Equal(t, []string{
		"DELETE " + at + "/rolebindings/polyphony-developer", "DELETE " + at + "/roles/polyphony-developer",
		"DELETE " + at + "/rolebindings/polyphony-viewer", "DELETE " + at + "/roles/polyphony-viewer",
		"POST " + at + "/roles", "POST " + at + "/rolebindings",
	}, writes[:6])
}

// A foreign object has the name of a shared binding. A tenant with readers is refused. A tenant
// without readers does not need the binding.
func TestEnsureClusterReadersRefusesAForeignBinding(t *testing.T) {
	const shared, tenantOfIt = "polyphony-cluster-reader-0", "shard-2"
	bindings := admin(t).RbacV1().ClusterRoleBindings()
	_ = bindings.Delete(t.Context(), shared, metav1.DeleteOptions{}) // it may not exist
	_, err := bindings.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: shared}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = bindings.Delete(context.Background(), shared, metav1.DeleteOptions{}) })
	change, err := cluster(t).DeleteClusterReaders(t.Context(), tenantOfIt)
	require.NoError(t, err)
	require.Equal(t, topology.Unchanged, change.Action)
	_, err = cluster(t).EnsureClusterReaders(t.Context(), topology.ClusterReaders{Tenant: tenantOfIt, Groups: []string{"devs"}})
	require.ErrorIs(t, err, topology.ErrConflict)
}

// The number of requests is MaxTries, also if the server names a time to wait.
func TestMaxTriesBoundsTheNumberOfRequests(t *testing.T) {
	i := &injector{
		fault:  fault{happen: answer(http.StatusTooManyRequests, "TooManyRequests", "Retry-After", "1")},
		nth:    1,
		always: true,
	}
	_, err := faulty(t, i, k8s.Options{MaxTries: 2}).Namespace(t.Context(), "any")
	require.ErrorIs(t, err, topology.ErrUnavailable)
	require.Equal(t, 2, i.seen)
}

func TestInvalidNamesAreRefusedWithoutRetries(t *testing.T) {
	for _, name := range []string{"", "a/b", "..", "A"} {
		_, err := cluster(t).Namespace(t.Context(), name)
		require.Error(t, err)
		require.NotErrorIs(t, err, topology.ErrUnavailable, name)
	}
}

// One caller discovers the platform, and its request hangs until the end of the test. Another
// caller waits for the result until its own deadline.
func TestPlatformWaitsNoLongerThanItsContext(t *testing.T) {
	started := make(chan struct{})
	top := cluster(t, first(http.MethodGet, "/apis", func() {
		close(started)
		<-t.Context().Done()
	}))
	go func() { _, _ = top.Platform(context.Background()) }()
	<-started
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := top.Platform(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
