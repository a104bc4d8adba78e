package topology

import "context"

// Domains finds the tenants whose domains overlap given ones.
type Domains interface {
	// OverlappingDomains lists the domains of other tenants that equal one of the given domains,
	// contain one or are contained in one, sorted. Without domains the answer is empty, and no
	// request is sent.
	OverlappingDomains(ctx context.Context, tenant string, domains []string) ([]DomainHolder, error)
}

// DomainHolder is a tenant that has a domain.
type DomainHolder struct {
	Tenant string `json:"tenant"` // its name
	Domain string `json:"domain"` // such as "acme.example.com": that host and every host below it
}
