package topology

import "context"

// Guardrails are rules that the infrastructure itself holds whatever is written into tenants' namespaces against, at the moment of
// writing: for what neither rights nor quotas, pod security or network rules can say. They are about the infrastructure as a whole; what a
// tenant is allowed beyond them is in its own [Namespace.Allowed].
//
// What a rule would refuse and is there already stays and can be changed, as long as the change does not touch what is refused.
type Guardrails interface {
	// Guardrails reads what is installed and whole. Without any rule it is ErrNotFound.
	Guardrails(ctx context.Context) (GuardrailSet, error)

	// EnsureGuardrails makes the installed rules exactly those of want; without any it does what DeleteGuardrails does. Rules of a newer
	// version than want's are ErrConflict and stay.
	EnsureGuardrails(ctx context.Context, want GuardrailSet) (Change, error)

	// DeleteGuardrails removes every rule.
	DeleteGuardrails(ctx context.Context) (Change, error)

	// AwaitGuardrails returns once the installed rules are in force, not merely stored: an infrastructure takes a moment to learn of them.
	// Without any rule it is ErrNotFound; when the context ends first, ErrTimeout. On a dry run it returns at once.
	AwaitGuardrails(ctx context.Context) error

	// Violations lists what is in tenants' namespaces and would be refused by the given rules, sorted, whether they are installed or not. Rules
	// about who writes (namespaces, finalizers, token-secrets) find nothing, since what is there may be there for good reason.
	Violations(ctx context.Context, rules []Guardrail) ([]Violation, error)
}

// GuardrailsVersion is the version of the rules that this release knows.
const GuardrailsVersion = 1

// GuardrailSet is which rules hold.
type GuardrailSet struct {
	Version int         `json:"version"` // a release with other rules has a higher one
	Rules   []Guardrail `json:"rules"`   // sorted, without duplicates
}

// Guardrail is the name of one rule.
type Guardrail string

// The rules. Some are about what is written, whoever writes it, since a tenant's Deployment becomes pods that the infrastructure's own
// controllers write. Others are about who writes: these do not hinder the infrastructure's own components. Whoever has the right "bypass"
// on a rule (RBAC: verb bypass, API group tenancy.polyphony.dev, resource guardrails, resource name the rule's) is not hindered by the rules
// where that is said.
const (
	// GuardrailServices refuses Services with externalIPs, and the types NodePort, LoadBalancer and ExternalName unless allowed. Bypass.
	// Source: CVE-2020-8554.
	GuardrailServices Guardrail = "services"

	// GuardrailEndpoints refuses Endpoints and EndpointSlices that are not written by the infrastructure's own components. Bypass.
	// Source: CVE-2021-25740.
	GuardrailEndpoints Guardrail = "endpoints"

	// GuardrailIngress refuses hosts outside the tenant's domains in Ingresses, Gateway API routes and annotations of ExternalDNS and
	// cert-manager, default backends, paths that would end in a controller's configuration, and every annotation of Ingresses and routes that is
	// not known to be harmless, unless allowed. Bypass.
	// Source: CVE-2021-25742.
	GuardrailIngress Guardrail = "ingress"

	// GuardrailClaims refuses claims of a storage class that is not allowed, that pick their volume by name or labels, or that take their data from
	// another namespace. Nobody bypasses it, save that the infrastructure's own components bind claims to volumes.
	GuardrailClaims Guardrail = "claims"

	// GuardrailVolumes refuses pods with volumes of their own making, which no claim stands for: network file systems, disks, and CSI drivers that are
	// not allowed. Host paths are left to pod security. Nobody bypasses it.
	GuardrailVolumes Guardrail = "volumes"

	// GuardrailPlacement refuses pods that name their node, that tolerate taints of others' nodes, or that have a priority or runtime class, unless
	// allowed; affinity to pods of other namespaces; and pods that take more than a day to end. Nobody bypasses it.
	GuardrailPlacement Guardrail = "placement"

	// GuardrailImages refuses images (also of init and ephemeral containers, and volumes) that are not of an allowed registry. Nobody bypasses it.
	GuardrailImages Guardrail = "images"

	// GuardrailDefaultToken refuses pods that get the token of the service account "default" without having asked for it, unless allowed.
	// Nobody bypasses it. Source: CIS Kubernetes Benchmark 5.1.5 and 5.1.6.
	GuardrailDefaultToken Guardrail = "default-token"

	// GuardrailTokenSecrets refuses Secrets that are filled with a service account's token, which never expires, unless the infrastructure's own
	// components write them. Bypass.
	GuardrailTokenSecrets Guardrail = "token-secrets"

	// GuardrailNamespaces refuses changes of a tenant's namespace, through whatever subresource, that touch its pod security level or what Polyphony
	// has written, and finalizers on it. Bypass. Source: GHSA-2ww6-hf35-mfjm.
	GuardrailNamespaces Guardrail = "namespaces"

	// GuardrailFinalizers refuses finalizers on anything in a tenant's namespace that are not written by the infrastructure's own components:
	// they would hold the namespace for ever. Bypass, save for new pods and claims, which have those of the tenant's own templates.
	GuardrailFinalizers Guardrail = "finalizers"
)

// AllGuardrails are all rules that this release knows, sorted.
func AllGuardrails() []Guardrail {
	return []Guardrail{
		GuardrailClaims, GuardrailDefaultToken, GuardrailEndpoints, GuardrailFinalizers, GuardrailImages, GuardrailIngress, GuardrailNamespaces,
		GuardrailPlacement, GuardrailServices, GuardrailTokenSecrets, GuardrailVolumes,
	}
}

// Violation is something that is there and would be refused.
type Violation struct {
	Rule      Guardrail `json:"rule"`
	Namespace string    `json:"namespace"`
	Kind      string    `json:"kind"` // such as "Service"
	Name      string    `json:"name"`
	Message   string    `json:"message"` // what is wrong and how to ask for it
}

// String is the violation in a line, such as `Service acme/db: services: ...`.
func (v Violation) String() string {
	return v.Kind + " " + v.Namespace + "/" + v.Name + ": " + string(v.Rule) + ": " + v.Message
}
