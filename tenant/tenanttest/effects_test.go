package tenanttest_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// A quota bounds nothing until it is in force, so rights come after it. A member that creates pods
// as early as possible gets no more than the quota.
func TestBurstOfPodsStaysWithinTheQuota(t *testing.T) {
	s := newFixture(t)
	acme := s.tenant(t, "burst")
	acme.ResourceQuotas.Objects.Services = new(int64(5)) // of which the cluster itself makes none in a new namespace
	count := func() int {
		list, err := s.admin.CoreV1().Services(acme.TenantConfig.Name).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		return len(list.Items)
	}

	developer := s.member(t, acme, tenant.Developer)
	services := developer.at("services.v1.")
	ports := fields{"ports": []any{fields{"port": int64(80)}}}
	var tried, created atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if developer.create(t.Context(), manifest("v1", "Service", fmt.Sprintf("burst-%d-%d", worker, i), ports)) == nil {
					created.Add(1)
				}
				tried.Add(1)
			}
		})
	}
	t.Cleanup(func() { stop.Store(true); wg.Wait() })
	require.Eventually(t, func() bool { return tried.Load() > 0 }, patience, tick)
	_, err := score.Run(t.Context(), acme.On(s.top))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return created.Load() >= 5 }, patience, tick)
	so := tried.Load()
	require.Eventually(t, func() bool { return tried.Load() >= so+64 }, patience, tick, "they still try")
	require.Equal(t, 5, count(), "%d of %d attempts succeeded", created.Load(), tried.Load())

	// They still try: what is deleted makes room for one.
	before := created.Load()
	list, err := services.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NoError(t, services.Delete(t.Context(), list.Items[0].GetName(), metav1.DeleteOptions{}))
	require.Eventually(t, func() bool { return created.Load() == before+1 }, patience, tick)
	stop.Store(true)
	wg.Wait()
	require.Equal(t, 5, count())
}

// RBAC identifies service accounts by name alone. A new tenant of that name would have their
// rights.
func TestReusedNamespaceNameInheritsNoRights(t *testing.T) {
	s := newFixture(t)
	victim, heir, other := s.tenant(t, "victim"), s.tenant(t, "heir"), s.tenant(t, "other")
	_, err := score.Run(t.Context(), victim.On(s.top), heir.On(s.top), other.On(s.top))
	require.NoError(t, err)
	bindings, namespaces := s.admin.RbacV1().RoleBindings(victim.TenantConfig.Name), s.admin.CoreV1().Namespaces()
	for _, of := range []tenant.TenantScore{heir, other} {
		_, err := bindings.Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: of.TenantConfig.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "polyphony-admin"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: of.TenantConfig.Name, Name: "ci"}},
		}, metav1.CreateOptions{})
		require.NoError(t, err)
		require.NoError(t, namespaces.Delete(t.Context(), of.TenantConfig.Name, metav1.DeleteOptions{}))
	}
	gone := func(of tenant.TenantScore) bool {
		_, err := namespaces.Get(t.Context(), of.TenantConfig.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}
	require.Eventually(t, func() bool { return gone(heir) && gone(other) }, patience, tick) // behind whatever else is being removed
	reads := func(of tenant.TenantScore) bool {
		answer, err := s.top.Authorize(t.Context(), rbac.Question{
			User: "system:serviceaccount:" + of.TenantConfig.Name + ":ci", Verb: "get", Resource: "secrets", Namespace: victim.TenantConfig.Name,
		})
		require.NoError(t, err)
		return answer.Allowed
	}

	report, err := score.Run(t.Context(), heir.On(s.top))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err, "RoleBinding "+victim.TenantConfig.Name+"/"+heir.TenantConfig.Name+" (ci)")
	require.False(t, report.Changed())
	require.True(t, gone(heir))

	heir.TenantConfig.InheritGrants = true
	_, err = score.Run(t.Context(), heir.On(s.top))
	require.NoError(t, err)
	require.False(t, gone(heir))
	require.True(t, reads(heir), "what it has inherited")

	require.NoError(t, bindings.Delete(t.Context(), other.TenantConfig.Name, metav1.DeleteOptions{}))
	_, err = score.Run(t.Context(), other.On(s.top))
	require.NoError(t, err, "without the grant there is nothing to inherit")
	require.Eventually(t, func() bool { return !reads(other) }, patience, tick)
}

// The rules of all policies add up, so one empty rule opens everything. A run removes it,
// regardless of its field manager.
func TestRunClosesAPolicyThatAnotherWriterOpened(t *testing.T) {
	s := newFixture(t)
	acme := s.tenant(t, "policy")
	_, err := score.Run(t.Context(), acme.On(s.top))
	require.NoError(t, err)
	policies := s.admin.NetworkingV1().NetworkPolicies(acme.TenantConfig.Name)
	before, err := policies.Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err)
	opened, err := policies.Patch(t.Context(), "polyphony", types.MergePatchType, []byte(`{"spec":{"ingress":[{}]}}`),
		metav1.PatchOptions{FieldManager: "somebody-else"})
	require.NoError(t, err)
	require.NotEqual(t, before.Spec, opened.Spec)

	report, err := score.Run(t.Context(), acme.On(s.top))
	require.NoError(t, err)
	changed := slices.DeleteFunc(report.Changes(), func(c topology.Change) bool { return c.Action == topology.Unchanged })
	require.Len(t, changed, 1)
	require.Equal(t, topology.KindNetworkRules, changed[0].Kind)
	require.Equal(t, topology.Updated, changed[0].Action)
	require.Len(t, changed[0].Fields, 1)
	require.Equal(t, "ingress[0].peers", changed[0].Fields[0].Path)
	after, err := policies.Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, before.Spec, after.Spec)
}

