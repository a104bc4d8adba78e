package topology

import (
	"context"
	"strings"
)

// Allowances are what a tenant may do beyond the guardrails. The zero value allows nothing. They change nothing where no guardrail is installed.
// Lists are sorted and without duplicates, and no value contains a comma.
type Allowances struct {
	// Domains are the hosts that the tenant serves: "acme.example.com" is that host and every one below it. No two tenants may have
	// domains that overlap. At most 63 characters each, of at least two labels.
	Domains []string `json:"domains,omitempty"`

	IngressAnnotations []string      `json:"ingressAnnotations,omitempty"` // keys of annotations for ingress controllers
	ServiceTypes       []ServiceType `json:"serviceTypes,omitempty"`
	ExternalNames      []string      `json:"externalNames,omitempty"`  // domains that Services of type ExternalName may lead to
	StorageClasses     []string      `json:"storageClasses,omitempty"` // that claims may name
	InlineDrivers      []string      `json:"inlineDrivers,omitempty"`  // CSI drivers whose volumes pods may have without a claim

	// ImageRegistries are "registry" or "registry/path": every image there and below, and the one image that is called so; "*" is every
	// image. A name without a registry is one of "docker.io", and without a path one of "docker.io/library".
	ImageRegistries []string `json:"imageRegistries,omitempty"`

	PriorityClasses []string `json:"priorityClasses,omitempty"`
	RuntimeClasses  []string `json:"runtimeClasses,omitempty"`
	Tolerations     []string `json:"tolerations,omitempty"` // keys of taints
	DefaultToken    bool     `json:"defaultToken,omitempty"`
}

// ServiceType is a type of Service by which it is reached from outside.
type ServiceType string

// The types of Services that have to be allowed. ExternalName has a list of its own.
const (
	NodePort     ServiceType = "NodePort"
	LoadBalancer ServiceType = "LoadBalancer"
)

// Domains knows who serves which hosts.
type Domains interface {
	// OverlappingDomains lists the domains of other tenants that are one of the given, or above or below one, sorted. Without domains
	// there are none, and nothing is asked.
	OverlappingDomains(ctx context.Context, tenant string, domains []string) ([]DomainHolder, error)
}

// DomainHolder is a tenant that has a domain.
type DomainHolder struct {
	Tenant string `json:"tenant"`
	Domain string `json:"domain"`
}

// DomainLabels mark the domains and everything above them, save top-level domains.
func DomainLabels(domains []string) map[string]string {
	labels := map[string]string{}
	for _, domain := range domains {
		for _, above := range DomainsAbove(domain) {
			labels[LabelDomain+above] = DomainAbove
		}
	}
	for _, domain := range domains {
		labels[LabelDomain+domain] = DomainHeld
	}
	return labels
}

// DomainsAbove are the domains that contain the domain, nearest first, without top-level ones.
func DomainsAbove(domain string) []string {
	var above []string
	for _, rest, ok := strings.Cut(domain, "."); ok && strings.Contains(rest, "."); _, rest, ok = strings.Cut(rest, ".") {
		above = append(above, rest)
	}
	return above
}
