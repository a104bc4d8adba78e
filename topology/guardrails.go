package topology

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Guardrails are rules that the infrastructure checks on every write into a tenant's namespace: for
// what neither rights nor quotas, pod security or network rules can express. They apply to the
// infrastructure as a whole. What a tenant may do beyond them is in its own [Namespace.Allowed].
//
// An object that exists already and that a rule would refuse stays. It can be changed as long as
// the change does not touch what is refused.
type Guardrails interface {
	// Guardrails reads the rules that are installed and whole. Without any rule it is ErrNotFound.
	Guardrails(ctx context.Context) (GuardrailSet, error)

	// EnsureGuardrails makes the installed rules exactly those of want. If want has no rules, it
	// does what DeleteGuardrails does. Rules of a newer version than want's are ErrConflict and
	// stay.
	EnsureGuardrails(ctx context.Context, want GuardrailSet) (Change, error)

	// DeleteGuardrails removes every rule.
	DeleteGuardrails(ctx context.Context) (Change, error)

	// AwaitGuardrails returns once the installed rules are in force, not merely stored: an
	// infrastructure takes a moment to learn of them. Without any rule it is ErrNotFound. If the
	// context ends first, the error is ErrTimeout. On a dry run it returns at once.
	AwaitGuardrails(ctx context.Context) error

	// Violations lists what exists in tenants' namespaces and would be refused by the given rules,
	// sorted, whether the rules are installed or not. Rules about who writes (namespaces,
	// finalizers, token-secrets) find nothing, since what exists may be there for good reason.
	Violations(ctx context.Context, rules []Guardrail) ([]Violation, error)
}

// GuardrailsVersion is the version of the rules of this release. A release with other rules has a
// higher one.
const GuardrailsVersion = 1

// GuardrailSet is the set of rules that are enforced.
type GuardrailSet struct {
	Version int         `json:"version"` // of the rules, from 1; see GuardrailsVersion
	Rules   []Guardrail `json:"rules"`   // sorted, without duplicates; empty: no rule
}

// Clone returns a copy that shares nothing with s.
func (s GuardrailSet) Clone() GuardrailSet {
	s.Rules = slices.Clone(s.Rules)
	return s
}

// Guardrail is the name of one rule.
type Guardrail string

// The rules.
//
// Some apply to every write in a namespace, since the infrastructure's own controllers write the
// pods of a tenant's Deployment. Others depend on the sender, and do not hinder the
// infrastructure's own components. The comment says "Bypass" where a principal with the right
// "bypass" on the rule is exempt (RBAC: verb bypass, API group tenancy.polyphony.dev, resource
// guardrails, and the rule as resource name).
const (
	// GuardrailServices refuses Services with externalIPs, and Services of the types NodePort,
	// LoadBalancer and ExternalName unless allowed. Bypass. Source: CVE-2020-8554.
	GuardrailServices Guardrail = "services"

	// GuardrailEndpoints refuses Endpoints and EndpointSlices, unless the infrastructure's own
	// components write them. Bypass. Source: CVE-2021-25740.
	GuardrailEndpoints Guardrail = "endpoints"

	// GuardrailIngress refuses hosts outside the tenant's domains in Ingresses, in Gateway API
	// routes and in annotations of ExternalDNS and cert-manager. It refuses default backends, and
	// paths that would end up in the configuration of an ingress controller. It refuses every
	// annotation of Ingresses and routes that is not known to be harmless, unless allowed. Bypass.
	// Source: CVE-2021-25742.
	GuardrailIngress Guardrail = "ingress"

	// GuardrailClaims refuses claims of a storage class that is not allowed, claims that select
	// their volume by name or labels, and claims that take their data from another namespace. There
	// is no bypass, but the infrastructure's own components may bind claims to volumes.
	GuardrailClaims Guardrail = "claims"

	// GuardrailVolumes refuses pods whose volumes bypass claims: network file systems, disks, and
	// CSI drivers that are not allowed. Host paths are left to pod security. No bypass.
	GuardrailVolumes Guardrail = "volumes"

	// GuardrailPlacement refuses pods that name their node, that tolerate taints of other tenants'
	// nodes, or that have a priority class or runtime class, unless allowed. It refuses affinity to
	// pods of other namespaces, and pods that take more than a day to end. No bypass.
	GuardrailPlacement Guardrail = "placement"

	// GuardrailImages refuses images that do not come from an allowed registry, also those of init
	// containers, ephemeral containers and volumes. No bypass.
	GuardrailImages Guardrail = "images"

	// GuardrailDefaultToken refuses pods that get the token of the service account "default"
	// without asking for it, unless allowed. No bypass. Source: CIS Kubernetes Benchmark 5.1.5 and
	// 5.1.6.
	GuardrailDefaultToken Guardrail = "default-token"

	// GuardrailTokenSecrets refuses Secrets that are filled with a service account's token, which
	// never expires, unless the infrastructure's own components write them. Bypass.
	GuardrailTokenSecrets Guardrail = "token-secrets"

	// GuardrailNamespaces refuses changes of a tenant's namespace, through any subresource, that
	// touch its pod security level or what Polyphony has written, and finalizers on it. Bypass.
	// Source: GHSA-2ww6-hf35-mfjm.
	GuardrailNamespaces Guardrail = "namespaces"

	// GuardrailFinalizers refuses finalizers on everything in a tenant's namespace, unless the
	// infrastructure's own components write them: finalizers can hold the namespace for ever.
	// Bypass, but not for new pods and claims, whose finalizers come from the tenant's own
	// templates.
	GuardrailFinalizers Guardrail = "finalizers"
)

// AllGuardrails returns all rules that this release knows, sorted.
func AllGuardrails() []Guardrail {
	return []Guardrail{
		GuardrailClaims, GuardrailDefaultToken, GuardrailEndpoints, GuardrailFinalizers, GuardrailImages,
		GuardrailIngress, GuardrailNamespaces, GuardrailPlacement, GuardrailServices, GuardrailTokenSecrets,
		GuardrailVolumes,
	}
}

// GuardrailsWithout returns all rules that this release knows but the given ones, sorted.
func GuardrailsWithout(without []Guardrail) []Guardrail {
	return slices.DeleteFunc(AllGuardrails(), func(rule Guardrail) bool { return slices.Contains(without, rule) })
}

// ValidateGuardrails checks that each of the rules at a path is known and listed once.
func ValidateGuardrails(rules []Guardrail, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, rule := range rules {
		switch {
		case slices.Contains(rules[:i], rule):
			errs = append(errs, field.Duplicate(at.Index(i), rule))
		case !slices.Contains(AllGuardrails(), rule):
			errs = append(errs, field.NotSupported(at.Index(i), rule, AllGuardrails()))
		}
	}
	return errs
}

// Violation is an object that exists and would be refused.
type Violation struct {
	Rule      Guardrail `json:"rule"`      // the rule that would refuse the object
	Namespace string    `json:"namespace"` // of the object
	Kind      string    `json:"kind"`      // of the object, such as "Service"
	Name      string    `json:"name"`      // of the object
	Message   string    `json:"message"`   // what is wrong, and which field of the Score to change
}

// String prints the violation in one line, such as `Service acme/db: services: ...`.
func (v Violation) String() string {
	return v.Kind + " " + v.Namespace + "/" + v.Name + ": " + string(v.Rule) + ": " + v.Message
}
