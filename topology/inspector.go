package topology

import (
	"context"
	"time"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Inspector reads everything that isolation depends on at once. It takes as many requests as there
// are kinds of things, not as there are tenants.
type Inspector interface {
	// Inspect reads everything, foreign objects included. It writes nothing. What changes while it
	// reads may show in one part and not in another.
	Inspect(ctx context.Context) (Inspection, error)
}

// Inspection is an infrastructure as it was read.
type Inspection struct {
	Topology  string    `json:"topology"`
	At        time.Time `json:"at"`
	Readiness Readiness `json:"readiness"` // without Missing
	Platform  Platform  `json:"platform"`

	Namespaces []NamespaceInspection `json:"namespaces"` // sorted by name
	Policies   []netpolicy.Policy    `json:"policies"`   // every one in force
	Grants     []rbac.Binding        `json:"grants"`     // every one in force
	Guardrails GuardrailSet          `json:"guardrails"` // those that are whole; the zero value if none is
	Bindings   []VolumeBinding       `json:"bindings"`   // of claims to volumes
}

// NamespaceInspection is a namespace and Polyphony's own values in it. A value that does not exist
// is nil.
type NamespaceInspection struct {
	Namespace  Namespace         `json:"namespace"`
	Labels     map[string]string `json:"labels"` // all of them
	Quota      *Quota            `json:"quota,omitempty"`
	LimitRange *LimitRange       `json:"limitRange,omitempty"`

	// Beyond lists what differs in the objects in force and the values above cannot express, such
	// as the scopes of a quota, by the kind of the value.
	Beyond map[Kind][]FieldChange `json:"beyond,omitempty"`
}

// VolumeBinding is a claim that names a volume, and the claim that the volume itself is reserved
// for.
type VolumeBinding struct {
	Namespace string `json:"namespace"`
	Claim     string `json:"claim"`
	Volume    string `json:"volume"`

	// ForNamespace and ForClaim are what the volume says. Empty: it is reserved for nobody, or does
	// not exist.
	ForNamespace string `json:"forNamespace,omitempty"`
	ForClaim     string `json:"forClaim,omitempty"`
}
