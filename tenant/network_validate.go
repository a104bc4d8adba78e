package tenant

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// minEgressBits is the shortest prefix of a range to connect to. 10.0.0.0/8 is the widest range
// that one organization has.
const minEgressBits = 8

func (n NetworkIsolationPolicy) validate(at *field.Path, tenant string) field.ErrorList {
	var errs field.ErrorList
	for i, peer := range n.Ingress {
		errs = append(errs, peer.validate(at.Child("ingress").Index(i), tenant)...)
	}
	for i, peer := range n.Egress {
		peerAt := at.Child("egress").Index(i)
		errs = append(errs, peer.validate(peerAt, tenant)...)
		if prefix, err := netip.ParsePrefix(peer.CIDR); err == nil && prefix.Bits() < minEgressBits {
			errs = append(errs, field.Forbidden(peerAt.Child("cidr"), "is too wide: a peer is at most a /"+
				strconv.Itoa(minEgressBits)+"; for the internet, set "+at.Child("publicInternetEgress").String()))
		}
	}
	errs = append(errs, validateDomains(n.Domains, at.Child("domains"), maxDomain)...)
	annotationsAt, namesAt := at.Child("ingressAnnotations"), at.Child("externalNames")
	errs = append(errs, validateList(n.IngressAnnotations, annotationsAt, validateIngressAnnotation)...)
	return append(errs, validateDomains(n.ExternalNames, namesAt, validation.DNS1123SubdomainMaxLength)...)
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
			errs = append(errs, field.Invalid(at.Child("tenant"), p.Tenant,
				"is the tenant itself; its pods may always talk to each other"))
		}
	}
	if p.NamespaceLabels != nil && len(p.NamespaceLabels) == 0 {
		errs = append(errs, field.Invalid(at.Child("namespaceLabels"), "{}",
			"must not be empty, which would select every namespace"))
	}
	errs = append(errs, validateSelector(p.NamespaceLabels, at.Child("namespaceLabels"))...)
	errs = append(errs, validateSelector(p.PodLabels, at.Child("podLabels"))...)
	if p.CIDR != "" {
		errs = append(errs, p.validateCIDR(at)...)
	}
	if len(p.Ports) == 0 {
		errs = append(errs, field.Required(at.Child("ports"),
			"name the ports; for all of them, port 1 with endPort 65535"))
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
		errs = append(errs, field.Invalid(at.Child("cidr"), p.CIDR,
			"must be a range such as 192.0.2.0/24 or 2001:db8::/64"))
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
		problems := slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(labels[key]))
		for _, msg := range problems {
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
		errs = append(errs, field.Invalid(at.Child("endPort"), p.EndPort,
			"must be "+strconv.Itoa(int(p.Port))+" to 65535"))
	}
	return errs
}
