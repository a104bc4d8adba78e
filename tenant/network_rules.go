package tenant

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// rules returns the network rules for a platform. It refuses fields that the platform cannot
// satisfy.
func (n NetworkIsolationPolicy) rules(tenant string, p topology.Platform) (topology.NetworkRules, error) {
	sameNamespace := topology.NetworkRule{Peers: []topology.NetworkPeer{{}}}
	rules := topology.NetworkRules{Namespace: tenant, Ingress: []topology.NetworkRule{sameNamespace}}
	refuse := func(detail string) (topology.NetworkRules, error) {
		return rules, unsupported(topology.KindNetworkRules, tenant, detail)
	}
	if len(p.DNS) == 0 {
		return refuse("the topology does not know its name servers; set " + option("DNS"))
	}
	rules.Egress = append([]topology.NetworkRule{sameNamespace}, p.DNS...)
	if n.PublicInternetEgress {
		peers := internet(p)
		if len(peers) == 0 {
			return refuse("networkIsolation.publicInternetEgress is set, but the topology's address families and " +
				"own ranges leave no public address; unset it, or change " + option("OwnRanges"))
		}
		rules.Egress = append(rules.Egress, topology.NetworkRule{Peers: peers})
	}
	if n.IngressControllers {
		if len(p.IngressControllers) == 0 {
			return refuse("networkIsolation.ingressControllers is set, but the topology does not know " +
				"its ingress controllers; set " + option("IngressControllers"))
		}
		rules.Ingress = append(rules.Ingress, topology.NetworkRule{Peers: p.IngressControllers})
	}
	if n.Monitoring {
		if len(p.Monitoring) == 0 {
			return refuse("networkIsolation.monitoring is set, but the topology does not know its monitoring; " +
				"set " + option("Monitoring"))
		}
		rules.Ingress = append(rules.Ingress, topology.NetworkRule{Peers: p.Monitoring})
	}
	if n.APIServer {
		if len(p.APIServer) == 0 {
			return refuse("networkIsolation.apiServer is set, but the topology does not know its API server; " +
				"unset networkIsolation.apiServer")
		}
		rules.Egress = append(rules.Egress, p.APIServer...)
	}
	return n.addPeers(rules, p)
}

// option names the option of an adapter that fills a field of [topology.Platform].
func option(field string) string {
	return "k8s.Options." + field + ", or topology.Platform." + field + " of another adapter"
}

// addPeers adds the rules for Ingress and Egress.
func (n NetworkIsolationPolicy) addPeers(
	rules topology.NetworkRules, p topology.Platform,
) (topology.NetworkRules, error) {
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

// neverPeers are addresses that no CIDR may reach: the node itself and the metadata services of
// clouds.
var neverPeers = prefixes(
	"0.0.0.0/8", "127.0.0.0/8", "::1/128", // the node itself
	"169.254.0.0/16", "fe80::/10", // link-local: the metadata service of nearly every cloud

	// Metadata over IPv6: AWS (including the credentials of pods), Google, Scaleway.
	"fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128",

	// The host agents of Azure, Alibaba and Oracle.
	"168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32",

	// NAT64 and 6to4 lead to any IPv4 address. IPv4-mapped addresses do not leave a machine.
	"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16",
)

// rule returns the peer as a rule. It refuses a CIDR that contains only addresses of the topology.
func (p NetworkPeer) rule(tenant string, platform topology.Platform) (topology.NetworkRule, error) {
	peer := topology.NetworkPeer{PodLabels: p.PodLabels, NamespaceLabels: p.NamespaceLabels}
	if p.Tenant != "" {
		peer.NamespaceLabels = map[string]string{topology.LabelNamespaceName: p.Tenant}
	}
	if p.CIDR != "" {
		var ok bool
		peer, ok = without(netip.MustParsePrefix(p.CIDR), slices.Concat(neverPeers, platform.OwnRanges))
		if !ok {
			call := adapter.Ensure(topology.KindNetworkRules, tenant)
			return topology.NetworkRule{}, call.Fail(topology.ErrInvalid, fmt.Sprintf("the peer %s lies within "+
				"the topology's own addresses; name a tenant or namespaceLabels instead", p.CIDR))
		}
	}
	rule := topology.NetworkRule{Peers: []topology.NetworkPeer{peer}}
	for _, port := range p.Ports {
		protocol := port.Protocol
		if protocol == "" {
			protocol = netpolicy.TCP
		}
		rule.Ports = append(rule.Ports, topology.NetworkPort{
			Protocol: protocol, Port: port.Port, EndPort: port.EndPort,
		})
	}
	return rule, nil
}

// refusePlatformPlace refuses a tenant whose name or labels are those of a part of the platform.
// Rules that admit that part would then admit the tenant too.
func (c TenantConfig) refusePlatformPlace(p topology.Platform) error {
	labels := maps.Clone(c.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[topology.LabelNamespaceName] = c.Name
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
				"its name or labels are those of the platform's own "+place.String()+
					"; change tenantConfig.name or tenantConfig.labels")
		}
	}
	return nil
}
