package fake_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func asks(verb, kind, name, object string) topology.Request {
	return topology.Request{
		Question: rbac.Question{
			User:      "root",
			Groups:    []string{"system:masters"},
			Verb:      verb,
			Resource:  kind,
			Namespace: "acme",
			Name:      name,
		},
		Object: json.RawMessage(object),
	}
}

// The fake neither allows nor refuses what it does not model.
func TestAdmitReturnsErrNotModelled(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := top.EnsureNamespace(t.Context(), topology.Namespace{Name: "acme"})
	require.NoError(t, err)
	top.Outsider().Put("acme", "", "pods", "web", json.RawMessage(`{"spec":{"containers":[{"name":"app"}]}}`))
	resize := asks("patch", "pods", "web", `{"spec":{"containers":[{"name":"app","resources":{"requests":{"cpu":"1"}}}]}}`)
	resize.Subresource = "resize"
	for _, r := range []topology.Request{asks("create", "pods", "", `{"spec":{"resources":{"requests":{"cpu":"1"}}}}`), resize} {
		_, err := top.Admit(t.Context(), r)
		require.ErrorIs(t, err, topology.ErrNotModelled)
	}
	for _, r := range []topology.Request{asks("create", "pods", "", `{"spec":{}}`), asks("patch", "pods", "web", `{"metadata":{"labels":{"a":"b"}}}`)} {
		verdict, err := top.Admit(t.Context(), r)
		require.NoError(t, err)
		require.Equal(t, topology.Verdict{Allowed: true}, verdict)
	}
}

func TestAdmitAppliesQuotas(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := top.EnsureNamespace(t.Context(), topology.Namespace{Name: "acme"})
	require.NoError(t, err)
	top.Outsider().Put("acme", "", "secrets", "one", json.RawMessage(`{}`))
	for _, key := range []string{"secrets", "count/secrets"} {
		for count, want := range map[string]topology.Fence{"0": topology.FenceQuota, "1": topology.FenceQuota, "2": ""} {
			_, err := top.EnsureQuota(t.Context(), topology.Quota{Namespace: "acme", Hard: map[string]resource.Quantity{key: resource.MustParse(count)}})
			require.NoError(t, err)
			verdict, err := top.Admit(t.Context(), asks("create", "secrets", "", `{}`))
			require.NoError(t, err)
			require.Equal(t, want, verdict.By, "%s: %s", key, count)
			verdict, err = top.Admit(t.Context(), asks("patch", "secrets", "one", `{"data":{}}`))
			require.NoError(t, err)
			require.True(t, verdict.Allowed, "an object that exists uses nothing more")
		}
	}
}

func TestAdmitInANamespaceThatIsBeingDeleted(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := top.EnsureNamespace(t.Context(), topology.Namespace{Name: "acme"})
	require.NoError(t, err)
	top.Outsider().Hold("acme", "a finalizer")
	_, err = top.DeleteNamespace(t.Context(), "acme")
	require.NoError(t, err)
	verdict, err := top.Admit(t.Context(), asks("create", "secrets", "", `{}`))
	require.NoError(t, err)
	require.Equal(t, topology.FenceOther, verdict.By)
	top.Outsider().Release("acme")
	_, err = top.Admit(t.Context(), asks("create", "secrets", "", `{}`))
	require.ErrorIs(t, err, topology.ErrNotFound)
}

// Data that is not an object is an error, and does not count as an object without fields.
func TestAdmitRefusesWhatIsNotAnObject(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := top.EnsureNamespace(t.Context(), topology.Namespace{Name: "acme"})
	require.NoError(t, err)
	_, err = top.EnsureGuardrails(t.Context(), topology.GuardrailSet{Version: topology.GuardrailsVersion, Rules: topology.AllGuardrails()})
	require.NoError(t, err)
	for kind, objects := range map[string][]string{
		"services": {`[]`, `{"spec":{"externalIPs":"192.0.2.1"}}`, `{"metadata":{"finalizers":"x"}}`}, "pods": {`"pod"`, `{"spec":{"volumes":"all"}}`},
	} {
		for _, object := range objects {
			_, err := top.Admit(t.Context(), asks("create", kind, "", object))
			require.ErrorIs(t, err, topology.ErrInvalid, object)
		}
	}
	top.Outsider().Put("acme", "", "services", "web", json.RawMessage(`[]`))
	_, err = top.Violations(t.Context(), topology.AllGuardrails())
	require.ErrorIs(t, err, topology.ErrInvalid)
}

// As in a cluster, the namespace of a request is that of its object, whether the object names it or
// not.
func TestAdmitFillsInTheNamespaceOfAnObject(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := top.EnsureNamespace(t.Context(), topology.Namespace{Name: "acme"})
	require.NoError(t, err)
	_, err = top.EnsureGuardrails(t.Context(), topology.GuardrailSet{
		Version: topology.GuardrailsVersion, Rules: []topology.Guardrail{topology.GuardrailPlacement},
	})
	require.NoError(t, err)
	for namespace, allowed := range map[string]bool{"acme": true, "globex": false} {
		verdict, err := top.Admit(t.Context(), asks("create", "pods", "", `{"metadata":{"name":"web"},"spec":{"affinity":{"podAffinity":{
			"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","namespaces":["`+namespace+`"]}]}}}}`))
		require.NoError(t, err)
		require.Equal(t, allowed, verdict.Allowed, "affinity to pods in %s: %+v", namespace, verdict)
	}
}
