package k8s_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// Guardrails apply to a whole cluster, so these tests start another cluster, and run in sequence.
func TestGuardrails(t *testing.T) {
	t.Parallel()
	own, err := testcluster.Start(t.Context(), testcluster.Options{Log: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop()) })
	g := guarded{own: own, client: adminOf(t, own), kubeconfig: kubeconfigOf(t, own)}
	top := g.cluster(t)
	h := topologytest.Harness[*k8s.Topology]{Topology: top, DryRun: top.DryRun(), Outsider: outsider{g.client}}
	t.Run("Conformance", func(t *testing.T) { topologytest.Guardrails(t, h) })
	for name, test := range map[string]func(*testing.T, guarded){
		"policies type-check":                         testTypes,
		"drift is named and repaired":                 testGuardrailDrift,
		"a newer version is not changed":              testNewerVersion,
		"foreign objects are not changed":             testForeignGuardrails,
		"the right to bypass is for one rule":         testBypass,
		"an interrupted run is finished":              testInterruptedGuardrails,
		"an interrupted removal is finished":          testInterruptedRemoval,
		"a second run reads twice and writes nothing": testSecondGuardrails,
		"concurrent runs converge":                    testTwoGuardrails,
		"routes need hosts within the domains":        testRoutes,
		"violations are listed page by page":          testManyViolations,
		"the model agrees with the API server":        testModel,
		"impersonation needs a right":                 testImpersonation,
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { g.remove(t) })
			test(t, g)
		})
	}
}

// guarded is a cluster whose guardrails the tests change.
type guarded struct {
	own        *testcluster.Cluster
	client     *kubernetes.Clientset // of the administrator
	kubeconfig string                // of the provisioner
}

func (g guarded) cluster(t *testing.T, wrap ...func(http.RoundTripper) http.RoundTripper) *k8s.Topology {
	t.Helper()
	cfg := load(t, g.kubeconfig)
	for _, w := range wrap {
		cfg.Wrap(w)
	}
	top, err := k8s.New(cfg, k8s.Options{Name: "test"})
	require.NoError(t, err)
	return top
}

func every() topology.GuardrailSet {
	return topology.GuardrailSet{Version: topology.GuardrailsVersion, Rules: topology.AllGuardrails()}
}

func (g guarded) install(t *testing.T) {
	t.Helper()
	_, err := g.cluster(t).EnsureGuardrails(t.Context(), every())
	require.NoError(t, err)
	g.await(t)
}

func (g guarded) await(t *testing.T) {
	t.Helper()
	require.NoError(t, g.cluster(t).AwaitGuardrails(t.Context()))
}

// violations returns the violations in a namespace.
func (g guarded) violations(t *testing.T, namespace string) []topology.Violation {
	t.Helper()
	all, err := g.cluster(t).Violations(t.Context(), topology.AllGuardrails())
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(v topology.Violation) bool { return v.Namespace != namespace })
}

// remove removes every guardrail, also if the test has failed.
func (g guarded) remove(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	require.NoError(t, g.policies().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	require.NoError(t, g.bindings().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
}

// newTenant creates a tenant with a group that may write everything that guardrails are about.
func (g guarded) newTenant(t *testing.T, name string, allowed topology.Allowances) writer {
	t.Helper()
	_, err := g.cluster(t).EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: topology.PodSecurityBaseline, Allowed: allowed})
	require.NoError(t, err)
	removeLater(t, g.client, name)
	outsider{g.client}.Grant(t, name, writers(name))
	w := writer{g.cluster(t), name, name + "-writer", []string{name + "-writers"}}
	require.Eventually(t, func() bool { return w.admit(t, w.creates("", "configmaps", plainConfigMap)).Allowed }, eventuallyWait, eventuallyTick)
	return w
}

const plainConfigMap = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}`

// writers is a role with the right to write everything that guardrails are about.
func writers(namespace string) topology.Grant {
	return topology.Grant{
		Role: "writers", Subjects: []rbac.Subject{{Kind: rbac.Group, Name: namespace + "-writers"}},
		Rules: []rbac.Rule{{
			APIGroups: []string{"", "discovery.k8s.io", "networking.k8s.io", "gateway.networking.k8s.io"}, Verbs: []string{"create", "patch"},
			Resources: []string{"pods", "pods/ephemeralcontainers", "services", "persistentvolumeclaims", "configmaps", "endpoints", "endpointslices", "ingresses", "httproutes", "secrets"},
		}},
	}
}

// writer sends requests in one namespace.
type writer struct {
	top       topology.Admission
	namespace string
	user      string
	groups    []string
}

func (w writer) creates(group, resource, object string) topology.Request {
	return topology.Request{
		Question: rbac.Question{
			User:      w.user,
			Groups:    w.groups,
			Verb:      "create",
			APIGroup:  group,
			Resource:  resource,
			Namespace: w.namespace,
		},
		Object: json.RawMessage(object),
	}
}

func (w writer) admit(t *testing.T, r topology.Request) topology.Verdict {
	t.Helper()
	verdict, err := w.top.Admit(t.Context(), r)
	require.NoError(t, err)
	return verdict
}

func (w writer) refused(t *testing.T, r topology.Request, by topology.Guardrail) {
	t.Helper()
	verdict := w.admit(t, r)
	require.Equal(t, by, verdict.Rule, "%s %s: %+v", r.Resource, r.Object, verdict)
}

func (w writer) admitted(t *testing.T, r topology.Request) {
	t.Helper()
	require.Equal(t, topology.Verdict{Allowed: true}, w.admit(t, r), "%s %s", r.Resource, r.Object)
}

const externalIPs = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"ports":[{"port":80}],"externalIPs":["192.0.2.1"]}}`

