package k8s_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// kinds are the kinds of objects of requests. Pods are listed three times, since most rules are
// about pods.
var kinds = []kind{
	{"", "pods", grammar.pod},
	{"", "pods", grammar.pod},
	{"", "pods", grammar.pod},
	{"", "services", grammar.service},
	{"", "persistentvolumeclaims", grammar.claim},
	{"", "configmaps", grammar.configMap},
	{"", "secrets", grammar.secret},
	{"", "endpoints", grammar.endpoints},
	{"discovery.k8s.io", "endpointslices", grammar.endpointSlice},
	{"networking.k8s.io", "ingresses", grammar.ingress},
}

type kind struct {
	group, resource string
	make            func(g grammar, tenant, name string) object
}

// twins are a cluster and the fake, with the same tenants.
type twins struct {
	guarded
	grammar
	model *fake.Topology
}

const (
	modelTenants  = 12
	modelRequests = 150 // for each tenant
	modelObjects  = 3   // of each kind, which exist before the requests
)

// testModel sends the same random requests to the API server and to the fake. The verdict and the
// fence must be the same. If several guardrails refuse, the API server names any of them, so its
// rule must be one of those that the fake finds.
func testModel(t *testing.T, g guarded) {
	g.furnish(t)
	platform, err := g.cluster(t).Platform(t.Context())
	require.NoError(t, err)
	both := twins{g, grammar{rand.New(rand.NewPCG(20251122, 1))}, fake.New(fake.Options{Platform: &platform})}
	var tenants []writer
	existing := map[string][]topology.Request{}
	for i := range modelTenants {
		w := both.newTenant(t, fmt.Sprintf("model-%d", i))
		tenants = append(tenants, w)
		existing[w.namespace] = both.putObjects(t, w)
		both.fence(t, w)
	}
	g.install(t)
	both.install(t, topology.AllGuardrails()...)

	refused, otherwise, admitted := map[topology.Guardrail]int{}, map[topology.Fence]int{}, 0
	for _, w := range tenants {
		for range modelRequests {
			r := both.request(t, w, existing[w.namespace])
			verdict, err := g.cluster(t).Admit(t.Context(), r)
			switch {
			case err != nil:
				assert.NoError(t, err, "%s %s/%s %s", r.Verb, r.Resource, r.Name, r.Object)
			case verdict.By == topology.FenceGuardrails:
				refused[verdict.Rule]++
				both.install(t, verdict.Rule)
				both.modelSays(t, r, verdict)
				both.install(t, topology.AllGuardrails()...)
			case verdict.Allowed:
				admitted++
				both.modelSays(t, r, verdict)
			case verdict.By == topology.FenceOther: // not a fence of Polyphony
				otherwise[verdict.By]++
			default:
				otherwise[verdict.By]++
				both.modelSays(t, r, verdict)
			}
		}
	}
	t.Log("refused by guardrails:", refused, "by other fences:", otherwise, "admitted:", admitted)
	for _, fence := range []topology.Fence{topology.FenceLimits, topology.FencePodSecurity, topology.FenceQuota} {
		require.GreaterOrEqual(t, otherwise[fence], 30, "%s", fence)
	}
	all := 0
	for _, rule := range topology.AllGuardrails() {
		all += refused[rule]
		require.True(t, refused[rule] > 0 || rule == topology.GuardrailNamespaces, "nothing was refused by %s", rule)
	}
	require.GreaterOrEqual(t, all, 150)
	require.GreaterOrEqual(t, admitted, 150)
}

// furnish creates storage classes and priority classes, one of each as the default.
func (g guarded) furnish(t *testing.T) {
	t.Helper()
	for _, name := range []string{"bronze", "gold", "silver"} {
		class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "example.com/none"}
		if name == "gold" {
			class.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
		}
		_, err := g.client.StorageV1().StorageClasses().Create(t.Context(), class, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	for _, name := range []string{"high", "usual"} {
		class := &schedulingv1.PriorityClass{
			ObjectMeta:    metav1.ObjectMeta{Name: name},
			Value:         1000,
			GlobalDefault: name == "usual",
		}
		_, err := g.client.SchedulingV1().PriorityClasses().Create(t.Context(), class, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	outsider{g.client}.Put(t, "", "node.k8s.io", "runtimeclasses", `{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{"name":"sandbox"},"handler":"sandbox"}`)
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	require.Eventually(t, func() bool { // until admission knows the classes
		claim := &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "c"},
			Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources: corev1.VolumeResourceRequirements{
					Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")},
				},
			},
		}
		claim, err := g.client.CoreV1().PersistentVolumeClaims("default").Create(t.Context(), claim, dry)
		if err != nil || claim.Spec.StorageClassName == nil {
			return false
		}
		pod, err := g.client.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: restricted()}, dry)
		return err == nil && pod.Spec.PriorityClassName == "usual"
	}, eventuallyWait, eventuallyTick)
}

