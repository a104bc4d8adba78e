package topology

import "context"

// Rosters lists the tenants that exist.
type Rosters interface {
	// Tenants lists the boundaries that Polyphony manages, by name, whichever roster they belong
	// to.
	Tenants(ctx context.Context) ([]Namespace, error)
}
