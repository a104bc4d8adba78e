package topology

import "context"

// Domains finds who serves which hosts.
type Domains interface {
	// OverlappingDomains lists the domains of other tenants that equal one of the given domains,
	// contain one or are contained in one, sorted. Without domains the answer is empty, and no
	// request is sent.
	OverlappingDomains(ctx context.Context, tenant string, domains []string) ([]DomainHolder, error)
}

// DomainHolder is a tenant that has a domain.
type DomainHolder struct {
	Tenant string `json:"tenant"`
	Domain string `json:"domain"`
}
