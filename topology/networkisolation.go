package topology

import (
	"context"
	"maps"
	"slices"

	"github.com/polyphony-go/polyphony/internal/clone"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// NetworkIsolation decides which peers can connect to the pods of a namespace, and to which peers
// these pods can connect.
type NetworkIsolation interface {
	// NetworkRules reads the rules of a namespace. None is ErrNotFound.
	NetworkRules(ctx context.Context, namespace string) (NetworkRules, error)

	// EnsureNetworkRules makes the rules of the namespace exactly those of want, at once: there is
	// no moment in which some of them hold and others do not. A namespace that does not exist is
	// ErrNotFound.
	EnsureNetworkRules(ctx context.Context, want NetworkRules) (Change, error)

	// DeleteNetworkRules removes the rules, which opens the namespace.
	DeleteNetworkRules(ctx context.Context, namespace string) (Change, error)
}

// NetworkRules isolates every pod of a namespace in both directions. What no rule allows is denied:
// no rules, no traffic.
type NetworkRules struct {
	Namespace string        `json:"namespace"`         // the name of the tenant's namespace
	Ingress   []NetworkRule `json:"ingress,omitempty"` // connections to its pods; empty: none
	Egress    []NetworkRule `json:"egress,omitempty"`  // connections from its pods; empty: none
}

// Clone returns a copy that shares nothing with n.
func (n NetworkRules) Clone() NetworkRules {
	n.Ingress, n.Egress = clone.Each(n.Ingress, NetworkRule.Clone), clone.Each(n.Egress, NetworkRule.Clone)
	return n
}

// Policy returns the network policy that enforces the rules. It is managed, and has no name: each
// adapter has its own name for it.
func (n NetworkRules) Policy() netpolicy.Policy {
	return netpolicy.Policy{
		Namespace: n.Namespace, Managed: true,
		Ingress: policyRules(n.Ingress), Egress: policyRules(n.Egress),
	}
}

func policyRules(rules []NetworkRule) *netpolicy.Rules {
	all := netpolicy.Rules{}
	for _, rule := range rules {
		all = append(all, rule.policyRule())
	}
	return &all
}

// NetworkRule allows traffic between the pods of the namespace and any of its peers on any of its
// ports.
type NetworkRule struct {
	Peers []NetworkPeer `json:"peers,omitempty" diff:"none=everybody"`  // empty: everybody
	Ports []NetworkPort `json:"ports,omitempty" diff:"none=every port"` // empty: every port of every protocol
}

// Clone returns a copy that shares nothing with r.
func (r NetworkRule) Clone() NetworkRule {
	r.Peers, r.Ports = clone.Each(r.Peers, NetworkPeer.Clone), slices.Clone(r.Ports)
	return r
}

// String prints the rule as [netpolicy.Rule] does.
func (r NetworkRule) String() string { return r.policyRule().String() }

func (r NetworkRule) policyRule() netpolicy.Rule {
	var to netpolicy.Rule
	for _, peer := range r.Peers {
		to.Peers = append(to.Peers, peer.policyPeer())
	}
	for _, port := range r.Ports {
		to.Ports = append(to.Ports, port.policyPort())
	}
	return to
}

// NetworkPeer is the other end of a connection: addresses if CIDR is set, pods otherwise. The zero
// value is every pod of the namespace of the rules.
type NetworkPeer struct {
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"` // empty: the namespace of the rules
	EveryNamespace  bool              `json:"everyNamespace,omitempty"`  // instead of NamespaceLabels
	PodLabels       map[string]string `json:"podLabels,omitempty"`       // empty: every pod

	CIDR   string   `json:"cidr,omitempty"`   // such as "192.0.2.0/24"; empty: pods
	Except []string `json:"except,omitempty"` // ranges within CIDR that are left out
}

// Clone returns a copy that shares nothing with p.
func (p NetworkPeer) Clone() NetworkPeer {
	p.NamespaceLabels, p.PodLabels = maps.Clone(p.NamespaceLabels), maps.Clone(p.PodLabels)
	p.Except = slices.Clone(p.Except)
	return p
}

// String names the peer as [netpolicy.Peer] does.
func (p NetworkPeer) String() string { return p.policyPeer().String() }

func (p NetworkPeer) policyPeer() netpolicy.Peer {
	if p.CIDR != "" {
		return netpolicy.Peer{CIDR: p.CIDR, Except: slices.Clone(p.Except)}
	}
	to := netpolicy.Peer{Pods: &netpolicy.Selector{Labels: maps.Clone(p.PodLabels)}}
	if len(p.NamespaceLabels) > 0 || p.EveryNamespace {
		to.Namespaces = &netpolicy.Selector{Labels: maps.Clone(p.NamespaceLabels)}
	}
	return to
}

// NetworkPort is a port, or the range from Port to EndPort.
type NetworkPort struct {
	Protocol netpolicy.Protocol `json:"protocol"`          // TCP, UDP or SCTP
	Port     int32              `json:"port,omitempty"`    // 0: every port of the protocol
	EndPort  int32              `json:"endPort,omitempty"` // 0: Port alone
}

// String prints the port as [netpolicy.Port] does.
func (p NetworkPort) String() string { return p.policyPort().String() }

func (p NetworkPort) policyPort() netpolicy.Port {
	return netpolicy.Port{Protocol: p.Protocol, Port: p.Port, EndPort: p.EndPort}
}
