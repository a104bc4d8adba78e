package topology

import (
	"context"
	"time"
)

// Inspector reads all that isolation depends on at once: as many requests as there are kinds of things, not as there are tenants.
type Inspector interface {
	// Inspect reads everything, of whoever. It writes nothing. What changes while it reads may show in one part and not in another.
	Inspect(ctx context.Context) (Inspection, error)
}

// Inspection is infrastructure as it was read.
type Inspection struct {
	Topology  string    `json:"topology"`
	At        time.Time `json:"at"`
	Readiness Readiness `json:"readiness"` // without Missing
	Platform  Platform  `json:"platform"`

	Namespaces []NamespaceInspection `json:"namespaces"` // sorted by name
	Policies   []NetworkPolicy       `json:"policies"`   // every one in force
	Grants     []GrantInForce        `json:"grants"`     // likewise
	Guardrails GuardrailSet          `json:"guardrails"` // that are whole; the zero value if none is
	Bindings   []VolumeBinding       `json:"bindings"`   // of claims to volumes
}

// NamespaceInspection is a namespace and what of Polyphony's is in it. What is not there is nil.
type NamespaceInspection struct {
	Namespace  Namespace         `json:"namespace"`
	Labels     map[string]string `json:"labels"` // all of them
	Quota      *Quota            `json:"quota,omitempty"`
	LimitRange *LimitRange       `json:"limitRange,omitempty"`

	// Beyond is what differs in the objects in force and the values above have no words for, such as the scopes of a quota.
	Beyond []FieldChange `json:"beyond,omitempty"`
}

// VolumeBinding is a claim that names a volume, and the claim that the volume itself is for.
type VolumeBinding struct {
	Namespace string `json:"namespace"`
	Claim     string `json:"claim"`
	Volume    string `json:"volume"`

	// ForNamespace and ForClaim are what the volume says; empty if it is for nobody, or not there.
	ForNamespace string `json:"forNamespace,omitempty"`
	ForClaim     string `json:"forClaim,omitempty"`
}
