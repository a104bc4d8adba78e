package policy

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/topology"
)

// Policy is the policy of a rule.
type Policy = admissionv1.ValidatingAdmissionPolicy

// Binding is the binding of a rule.
type Binding = admissionv1.ValidatingAdmissionPolicyBinding

const (
	// NamePrefix is the beginning of the names of policies. The rule follows.
	NamePrefix = "polyphony-"

	// LabelRule marks the policies and bindings of Polyphony. Its value is the rule.
	LabelRule = topology.Prefix + "guardrail"

	annotationVersion = topology.Prefix + "guardrails-version"
)

// files are the specifications of the policies, by rule.
//
//go:embed *.yaml
var files embed.FS

// specs are the parsed files. They are parsed once, since each read of a cluster compares with
// them.
var specs = sync.OnceValue(func() map[topology.Guardrail]*admissionv1.ValidatingAdmissionPolicySpec {
	all := map[topology.Guardrail]*admissionv1.ValidatingAdmissionPolicySpec{}
	for _, rule := range append(topology.AllGuardrails(), Probe) {
		data, err := files.ReadFile(string(rule) + ".yaml")
		if err != nil {
			panic(err) // the rule has no file; a test renders all rules
		}
		all[rule] = &admissionv1.ValidatingAdmissionPolicySpec{}
		if err := yaml.UnmarshalStrict(data, all[rule]); err != nil {
			panic(fmt.Errorf("%s.yaml: %w", rule, err))
		}
	}
	return all
})

// clusterRules are about cluster-scoped objects, which have no namespace to select.
var clusterRules = []topology.Guardrail{topology.GuardrailNamespaces, Probe}

// Render returns the policy of a rule and its binding, with every default of the server explicit.
func Render(rule topology.Guardrail) (*Policy, *Binding) {
	meta := metav1.ObjectMeta{
		Name:        NamePrefix + string(rule),
		Labels:      map[string]string{LabelRule: string(rule)},
		Annotations: map[string]string{annotationVersion: strconv.Itoa(topology.GuardrailsVersion)},
	}
	p := &Policy{ObjectMeta: meta, Spec: *specs()[rule].DeepCopy()}
	everything := &metav1.LabelSelector{}
	p.Spec.FailurePolicy = new(admissionv1.Fail)
	p.Spec.MatchConstraints.MatchPolicy = new(admissionv1.Equivalent)
	p.Spec.MatchConstraints.NamespaceSelector, p.Spec.MatchConstraints.ObjectSelector = everything, everything
	b := &Binding{ObjectMeta: *meta.DeepCopy(), Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: meta.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
	}}
	if !slices.Contains(clusterRules, rule) {
		b.Spec.MatchResources = &admissionv1.MatchResources{
			MatchPolicy: new(admissionv1.Equivalent), ObjectSelector: everything,
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
				Key: topology.LabelTenant, Operator: metav1.LabelSelectorOpExists,
			}}},
		}
	}
	return p, b
}

// RuleOf returns the rule of a policy or binding, and whether Polyphony manages it. A copy under
// another name does not count.
func RuleOf(object metav1.Object) (rule topology.Guardrail, ours bool) {
	name := object.GetLabels()[LabelRule]
	return topology.Guardrail(name), object.GetName() == NamePrefix+name
}

// VersionOf returns the version of the guardrails that a policy or binding belongs to. If it is not
// a number, it is 0, which is older than every version.
func VersionOf(object metav1.Object) int {
	version, _ := strconv.Atoi(object.GetAnnotations()[annotationVersion])
	return version
}

// CopyVersion copies the version of the guardrails that from belongs to.
func CopyVersion(to, from metav1.Object) {
	annotations := to.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationVersion] = from.GetAnnotations()[annotationVersion]
	to.SetAnnotations(annotations)
}

// VersionFields returns the difference between the versions of two policies or bindings.
func VersionFields(from, to metav1.Object) []topology.FieldChange {
	before, after := from.GetAnnotations()[annotationVersion], to.GetAnnotations()[annotationVersion]
	if before == after {
		return nil
	}
	return []topology.FieldChange{{Path: "version", From: before, To: after}}
}

// RuleName returns the rule in the name of a policy or binding.
func RuleName(object metav1.Object) string { return strings.TrimPrefix(object.GetName(), NamePrefix) }
