package guardrail

import (
	"encoding/json"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

// Write is a write into a tenant's namespace.
type Write struct {
	Rules   []topology.Guardrail // those that are installed
	Allowed topology.Allowances  // those of the namespace

	Resource    string          // such as "pods"; "namespaces" for the tenant's namespace itself
	Subresource string          // such as "ephemeralcontainers"; empty: none
	Object      json.RawMessage // the object that would be stored, with its defaults
	Old         json.RawMessage // the stored object; empty on a create

	// Platform reports whether the sender is a component of the infrastructure.
	Platform bool

	// Bypasses reports whether the writer has the right to bypass a rule. Nil: it has none.
	Bypasses func(topology.Guardrail) bool
}

// Finding is a refusal by one rule.
type Finding struct {
	Rule    topology.Guardrail
	Message string // what is wrong, and which field of the Score to change
}

// check returns why it refuses a write, or "".
type check func(w write) string

// rule holds the writes to which a guardrail applies, and its checks.
type rule struct {
	resources    []string // empty: all; a subresource is "pods/ephemeralcontainers"
	ofNamespaces bool     // the rule applies to namespaces themselves, not to their contents
	checks       []check

	exempts    bool // components of the infrastructure are exempt
	bypassable bool // writers with the right to bypass the rule are exempt

	// templated are resources that controllers create from templates of tenants. For their creation
	// no writer is exempt.
	templated []string
}

// rules maps each guardrail to its rule.
var rules = map[topology.Guardrail]rule{
	topology.GuardrailServices: {
		resources: []string{"services"}, bypassable: true,
		checks: []check{externalIPs, serviceType, externalName},
	},
	topology.GuardrailEndpoints: {
		resources: []string{"endpoints", "endpointslices"}, exempts: true, bypassable: true,
		checks: []check{endpoints},
	},
	topology.GuardrailIngress: {
		resources:  []string{"services", "ingresses", "httproutes", "grpcroutes", "tlsroutes"},
		bypassable: true,
		checks:     []check{defaultBackend, hosts, tlsHosts, paths, ingressAnnotations, dnsNames},
	},
	topology.GuardrailClaims: {
		resources: []string{"persistentvolumeclaims"},
		checks:    []check{storageClass, volumeName, volumeSelector, dataSource},
	},
	topology.GuardrailVolumes: {resources: []string{"pods"}, checks: []check{volumes}},
	topology.GuardrailPlacement: {
		resources: []string{"pods"},
		checks:    []check{nodeName, tolerations, priorityClass, runtimeClass, podAffinities, gracePeriod},
	},
	topology.GuardrailImages: {
		resources: []string{"pods", "pods/ephemeralcontainers"}, checks: []check{images},
	},
	topology.GuardrailDefaultToken: {resources: []string{"pods"}, checks: []check{defaultToken}},
	topology.GuardrailTokenSecrets: {
		resources: []string{"secrets"}, exempts: true, bypassable: true, checks: []check{tokenSecret},
	},
	topology.GuardrailNamespaces: {
		resources:  []string{"namespaces", "namespaces/status", "namespaces/finalize"},
		bypassable: true, ofNamespaces: true,
		checks: []check{namespaceLabels, namespaceAnnotations, namespaceFinalizers},
	},
	topology.GuardrailFinalizers: {
		exempts: true, bypassable: true, templated: []string{"pods", "persistentvolumeclaims"},
		checks: []check{finalizers},
	},
}

// write is a Write whose objects have been parsed.
type write struct {
	Write
	object object
	old    *object // nil on a create
}

func (w write) created() bool { return w.old == nil }

// Check returns the findings of every rule that refuses a write, in the order of Write.Rules. An
// object that cannot be parsed is an error.
func Check(w Write) ([]Finding, error) {
	parsed, err := w.parse()
	if err != nil {
		return nil, err
	}
	return parsed.findings(), nil
}

// findings returns the findings of the installed rules that apply.
func (w write) findings() []Finding {
	var findings []Finding
	for _, name := range w.Rules {
		r, ok := rules[name]
		if !ok || !r.appliesTo(w.Write) || r.exemptsWriter(w.Write, name) {
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

// exemptsWriter reports whether the rule does not apply to the writer.
func (r rule) exemptsWriter(w Write, name topology.Guardrail) bool {
	if len(w.Old) == 0 && slices.Contains(r.templated, w.Resource) {
		return false
	}
	return r.exempts && w.Platform || r.bypassable && w.Bypasses != nil && w.Bypasses(name)
}

// parse parses the objects. It parses the specification only if a rule checks the resource.
func (w Write) parse() (parsed write, err error) {
	parsed.Write = w
	withSpec := isChecked(w.Resource)
	if parsed.object, err = readObject(w.Object, withSpec); err != nil || len(w.Old) == 0 {
		return parsed, err
	}
	old, err := readObject(w.Old, withSpec)
	parsed.old = &old
	return parsed, err
}

// FindsExisting reports whether [Existing] can find anything in objects of a resource with the
// given rules. If not, there is no need to read them.
func FindsExisting(names []topology.Guardrail, resource string) bool {
	isAbout := func(name topology.Guardrail) bool { return slices.Contains(rules[name].resources, resource) }
	return slices.ContainsFunc(without(names, aboutWriters), isAbout)
}

// isChecked reports whether a rule names the resource.
func isChecked(resource string) bool {
	for _, r := range rules {
		if slices.Contains(r.resources, resource) {
			return true
		}
	}
	return false
}

// appliesTo reports whether the rule checks such writes, regardless of the writer.
func (r rule) appliesTo(w Write) bool {
	resource := w.Resource
	if w.Subresource != "" {
		resource += "/" + w.Subresource
	}
	if r.ofNamespaces != (w.Resource == "namespaces") {
		return false
	}
	return len(r.resources) == 0 || slices.Contains(r.resources, resource)
}

// aboutWriters are the rules that depend on the writer. An exempt principal may have written an
// existing object.
var aboutWriters = []topology.Guardrail{
	topology.GuardrailNamespaces, topology.GuardrailFinalizers, topology.GuardrailTokenSecrets,
}

// Existing returns the findings as if a tenant created an existing object now.
//
// It ignores fields that only the infrastructure can have added since, such as the node of a pod.
// The rules "namespaces", "finalizers" and "token-secrets" find nothing, because the writer of the
// object is not known.
func Existing(w Write) ([]Finding, error) {
	w.Old = nil
	w.Rules = without(w.Rules, aboutWriters)
	parsed, err := w.parse()
	if err != nil {
		return nil, err
	}
	metadata := parsed.object.Metadata
	const sliceManager = "endpointslice.kubernetes.io/managed-by"
	if w.Resource == "endpointslices" && metadata.Labels[sliceManager] == "endpointslice-controller.k8s.io" {
		return nil, nil
	}
	parsed.object.Spec.NodeName = ""
	if metadata.Annotations["pv.kubernetes.io/bound-by-controller"] == "yes" {
		parsed.object.Spec.VolumeName = ""
	}
	return parsed.findings(), nil
}
