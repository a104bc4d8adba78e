package testcluster

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// makeNamespace creates a namespace with these labels, in which pods can be created. Each has
// another name, because the deletion of a namespace takes some seconds.
func makeNamespace(t *testing.T, labels ...string) (name string) {
	t.Helper()
	admin := Use(t).Kubeconfig()
	name = strings.ToLower(t.Name() + "-" + rand.Text())
	mustKubectl(t, admin, "", "create", "namespace", name)
	t.Cleanup(func() { mustKubectl(t, admin, "", "delete", "namespace", name, "--wait=false") })
	for _, label := range labels {
		mustKubectl(t, admin, "", "label", "namespace", name, label)
	}
	mustKubectl(t, admin, "", "wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
	return name
}

const privilegedPod = `
apiVersion: v1
kind: Pod
metadata: {name: privileged}
spec:
  containers:
  - {name: c, image: example.com/c, securityContext: {privileged: true}}
`

func TestClusterEnforcesPodSecurity(t *testing.T) {
	admin := Use(t).Kubeconfig()
	strict := makeNamespace(t, "pod-security.kubernetes.io/enforce=restricted")
	lax := makeNamespace(t)

	_, err := kubectl(t, admin, privilegedPod, "create", "-n", strict, "-f", "-")
	require.ErrorContains(t, err, `violates PodSecurity "restricted:latest": privileged`)
	mustKubectl(t, admin, privilegedPod, "create", "-n", lax, "-f", "-")
}

// A quota refuses everything until the controller manager has written its status.
func TestClusterEnforcesQuotas(t *testing.T) {
	admin := Use(t).Kubeconfig()
	namespace := makeNamespace(t)
	mustKubectl(t, admin, "", "create", "quota", "pods", "-n", namespace, "--hard=pods=1")
	mustKubectl(t, admin, "", "wait", "quota/pods", "-n", namespace, "--for=jsonpath={.status.hard.pods}=1", "--timeout=30s")

	mustKubectl(t, admin, "", "run", "first", "-n", namespace, "--image=example.com/c")
	_, err := kubectl(t, admin, "", "run", "second", "-n", namespace, "--image=example.com/c")
	require.ErrorContains(t, err, "exceeded quota: pods, requested: pods=1, used: pods=1, limited: pods=1")
}

func TestClusterServesAdmissionPolicies(t *testing.T) {
	out := mustKubectl(t, Use(t).Kubeconfig(), "", "api-resources", "--api-group=admissionregistration.k8s.io", "-o", "name")
	require.Contains(t, out, "validatingadmissionpolicies.admissionregistration.k8s.io")
	require.Contains(t, out, "mutatingadmissionpolicies.admissionregistration.k8s.io")
}

func TestClusterDeletesNamespacesWithTheirContents(t *testing.T) {
	admin := Use(t).Kubeconfig()
	mustKubectl(t, admin, "", "create", "namespace", "short-lived")
	mustKubectl(t, admin, "", "create", "configmap", "content", "-n", "short-lived")
	mustKubectl(t, admin, "", "delete", "namespace", "short-lived", "--timeout=60s")
	_, err := kubectl(t, admin, "", "get", "namespace", "short-lived")
	require.ErrorContains(t, err, "NotFound")
}
