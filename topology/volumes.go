package topology

import (
	"context"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Volumes lists the data in a namespace.
type Volumes interface {
	// Volumes lists the persistent volume claims of a namespace by name. A namespace that does not
	// exist has none.
	Volumes(ctx context.Context, namespace string) ([]Volume, error)
}

// Volume is a claim on persistent data.
type Volume struct {
	Name         string            `json:"name"`                   // of the claim
	StorageClass string            `json:"storageClass,omitempty"` // empty: none
	Size         resource.Quantity `json:"size"`                   // as requested, in bytes
	BoundTo      string            `json:"boundTo,omitempty"`      // the persistent volume; empty while unbound
}
