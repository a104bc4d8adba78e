// Package guardrail holds objects against the guardrails, as an API server does by the policies
// that the Kubernetes adapter installs. The fake answers from it, and the Kubernetes adapter finds
// what is there already and would be refused. The conformance suite puts the same questions to it
// and to a real API server.
package guardrail

import (
	"encoding/json"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

// Write is an object that somebody writes into a tenant's namespace.
type Write struct {
	Rules   []topology.Guardrail // that are installed
	Allowed topology.Allowances  // of the namespace

	Resource    string // such as "pods", or "namespaces" for the tenant's namespace itself
	Subresource string
	Object      json.RawMessage // as it would be stored, defaults included
	Old         json.RawMessage // as it is stored; empty on a create

	Platform bool                          // a component of the infrastructure itself writes it
	Bypasses func(topology.Guardrail) bool // the right to bypass a rule; nil: none
}

// Finding is a rule that refuses, and why.
type Finding struct {
	Rule    topology.Guardrail
	Message string
}

// check is what a rule says of a write: "" when it has nothing against it.
type check func(w write) string

// rule is a rule as it is applied.
type rule struct {
	resources    []string // none: all; subresources as "pods/ephemeralcontainers"
	exempts      bool     // components of the infrastructure are not hindered
	bypassable   bool
	templated    []string // resources that controllers make of tenants' templates: of new ones it does not matter who asks
	ofNamespaces bool     // it is about namespaces themselves, not about what is in them
	checks       []check
}

// rules are the rules by name.
var rules = map[topology.Guardrail]rule{
	topology.GuardrailServices:  {resources: []string{"services"}, bypassable: true, checks: []check{externalIPs, serviceType, externalName}},
	topology.GuardrailEndpoints: {resources: []string{"endpoints", "endpointslices"}, exempts: true, bypassable: true, checks: []check{endpoints}},
	topology.GuardrailIngress: {
		resources: []string{"services", "ingresses", "httproutes", "grpcroutes", "tlsroutes"}, bypassable: true,
		checks: []check{defaultBackend, hosts, tlsHosts, paths, ingressAnnotations, dnsNames},
	},
	topology.GuardrailClaims:       {resources: []string{"persistentvolumeclaims"}, checks: []check{storageClass, volumeName, volumeSelector, dataSource}},
	topology.GuardrailVolumes:      {resources: []string{"pods"}, checks: []check{volumes}},
	topology.GuardrailPlacement:    {resources: []string{"pods"}, checks: []check{nodeName, tolerations, priorityClass, runtimeClass, neighbours, gracePeriod}},
	topology.GuardrailImages:       {resources: []string{"pods", "pods/ephemeralcontainers"}, checks: []check{images}},
	topology.GuardrailDefaultToken: {resources: []string{"pods"}, checks: []check{defaultToken}},
	topology.GuardrailTokenSecrets: {resources: []string{"secrets"}, exempts: true, bypassable: true, checks: []check{tokenSecret}},
	topology.GuardrailNamespaces: {
		resources: []string{"namespaces", "namespaces/status", "namespaces/finalize"}, bypassable: true, ofNamespaces: true,
		checks: []check{namespaceLabels, namespaceAnnotations, namespaceFinalizers},
	},
	topology.GuardrailFinalizers: {exempts: true, bypassable: true, templated: []string{"pods", "persistentvolumeclaims"}, checks: []check{finalizers}},
}

// write is a Write with its objects read.
type write struct {
	Write
	object object
	old    *object // nil on a create
}

func (w write) created() bool { return w.old == nil }

// Check holds a write against the rules. Objects that are not objects are refused by everything
// that reads them.
func Check(w Write) ([]Finding, error) {
	read, err := w.read()
	if err != nil {
		return nil, err
	}
	return read.findings(), nil
}

func (w write) findings() []Finding {
	var findings []Finding
	for _, name := range w.Rules {
		r, ok := rules[name]
		if !ok || !r.concerns(w.Write) || r.letsPass(w.Write, name) {
			continue
		}
		for _, check := range r.checks {
			if message := check(w); message != "" {
				findings = append(findings, Finding{name, message})
			}
		}
	}
	return findings
}

// letsPass tells whether the sender is not hindered.
func (r rule) letsPass(w Write, name topology.Guardrail) bool {
	if len(w.Old) == 0 && slices.Contains(r.templated, w.Resource) {
		return false
	}
	return r.exempts && w.Platform || r.bypassable && w.Bypasses != nil && w.Bypasses(name)
}

func (w Write) read() (read write, err error) {
	read.Write = w
	if read.object, err = readObject(w.Object, concerned(w.Resource)); err != nil || len(w.Old) == 0 {
		return read, err
	}
	old, err := readObject(w.Old, concerned(w.Resource))
	read.old = &old
	return read, err
}

// Tells is whether one of the rules can find something in such objects that are there already: see
// Existing.
func Tells(names []topology.Guardrail, resource string) bool {
	return slices.ContainsFunc(without(names, untold), func(name topology.Guardrail) bool { return slices.Contains(rules[name].resources, resource) })
}

// concerned tells whether there are rules about the specification of such objects.
func concerned(resource string) bool {
	for _, r := range rules {
		if slices.Contains(r.resources, resource) {
			return true
		}
	}
	return false
}

func (r rule) concerns(w Write) bool {
	resource := w.Resource
	if w.Subresource != "" {
		resource += "/" + w.Subresource
	}
	if r.ofNamespaces != (w.Resource == "namespaces") {
		return false
	}
	return len(r.resources) == 0 || slices.Contains(r.resources, resource)
}

// untold are the rules about who writes what may be there for good reason.
var untold = []topology.Guardrail{topology.GuardrailNamespaces, topology.GuardrailFinalizers, topology.GuardrailTokenSecrets}

// Existing holds an object that is there already against the rules, as if a tenant had made it.
// What only the infrastructure can have written since then is not held against it; of who has
// written the rest, nothing is known: so the rules "namespaces", "finalizers" and "token-secrets"
// find nothing.
func Existing(w Write) ([]Finding, error) {
	w.Old = nil
	w.Rules = without(w.Rules, untold)
	read, err := w.read()
	if err != nil {
		return nil, err
	}
	if w.Resource == "endpointslices" && read.object.Metadata.Labels["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io" {
		return nil, nil
	}
	read.object.Spec.NodeName = ""
	if read.object.Metadata.Annotations["pv.kubernetes.io/bound-by-controller"] == "yes" {
		read.object.Spec.VolumeName = ""
	}
	return read.findings(), nil
}