// newTenant creates a tenant with random allowances on both.
func (b twins) newTenant(t *testing.T, name string) writer {
	t.Helper()
	allowed := b.allowances(name)
	w := b.guarded.newTenant(t, name, allowed)
	_, err := b.model.EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: topology.PodSecurityBaseline, Allowed: allowed})
	require.NoError(t, err)
	_, err = b.client.CoreV1().ServiceAccounts(name).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "builder"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	controllers := writers(name)
	controllers.Role, controllers.Subjects[0].Name = "controllers", "system:serviceaccounts:kube-system"
	for _, user := range components[1:] {
		controllers.Subjects = append(controllers.Subjects, rbac.Subject{Kind: rbac.User, Name: user})
	}
	outsider{b.client}.Grant(t, name, controllers)
	for _, grant := range []topology.Grant{writers(name), controllers} {
		b.model.Outsider().Grant(name, grant)
	}
	require.Eventually(t, func() bool {
		_, err := b.client.CoreV1().ServiceAccounts(name).Get(t.Context(), "default", metav1.GetOptions{})
		return err == nil && w.admit(t, by(components[0], w.creates("", "configmaps", plainConfigMap))).Allowed
	}, eventuallyWait, eventuallyTick)
	return w
}

// fence gives the tenant random bounds and a random pod security level on both. The objects that
// exist stay.
func (b twins) fence(t *testing.T, w writer) {
	t.Helper()
	ns, err := b.model.Namespace(t.Context(), w.namespace)
	require.NoError(t, err)
	ns.PodSecurity = one(b.grammar, topology.PodSecurityRestricted, topology.PodSecurityBaseline, topology.PodSecurityPrivileged)
	quota, limits := b.quota(w.namespace), b.limits(w.namespace)
	for _, top := range []fences{b.cluster(t), b.model} {
		_, err := top.EnsureNamespace(t.Context(), ns)
		require.NoError(t, err)
		_, err = top.EnsureQuota(t.Context(), quota)
		require.NoError(t, err)
		_, err = top.EnsureLimitRange(t.Context(), limits)
		require.NoError(t, err)
		require.NoError(t, top.AwaitQuota(t.Context(), w.namespace))
	}
}

type fences interface {
	topology.Namespaces
	topology.Quotas
	topology.LimitRanges
}

// components are components of the infrastructure.
var components = []string{
	"system:serviceaccount:kube-system:replicaset-controller",
	"system:apiserver", "system:cloud-controller-manager", "system:kube-controller-manager", "system:kube-scheduler",
}

func by(user string, r topology.Request) topology.Request {
	r.User, r.Groups = user, nil
	return r
}

// putObjects stores random objects before the guardrails apply, and returns requests that change
// them.
func (b twins) putObjects(t *testing.T, w writer) []topology.Request {
	t.Helper()
	var changes []topology.Request
	for _, kind := range kinds[2:] {
		path := []string{"/api"}
		if kind.group != "" {
			path = []string{"/apis", kind.group}
		}
		path = append(path, "v1", "namespaces", w.namespace, kind.resource)
		for i := range modelObjects {
			name := fmt.Sprintf("there-%d", i)
			made := kind.make(b.grammar, w.namespace, name)
			if spec, ok := made["spec"].(object); ok {
				delete(spec, "nodeName") // the cluster deletes pods of missing nodes after a while
			}
			manifest := marshal(t, made)
			stored, err := b.client.RESTClient().Post().AbsPath(path...).SetHeader("Content-Type", "application/json").SetHeader("Accept", "application/json").
				Body([]byte(manifest)).DoRaw(t.Context())
			if err != nil {
				continue // the object is not valid
			}
			b.model.Outsider().Put(w.namespace, kind.group, kind.resource, name, stored)
			change := w.creates(kind.group, kind.resource, "")
			change.Verb, change.Name = "patch", name
			changes = append(changes, change)
		}
	}
	return changes
}

// request returns a random request by a random sender.
func (b twins) request(t *testing.T, w writer, existing []topology.Request) topology.Request {
	t.Helper()
	kind := kinds[b.IntN(len(kinds))]
	r := w.creates(kind.group, kind.resource, marshal(t, kind.make(b.grammar, w.namespace, "new")))
	if b.IntN(3) == 0 {
		r = one(b.grammar, existing...)
		patch := b.patch(w.namespace, r.Resource)
		r.Object = []byte(marshal(t, patch))
		if r.Resource == "pods" && b.IntN(4) == 0 {
			r.Subresource, r.Object = "ephemeralcontainers", []byte(marshal(t, object{"spec": object{"ephemeralContainers": list{b.container("debug")}}}))
		}
	}
	switch b.IntN(4) {
	case 0:
		return by(one(b.grammar, components...), r)
	case 1:
		r.User, r.Groups = "an-administrator", []string{"system:masters"}
	}
	return r
}

func (b twins) patch(tenant, resource string) object {
	if resource == "pods" {
		return b.podPatch()
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.resource == resource })
	return b.patchOf(kinds[i].make(b.grammar, tenant, ""))
}

func (b twins) install(t *testing.T, rules ...topology.Guardrail) {
	t.Helper()
	_, err := b.model.EnsureGuardrails(t.Context(), topology.GuardrailSet{Version: topology.GuardrailsVersion, Rules: rules})
	require.NoError(t, err)
}

// modelSays requires the verdict of the API server from the model. Only the texts of guardrails
// must be the same.
func (b twins) modelSays(t *testing.T, r topology.Request, want topology.Verdict) {
	t.Helper()
	have, err := b.model.Admit(t.Context(), r)
	same := err == nil && have.Allowed == want.Allowed && have.By == want.By && have.Rule == want.Rule
	if want.By == topology.FenceGuardrails {
		same = same && have.Reason == want.Reason
	}
	assert.True(t, same, "%s as %s: %s %s/%s %s\n%s\nAPI server: %+v\nmodel: %+v %v",
		r.Verb, r.User, r.Resource, r.Name, r.Subresource, r.Object, marshal(t, object{"in": b.model.State().Namespaces[r.Namespace]}), want, have, err)
}
