package topology

import "context"

// Rosters tells which tenants there are.
type Rosters interface {
	// Tenants lists the boundaries that Polyphony manages, by name, of whatever roster they are, and of none.
	Tenants(ctx context.Context) ([]Namespace, error)
}
