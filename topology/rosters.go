package topology

import "context"

// Rosters lists the tenants that exist.
type Rosters interface {
	// Tenants lists the namespaces that Polyphony manages, of every roster and of none, sorted by
	// name.
	Tenants(ctx context.Context) ([]Namespace, error)
}
