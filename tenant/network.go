package tenant

import "github.com/polyphony-go/polyphony/topology/netpolicy"

// NetworkIsolationPolicy lists the peers that the tenant's pods may connect to, and those that may
// connect to them. The zero value: each other and the name servers, and no other peer.
//
// Source: the multi-tenancy ADR, "Tenant Isolation Strategy"; see docs/sources.md.
type NetworkIsolationPolicy struct {
	// PublicInternetEgress lets pods connect to every public address, IPv4 and IPv6, on every port.
	// It excludes every special-purpose range of the IANA registries (private, carrier-grade NAT,
	// link-local with cloud metadata, NAT64, multicast, ...) and the topology's own ranges.
	PublicInternetEgress bool `json:"publicInternetEgress,omitempty"`

	// IngressControllers lets the platform's ingress controllers connect to every port of the
	// tenant's pods. The topology must know them: see k8s.Options.IngressControllers.
	IngressControllers bool `json:"ingressControllers,omitempty"`

	// Monitoring lets the platform's monitoring connect to every port of the tenant's pods, to
	// scrape metrics. The topology must know it: see k8s.Options.Monitoring.
	Monitoring bool `json:"monitoring,omitempty"`

	// APIServer lets pods connect to the API server.
	APIServer bool `json:"apiServer,omitempty"`

	// Ingress lists the other peers that may connect to the tenant's pods.
	Ingress []NetworkPeer `json:"ingress,omitempty"`

	// Egress lists the other peers that the tenant's pods may connect to.
	Egress []NetworkPeer `json:"egress,omitempty"`

	// Domains lists the hosts that the tenant serves: "acme.example.com" is that host and every
	// host below it. A domain is in lower case and has at least two labels, at most 63 characters
	// and no wildcard. It is an error if another tenant holds the domain, or one above or below it.
	// Unset: none.
	//
	// Only the guardrail "ingress" keeps the tenant from serving other hosts: see package
	// guardrails.
	Domains []string `json:"domains,omitempty"`

	// IngressAnnotations lists the keys of annotations that the tenant may set on Ingresses and
	// routes, and, where ingress controllers read them, on Services: for example
	// "nginx.ingress.kubernetes.io/rewrite-target". Unset: annotations without a domain, and those
	// of kubectl, Helm, Argo CD, Flux, cert-manager and ExternalDNS. Snippets of configuration are
	// refused, and so are annotations that take hosts, which would bypass Domains.
	//
	// It has an effect only where the guardrail "ingress" is installed: see package guardrails.
	IngressAnnotations []string `json:"ingressAnnotations,omitempty"`

	// ExternalNames lists the domains that Services of type ExternalName may lead to: the domain
	// itself and everything below it. They have the form of Domains, but at most 253 characters.
	// Unset: none.
	//
	// It has an effect only where the guardrail "services" is installed: see package guardrails.
	ExternalNames []string `json:"externalNames,omitempty"`
}

// NetworkPeer is a peer on some ports. Set exactly one of Tenant, NamespaceLabels and CIDR.
type NetworkPeer struct {
	// Tenant is the name of another tenant. Traffic flows only if the Score of the other tenant
	// admits it too.
	Tenant string `json:"tenant,omitempty"`

	// NamespaceLabels selects every namespace that has all of these labels. It must not be empty.
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`

	// PodLabels narrows Tenant or NamespaceLabels to pods that have all of these labels. Unset: all
	// pods.
	PodLabels map[string]string `json:"podLabels,omitempty"`

	// CIDR is a range of addresses outside the topology, for example "192.0.2.0/24". The rules
	// always leave out the topology's own ranges, loopback and link-local addresses, because they
	// lead to other tenants, nodes and metadata services.
	CIDR string `json:"cidr,omitempty"`

	// Ports lists at least one port.
	Ports []NetworkPort `json:"ports"`
}

// NetworkPort is one port or a range of ports.
type NetworkPort struct {
	// Protocol is TCP, UDP or SCTP. Unset: TCP.
	Protocol netpolicy.Protocol `json:"protocol,omitempty"`

	// Port is the port, or the first port of a range: 1 to 65535.
	Port int32 `json:"port"`

	// EndPort is the last port of a range. Unset: Port alone.
	EndPort int32 `json:"endPort,omitempty"`
}