// Controllers create pods and claims with their own rights, so a template can ask for a pod that
// its author may not create.
func TestControllersCreateNoRefusedPods(t *testing.T) {
	s := newFixture(t)
	acme := s.tenant(t, "templates")
	name := acme.TenantConfig.Name
	_, err := score.Run(t.Context(), acme.On(s.top))
	require.NoError(t, err)
	s.awaitRights(t, acme)
	developer := s.member(t, acme, tenant.Developer)

	tests := []struct {
		app                   string
		pod, container, claim fields // added to a harmless object: a StatefulSet if claim is set, otherwise a Deployment
		refusal               string // empty: the pod appears
	}{
		{app: "harmless"},
		{app: "node-name", pod: fields{"nodeName": "node-1"}, refusal: "'polyphony-placement'"},
		{app: "tolerations", pod: fields{"tolerations": []any{fields{"operator": "Exists"}}}, refusal: "'polyphony-placement'"},
		{app: "priority", pod: fields{"priorityClassName": "system-cluster-critical"}, refusal: "'polyphony-placement'"},
		{app: "image", container: fields{"image": "evil.example.com/x"}, refusal: "'polyphony-images'"},
		{app: "inline-volume", pod: fields{"volumes": []any{fields{"name": "v", "csi": fields{"driver": "csi.example.com"}}}}, refusal: "'polyphony-volumes'"},
		{app: "default-token", pod: fields{"automountServiceAccountToken": true}, refusal: "'polyphony-default-token'"},
		{app: "host-network", pod: fields{"hostNetwork": true}, refusal: `violates PodSecurity "restricted:`},
		{app: "beyond-the-quota", container: fields{"resources": fields{"limits": fields{"cpu": "100"}}}, refusal: "exceeded quota: polyphony"},
		{app: "harmless-claim", claim: fields{}},
		{app: "named-volume", claim: fields{"volumeName": "theirs"}, refusal: "'polyphony-claims'"},
		{app: "other-class", claim: fields{"storageClassName": "fast"}, refusal: "'polyphony-claims'"},
	}
	for _, tt := range tests {
		spec := fields{"selector": fields{"matchLabels": fields{"app": tt.app}}, "template": podTemplate(acme, tt.app, tt.pod, tt.container)}
		kind := "Deployment"
		if tt.claim != nil {
			kind = "StatefulSet"
			claim := fields{"accessModes": []any{"ReadWriteOnce"}, "storageClassName": "standard", "resources": fields{"requests": fields{"storage": "1Gi"}}}
			maps.Copy(claim, tt.claim)
			spec["volumeClaimTemplates"] = []any{fields{"metadata": fields{"name": "data"}, "spec": claim}}
		}
		require.NoError(t, developer.create(t.Context(), manifest("apps/v1", kind, tt.app, spec)), "the template itself is stored: %s", tt.app)
	}
	pods := func(ctx context.Context, t require.TestingT, app string) int {
		list, err := s.admin.CoreV1().Pods(name).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
		require.NoError(t, err)
		return len(list.Items)
	}
	for _, tt := range tests {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			var own []string
			for _, failure := range s.failures(t.Context(), c, name) {
				if owner, message, _ := strings.Cut(failure, ": "); strings.HasSuffix(owner, " "+tt.app) || strings.Contains(owner, " "+tt.app+"-") {
					own = append(own, message)
				}
			}
			if tt.refusal == "" {
				assert.Empty(c, own)
				assert.Equal(c, 1, pods(t.Context(), c, tt.app))
				return
			}
			require.NotEmpty(c, own)
			assert.Contains(c, own[0], tt.refusal)
		}, patience, tick, tt.app)
	}
	for _, tt := range tests {
		require.Equal(t, tt.refusal == "", pods(t.Context(), t, tt.app) == 1, tt.app)
	}
	_, claims := s.count(t.Context(), t, name)
	require.Equal(t, 1, claims, "only the claim of harmless-claim")
}

// fields is a part of an object.
type fields = map[string]any

// manifest returns an object. A nil spec is left out.
func manifest(apiVersion, kind, name string, spec fields) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: fields{"apiVersion": apiVersion, "kind": kind}}
	object.SetName(name)
	if spec != nil {
		object.Object["spec"] = spec
	}
	return object
}

// podTemplate returns a template of pods that the tenant may run, with more fields of the pod and
// of its container.
func podTemplate(of tenant.TenantScore, app string, morePod, moreContainer fields) fields {
	container := fields{
		"name": "app", "image": of.TenantConfig.ImageRegistries[0] + "/app:1",
		"securityContext": fields{"allowPrivilegeEscalation": false, "capabilities": fields{"drop": []any{"ALL"}}},
	}
	maps.Copy(container, moreContainer)
	pod := fields{
		"automountServiceAccountToken": false,
		"securityContext":              fields{"runAsNonRoot": true, "seccompProfile": fields{"type": "RuntimeDefault"}},
		"containers":                   []any{container},
	}
	maps.Copy(pod, morePod)
	return fields{"metadata": fields{"labels": fields{"app": app}}, "spec": pod}
}
