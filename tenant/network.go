package tenant

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// NetworkIsolationPolicy is whom the tenant's pods can talk to. Unset, that is each other and the name servers, nobody else in
// either direction.
type NetworkIsolationPolicy struct {
	// PublicInternetEgress lets pods connect to every public address, IPv4 and IPv6, on every port: not to private, carrier-grade NAT,
	// link-local (cloud metadata), NAT64, multicast or any other special-purpose range of the IANA registries, nor to the
	// topology's own ranges. Source: ADR-011, "full egress to public internet".
	PublicInternetEgress bool `json:"publicInternetEgress,omitempty"`

	IngressControllers bool `json:"ingressControllers,omitempty"` // may connect to every port of the tenant's pods
	Monitoring         bool `json:"monitoring,omitempty"`         // may connect to every port of the tenant's pods, to scrape metrics
	APIServer          bool `json:"apiServer,omitempty"`          // pods may connect to the API server

	Ingress []NetworkPeer `json:"ingress,omitempty"` // who else may connect to the tenant's pods
	Egress  []NetworkPeer `json:"egress,omitempty"`  // whom else the tenant's pods may connect to

	// Domains are the hosts that the tenant serves: "acme.example.com" is that host and every one below it. Lower case, at least two labels,
	// at most 63 characters, without a wildcard. A domain that another tenant has, or one above or below it, is an error. Unset: none. That
	// nobody serves other hosts is so only where the guardrail "ingress" is installed: see [GuardrailsScore].
	Domains []string `json:"domains,omitempty"`

	// IngressAnnotations are the keys of annotations that the tenant may set on Ingresses and routes, such as
	// "nginx.ingress.kubernetes.io/rewrite-target", and on Services for ingress controllers. Unset: those without a domain, and those of kubectl,
	// Helm, Argo CD, Flux, cert-manager and ExternalDNS. Snippets of configuration, and aliases that take hosts past Domains, are
	// refused. It has an effect only where the guardrail "ingress" is installed: see [GuardrailsScore].
	IngressAnnotations []string `json:"ingressAnnotations,omitempty"`

	// ExternalNames are the domains that Services of type ExternalName may lead to: the domain itself and everything below it. Shaped like
	// Domains, but at most 253 characters. Unset: none. It has an effect only where the guardrail "services" is installed: see [GuardrailsScore].
	ExternalNames []string `json:"externalNames,omitempty"`
}

// NetworkPeer is somebody to talk to on some ports: exactly one of Tenant, NamespaceLabels and CIDR.
type NetworkPeer struct {
	Tenant          string            `json:"tenant,omitempty"`          // another tenant's name. Traffic also needs the other's consent, in its own Score
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"` // every namespace that has all of these
	PodLabels       map[string]string `json:"podLabels,omitempty"`       // narrows Tenant or NamespaceLabels

	// CIDR is a range of addresses outside the topology, such as "192.0.2.0/24". The topology's own ranges, loopback and link-local
	// addresses are always left out of it, since they lead to other tenants, nodes and metadata services.
	CIDR string `json:"cidr,omitempty"`

	Ports []NetworkPort `json:"ports"` // at least one
}

// NetworkPort is one port, or a range.
type NetworkPort struct {
	Protocol netpolicy.Protocol `json:"protocol,omitempty"` // TCP, UDP or SCTP; unset: TCP
	Port     int32              `json:"port"`
	EndPort  int32              `json:"endPort,omitempty"` // last port of a range; unset: Port alone
}

// minEgressBits is how narrow a range to connect to must be: 10.0.0.0/8 is the widest that belongs to somebody.
const minEgressBits = 8

const labelNamespaceName = "kubernetes.io/metadata.name" // set by the API server itself, so nobody can claim another's

func (n NetworkIsolationPolicy) validate(at *field.Path, tenant string) field.ErrorList {
	var errs field.ErrorList
	for i, peer := range n.Ingress {
		errs = append(errs, peer.validate(at.Child("ingress").Index(i), tenant)...)
	}
	for i, peer := range n.Egress {
		peerAt := at.Child("egress").Index(i)
		errs = append(errs, peer.validate(peerAt, tenant)...)
		if prefix, err := netip.ParsePrefix(peer.CIDR); err == nil && prefix.Bits() < minEgressBits {
			errs = append(errs, field.Forbidden(peerAt.Child("cidr"), "so much of the internet is "+at.Child("publicInternetEgress").String()+
				"; a peer is /"+strconv.Itoa(minEgressBits)+" or less"))
		}
	}
	errs = append(errs, validateDomains(n.Domains, at.Child("domains"), maxDomain)...)
	errs = append(errs, validateList(n.IngressAnnotations, at.Child("ingressAnnotations"), validateIngressAnnotation)...)
	return append(errs, validateDomains(n.ExternalNames, at.Child("externalNames"), validation.DNS1123SubdomainMaxLength)...)
}

