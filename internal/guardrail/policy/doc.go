// Package policy has the guardrails as Kubernetes applies them: one ValidatingAdmissionPolicy for
// each rule, with its conditions in CEL, and a binding of the same name. The API server evaluates
// them itself, for every namespace with the tenant label, and they fail closed. They read what a
// tenant is allowed from the labels and annotations of the namespace.
//
// Package guardrail, above this one, has the same rules in Go.
//
// # Files
//
// The specification of a policy is a YAML file with the name of its rule, such as services.yaml.
// [Render] in policy.go completes it with what all policies have in common. [Installed] in
// installed.go compares it with what a cluster has. [RenderProbe] in probe.go makes the policy
// that shows whether the others are in force, from probe.yaml.
package policy