// testTypes waits for the type check of the expressions by the API server's controller.
func testTypes(t *testing.T, g guarded) {
	g.install(t)
	list, err := g.policies().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, len(topology.AllGuardrails())+1, "every rule and the probe")
	for _, p := range list.Items {
		require.Eventually(t, func() bool {
			have, err := g.policies().Get(t.Context(), p.Name, metav1.GetOptions{})
			require.NoError(t, err)
			if have.Status.TypeChecking == nil || have.Status.ObservedGeneration != have.Generation {
				return false
			}
			require.Empty(t, have.Status.TypeChecking.ExpressionWarnings, p.Name)
			return true
		}, eventuallyWait, eventuallyTick, p.Name)
	}
}

func testBypass(t *testing.T, g guarded) {
	w := g.newTenant(t, "bypass", topology.Allowances{})
	g.install(t)
	service := w.creates("", "services", externalIPs)
	slice := w.creates("discovery.k8s.io", "endpointslices", `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"web"},"addressType":"IPv4","endpoints":[{"addresses":["192.0.2.1"]}]}`)
	rules := []rbacv1.PolicyRule{{APIGroups: []string{"tenancy.polyphony.dev"}, Resources: []string{"guardrails"}, ResourceNames: []string{"services"}, Verbs: []string{"bypass"}}}
	group := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: w.groups[0]}}
	meta := metav1.ObjectMeta{Name: "bypass-services"}
	roles, create := g.client.RbacV1(), metav1.CreateOptions{}

	_, err := roles.Roles(w.namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, create)
	require.NoError(t, err)
	_, err = roles.RoleBindings(w.namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta, Subjects: group, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
	}, create)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		answer, err := g.cluster(t).Authorize(t.Context(), rbac.Question{
			Groups: w.groups, Verb: "bypass", APIGroup: "tenancy.polyphony.dev", Resource: "guardrails", Name: "services", Namespace: w.namespace,
		})
		return err == nil && answer.Allowed
	}, eventuallyWait, eventuallyTick)
	w.refused(t, service, topology.GuardrailServices) // although it has every right in its own namespace

	_, err = roles.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, create)
	require.NoError(t, err)
	_, err = roles.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, Subjects: group, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
	}, create)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return w.admit(t, service).Allowed }, eventuallyWait, eventuallyTick)
	w.refused(t, slice, topology.GuardrailEndpoints)
}

// testImpersonation sends a request by a caller without the right to impersonate, which is not a
// refusal of the sender.
func testImpersonation(t *testing.T, g guarded) {
	path, err := g.own.KubeconfigFor("without-rights")
	require.NoError(t, err)
	top, err := k8s.New(load(t, path), k8s.Options{})
	require.NoError(t, err)
	w := writer{top, "default", "dev", nil}
	for _, groups := range [][]string{nil, {"system:masters"}} {
		w.groups = groups
		_, err = top.Admit(t.Context(), w.creates("", "configmaps", plainConfigMap))
		require.ErrorIs(t, err, topology.ErrForbidden)
		require.ErrorContains(t, err, "impersonate")
	}
}

// httpRoutes defines the resource without any validation.
const httpRoutes = `{
	"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
	"metadata": {"name": "httproutes.gateway.networking.k8s.io", "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
	"spec": {
		"group": "gateway.networking.k8s.io", "scope": "Namespaced", "names": {"plural": "httproutes", "singular": "httproute", "kind": "HTTPRoute"},
		"versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]
	}
}`

func testRoutes(t *testing.T, g guarded) {
	const gateway = "gateway.networking.k8s.io"
	w := g.newTenant(t, "routes", topology.Allowances{Domains: []string{"acme.example.com"}})
	require.Empty(t, g.violations(t, w.namespace), "the cluster does not serve routes")
	out := outsider{g.client}
	out.Put(t, "", "apiextensions.k8s.io", "customresourcedefinitions", httpRoutes)
	route := func(name, spec string) string {
		return `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"` + name + `"},"spec":{` + spec + `}}`
	}
	foreign := w.creates(gateway, "httproutes", route("foreign", `"hostnames":["acme.example.com","bank.example.com"]`))
	require.Eventually(t, func() bool {
		verdict, err := w.top.Admit(t.Context(), foreign)
		return err == nil && verdict.Allowed
	}, eventuallyWait, eventuallyTick, "the cluster serves routes")
	out.Put(t, w.namespace, gateway, "httproutes", route("before", `"rules":[]`))
	out.Put(t, w.namespace, gateway, "httproutes", route("fine", `"hostnames":["acme.example.com"]`))

	g.install(t)
	w.refused(t, foreign, topology.GuardrailIngress)
	w.refused(t, w.creates(gateway, "httproutes", route("all", `"rules":[]`)), topology.GuardrailIngress)
	w.admitted(t, w.creates(gateway, "httproutes", route("own", `"hostnames":["acme.example.com","*.acme.example.com"]`)))
	patch := w.creates(gateway, "httproutes", `{"metadata":{"labels":{"a":"b"}}}`)
	patch.Verb, patch.Name = "patch", "before"
	w.admitted(t, patch)
	violations := g.violations(t, w.namespace)
	require.Len(t, violations, 1)
	require.Equal(t, topology.Violation{
		Rule: topology.GuardrailIngress, Namespace: w.namespace, Kind: "HTTPRoute", Name: "before", Message: violations[0].Message,
	}, violations[0])
}