func (p NetworkPeer) validate(at *field.Path, tenant string) field.ErrorList {
	var errs field.ErrorList
	kinds := 0
	for _, given := range []bool{p.Tenant != "", p.NamespaceLabels != nil, p.CIDR != ""} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		errs = append(errs, field.Invalid(at, kinds, "must have exactly one of tenant, namespaceLabels and cidr"))
	}
	if p.Tenant != "" {
		errs = append(errs, validateNamespaceName(p.Tenant, at.Child("tenant"))...)
		if p.Tenant == tenant {
			errs = append(errs, field.Invalid(at.Child("tenant"), p.Tenant, "is the tenant itself, whose pods can talk to each other anyway"))
		}
	}
	if p.NamespaceLabels != nil && len(p.NamespaceLabels) == 0 {
		errs = append(errs, field.Invalid(at.Child("namespaceLabels"), "{}", "must not be empty, which would select every namespace"))
	}
	errs = append(errs, validateSelector(p.NamespaceLabels, at.Child("namespaceLabels"))...)
	errs = append(errs, validateSelector(p.PodLabels, at.Child("podLabels"))...)
	if p.CIDR != "" {
		errs = append(errs, p.validateCIDR(at)...)
	}
	if len(p.Ports) == 0 {
		errs = append(errs, field.Required(at.Child("ports"), "name the ports; port 1 with endPort 65535 is all of them"))
	}
	for i, port := range p.Ports {
		errs = append(errs, port.validate(at.Child("ports").Index(i))...)
	}
	return errs
}

func (p NetworkPeer) validateCIDR(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	prefix, err := netip.ParsePrefix(p.CIDR)
	switch {
	case err != nil:
		errs = append(errs, field.Invalid(at.Child("cidr"), p.CIDR, "must be a range such as 192.0.2.0/24 or 2001:db8::/64"))
	case prefix.Addr().Is4In6():
		errs = append(errs, field.Invalid(at.Child("cidr"), p.CIDR, "must be written as an IPv4 range"))
	case prefix.String() != p.CIDR || prefix.Masked() != prefix:
		errs = append(errs, field.Invalid(at.Child("cidr"), p.CIDR, "must be written as "+prefix.Masked().String()))
	}
	if p.PodLabels != nil {
		errs = append(errs, field.Forbidden(at.Child("podLabels"), "addresses have no labels"))
	}
	return errs
}

func validateSelector(labels map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		for _, msg := range slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(labels[key])) {
			errs = append(errs, field.Invalid(at.Key(key), labels[key], msg))
		}
	}
	return errs
}

func (p NetworkPort) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	protocols := []netpolicy.Protocol{"", netpolicy.TCP, netpolicy.UDP, netpolicy.SCTP}
	if !slices.Contains(protocols, p.Protocol) {
		errs = append(errs, field.NotSupported(at.Child("protocol"), p.Protocol, protocols[1:]))
	}
	if p.Port < 1 || p.Port > 65535 {
		errs = append(errs, field.Invalid(at.Child("port"), p.Port, "must be 1 to 65535"))
	}
	if p.EndPort != 0 && (p.EndPort < p.Port || p.EndPort > 65535) {
		errs = append(errs, field.Invalid(at.Child("endPort"), p.EndPort, "must be "+strconv.Itoa(int(p.Port))+" to 65535"))
	}
	return errs
}

