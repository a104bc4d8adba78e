package adapter

import (
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// LabelDomain is the beginning of the labels that mark the domains of a tenant on its namespace. A
// domain follows it, such as "shop.example.com".
const LabelDomain = "domain." + topology.Prefix

// The values of the labels that begin with [LabelDomain].
const (
	// DomainHeld is the value for a domain that the tenant serves.
	DomainHeld = "held"

	// DomainAbove is the value for a domain that contains one that the tenant serves.
	DomainAbove = "above"
)

// LabelPodSecurity is the beginning of the labels of Pod Security admission. The name of a mode
// follows it, such as "enforce", or the name of a mode and "-version".
const LabelPodSecurity = "pod-security.kubernetes.io/"

// PodSecurityLabels returns the labels that pin the level for every mode of Pod Security admission,
// so that no default of the cluster applies.
func PodSecurityLabels(level topology.PodSecurity) map[string]string {
	labels := map[string]string{}
	for _, mode := range []string{"enforce", "audit", "warn"} {
		labels[LabelPodSecurity+mode] = string(level)
		labels[LabelPodSecurity+mode+"-version"] = "latest"
	}
	return labels
}

// DomainLabels returns the labels that mark the domains and everything above them. Top-level
// domains are left out.
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

// DomainContains reports whether name is the domain or below it.
func DomainContains(domain, name string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}

// DomainsAbove returns the domains that contain the domain, nearest first. Top-level domains are
// left out.
func DomainsAbove(domain string) []string {
	var above []string
	for _, rest, ok := strings.Cut(domain, "."); ok && strings.Contains(rest, "."); _, rest, ok = strings.Cut(rest, ".") {
		above = append(above, rest)
	}
	return above
}
