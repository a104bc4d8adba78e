package policy

import (
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
)

// Probe is a policy that shows whether the API server enforces the others. It refuses a namespace
// that exists only as a request. It is written after the others. An API server sees writes to
// policies in their order, and so for bindings.
const Probe topology.Guardrail = "probe"

const labelProbe = topology.Prefix + "guardrails-probe"

// RenderProbe returns a probe of which both objects carry the digest of [Installed.Digest]: the
// policy in its message, the binding in its selector.
func RenderProbe(digest string) (*Policy, *Binding) {
	p, b := Render(Probe)
	p.Spec.Validations[0].Message = inForce(digest)
	b.Spec.MatchResources = &admissionv1.MatchResources{
		MatchPolicy: new(admissionv1.Equivalent), NamespaceSelector: &metav1.LabelSelector{},
		ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{labelProbe: digest}},
	}
	return p, b
}

// ProbedNamespace returns the namespace that the probe with the digest refuses.
func ProbedNamespace(digest string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "polyphony-probe-", Labels: map[string]string{labelProbe: digest},
	}}
}

// Refusal reports whether the message of a refusal comes from a probe, and whether from the one
// with the digest. If it does not, the API server still applies an earlier probe.
func Refusal(message, digest string) (probe, current bool) {
	return strings.Contains(message, NamePrefix+string(Probe)), strings.Contains(message, inForce(digest))
}

func inForce(digest string) string { return "the guardrails are in force: " + digest }
