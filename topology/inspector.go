package topology

import (
	"context"
	"time"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Inspector reads everything that isolation depends on. The number of requests depends on the
// number of kinds of objects, not on the number of tenants.
type Inspector interface {
	// Inspect reads everything, including foreign objects. It writes nothing. A change during the
	// read may be visible in one part of the Inspection and not in another.
	Inspect(ctx context.Context) (Inspection, error)
}

// Inspection is the state of an infrastructure at one time.
type Inspection struct {
	Topology  string    `json:"topology"`  // the name of the topology
	At        time.Time `json:"at"`        // when the read began
	Readiness Readiness `json:"readiness"` // without Missing
	Platform  Platform  `json:"platform"`  // what surrounds the tenants

	Namespaces []NamespaceInspection `json:"namespaces"` // sorted by name
	Policies   []netpolicy.Policy    `json:"policies"`   // all in force
	Grants     []rbac.Binding        `json:"grants"`     // all in force
	Guardrails GuardrailSet          `json:"guardrails"` // the complete rules; zero value: none
	Bindings   []VolumeBinding       `json:"bindings"`   // of claims to volumes
}

// NamespaceInspection is a namespace and Polyphony's own values in it. A value that does not exist
// is nil.
type NamespaceInspection struct {
	Namespace  Namespace         `json:"namespace"`            // it may be foreign: see Namespace.Managed
	Labels     map[string]string `json:"labels"`               // every label, including those of others
	Quota      *Quota            `json:"quota,omitempty"`      // Polyphony's own; nil: none
	LimitRange *LimitRange       `json:"limitRange,omitempty"` // Polyphony's own; nil: none

	// Beyond lists, by the kind of the value, the parts of Polyphony's own objects that the values
	// above cannot express, such as the scopes of a quota.
	Beyond map[Kind][]FieldChange `json:"beyond,omitempty"`
}

// VolumeBinding is a claim that names a volume, and the claim that the volume itself is reserved
// for.
type VolumeBinding struct {
	Namespace string `json:"namespace"` // of the claim
	Claim     string `json:"claim"`     // the name of the claim
	Volume    string `json:"volume"`    // the name of the volume that the claim names

	// ForNamespace is the namespace of the claim that the volume is reserved for. Empty: the volume
	// is not reserved, or does not exist.
	ForNamespace string `json:"forNamespace,omitempty"`

	// ForClaim is the name of the claim that the volume is reserved for. Empty: as for
	// ForNamespace.
	ForClaim string `json:"forClaim,omitempty"`
}