// rules are the network rules as the topology receives them.
func (n NetworkIsolationPolicy) rules(tenant string, p topology.Platform) (topology.NetworkRules, error) {
	sameNamespace := topology.NetworkRule{Peers: []topology.NetworkPeer{{}}}
	rules := topology.NetworkRules{Namespace: tenant, Ingress: []topology.NetworkRule{sameNamespace}}
	if len(p.DNS) == 0 {
		return rules, unsupported(topology.KindNetworkRules, tenant, "the topology does not say where its name servers are; tell its adapter")
	}
	rules.Egress = append([]topology.NetworkRule{sameNamespace}, p.DNS...)
	if n.PublicInternetEgress {
		peers := internet(p)
		if len(peers) == 0 {
			return rules, unsupported(topology.KindNetworkRules, tenant, "the topology's own ranges leave nothing of the internet; publicInternetEgress cannot be")
		}
		rules.Egress = append(rules.Egress, topology.NetworkRule{Peers: peers})
	}
	places := []struct {
		wanted bool
		name   string
		peers  []topology.NetworkPeer
	}{
		{n.IngressControllers, "ingressControllers", p.IngressControllers},
		{n.Monitoring, "monitoring", p.Monitoring},
	}
	for _, place := range places {
		if place.wanted && len(place.peers) == 0 {
			return rules, unsupported(topology.KindNetworkRules, tenant, "the topology does not say where they are: networkIsolation."+place.name+" needs it; tell its adapter")
		}
		if place.wanted {
			rules.Ingress = append(rules.Ingress, topology.NetworkRule{Peers: place.peers})
		}
	}
	if n.APIServer {
		if len(p.APIServer) == 0 {
			return rules, unsupported(topology.KindNetworkRules, tenant, "the topology does not say where its API server is; networkIsolation.apiServer cannot be")
		}
		rules.Egress = append(rules.Egress, p.APIServer...)
	}
	return n.peerRules(rules, p)
}

// notAPlace refuses a tenant that others would take for a part of the platform, by its namespace's name or labels, and let in or ask for names.
func (c TenantConfig) notAPlace(p topology.Platform) error {
	labels := maps.Clone(c.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[labelNamespaceName] = c.Name
	places := slices.Concat(p.IngressControllers, p.Monitoring)
	for _, rule := range p.DNS {
		places = append(places, rule.Peers...)
	}
	for _, place := range places {
		matches := len(place.NamespaceLabels) > 0
		for key, value := range place.NamespaceLabels {
			matches = matches && labels[key] == value
		}
		if matches {
			return adapter.Ensure(topology.KindNamespace, c.Name).Fail(topology.ErrConflict,
				"its name or labels are those of the platform's own "+place.String()+"; choose others")
		}
	}
	return nil
}

func (n NetworkIsolationPolicy) peerRules(rules topology.NetworkRules, p topology.Platform) (topology.NetworkRules, error) {
	for _, peer := range n.Ingress {
		rule, err := peer.rule(rules.Namespace, p)
		if err != nil {
			return rules, err
		}
		rules.Ingress = append(rules.Ingress, rule)
	}
	for _, peer := range n.Egress {
		rule, err := peer.rule(rules.Namespace, p)
		if err != nil {
			return rules, err
		}
		rules.Egress = append(rules.Egress, rule)
	}
	return rules, nil
}

// neverPeers are addresses that no CIDR may reach: the node itself and cloud metadata services.
var neverPeers = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "::1/128", // the node itself
	"169.254.0.0/16", "fe80::/10", // link local: the metadata service of nearly every cloud
	"fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128", // the same over IPv6: AWS (also pods' credentials), Google, Scaleway
	"168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", // Azure's host agent, Alibaba, Oracle
	"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", // NAT64 and 6to4 lead to any IPv4 address; mapped addresses do not leave a machine
)

func (p NetworkPeer) rule(tenant string, platform topology.Platform) (topology.NetworkRule, error) {
	peer := topology.NetworkPeer{PodLabels: p.PodLabels, NamespaceLabels: p.NamespaceLabels}
	if p.Tenant != "" {
		peer.NamespaceLabels = map[string]string{labelNamespaceName: p.Tenant}
	}
	if p.CIDR != "" {
		var ok bool
		if peer, ok = without(netip.MustParsePrefix(p.CIDR), slices.Concat(neverPeers, platform.OwnRanges)); !ok {
			return topology.NetworkRule{}, adapter.Ensure(topology.KindNetworkRules, tenant).Fail(topology.ErrInvalid,
				fmt.Sprintf("the peer %s lies within the topology's own addresses; name a tenant or namespace labels instead", p.CIDR))
		}
	}
	rule := topology.NetworkRule{Peers: []topology.NetworkPeer{peer}}
	for _, port := range p.Ports {
		protocol := port.Protocol
		if protocol == "" {
			protocol = netpolicy.TCP
		}
		rule.Ports = append(rule.Ports, topology.NetworkPort{Protocol: protocol, Port: port.Port, EndPort: port.EndPort})
	}
	return rule, nil
}
