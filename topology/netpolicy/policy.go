package netpolicy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/clone"
)

// Protocol is a transport protocol.
type Protocol string

// The protocols that network policies know.
const (
	TCP  Protocol = "TCP"  // RFC 9293
	UDP  Protocol = "UDP"  // RFC 768
	SCTP Protocol = "SCTP" // RFC 9260
)

// Policy is a network policy in force, with every default filled in.
type Policy struct {
	Namespace string `json:"namespace"` // of the policy and of the pods that it isolates
	Name      string `json:"name"`      // of the policy

	// Managed reports whether Polyphony manages the policy. The adapter that reads the policy sets
	// it. It does not change what the policy allows.
	Managed bool `json:"managed,omitempty"`

	Pods    Selector `json:"pods"`              // the pods that it isolates; zero value: all
	Ingress *Rules   `json:"ingress,omitempty"` // nil: it does not isolate connections to them
	Egress  *Rules   `json:"egress,omitempty"`  // nil: it does not isolate connections from them
}

// Clone returns a copy that shares nothing with p.
func (p Policy) Clone() Policy {
	p.Pods = p.Pods.Clone()
	p.Ingress, p.Egress = clone.Pointer(p.Ingress), clone.Pointer(p.Egress)
	return p
}

// Rules are what a policy allows in one direction. Empty: nothing.
type Rules []Rule

// Clone returns a copy that shares nothing with r.
func (r Rules) Clone() Rules { return clone.Each(r, Rule.Clone) }

// Rule allows connections with any of the peers on any of the ports.
type Rule struct {
	Peers []Peer `json:"peers,omitempty"` // empty: everybody, inside and outside
	Ports []Port `json:"ports,omitempty"` // empty: every port of every protocol
}

// Clone returns a copy that shares nothing with r.
func (r Rule) Clone() Rule {
	r.Peers, r.Ports = clone.Each(r.Peers, Peer.Clone), slices.Clone(r.Ports)
	return r
}

// String prints the rule as "pods k8s-app=kube-dns in namespaces team=a on UDP 53". It says
// "everybody" for no peers, and "every port" for no ports.
func (r Rule) String() string {
	who, where := "everybody", "every port"
	if len(r.Peers) > 0 {
		who = joined(r.Peers, " or ")
	}
	if len(r.Ports) > 0 {
		where = joined(r.Ports, ", ")
	}
	return who + " on " + where
}

func joined[V fmt.Stringer](list []V, separator string) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, separator)
}

// Peer is a range of addresses if CIDR is set, otherwise the pods that Pods selects in the
// namespaces that Namespaces selects. The zero value is every pod of the policy's own namespace.
type Peer struct {
	CIDR       string    `json:"cidr,omitempty"`       // such as "192.0.2.0/24"; empty: pods
	Except     []string  `json:"except,omitempty"`     // ranges within CIDR that are left out
	Namespaces *Selector `json:"namespaces,omitempty"` // nil: the policy's own namespace
	Pods       *Selector `json:"pods,omitempty"`       // nil: every pod
}

// Clone returns a copy that shares nothing with p.
func (p Peer) Clone() Peer {
	p.Except = slices.Clone(p.Except)
	p.Namespaces, p.Pods = clone.Pointer(p.Namespaces), clone.Pointer(p.Pods)
	return p
}

// String names the peer: a range of addresses, or pods.
func (p Peer) String() string {
	if p.CIDR != "" {
		if len(p.Except) > 0 {
			return p.CIDR + " except " + strings.Join(p.Except, ", ")
		}
		return p.CIDR
	}
	pods, where := "every pod", "the same namespace"
	if p.Pods != nil && !p.Pods.isEmpty() {
		pods = "pods " + p.Pods.String()
	}
	switch {
	case p.Namespaces != nil && p.Namespaces.isEmpty():
		where = "every namespace"
	case p.Namespaces != nil:
		where = "namespaces " + p.Namespaces.String()
	}
	return pods + " in " + where
}

// Port is a port, a range of ports, or a named port.
type Port struct {
	Protocol Protocol `json:"protocol"`          // TCP, UDP or SCTP
	Port     int32    `json:"port,omitempty"`    // 0: every port of the protocol, unless Name is set
	EndPort  int32    `json:"endPort,omitempty"` // last port of a range; 0: Port alone
	Name     string   `json:"name,omitempty"`    // of a port of the pod's containers; empty: none
}

// String prints the port as "TCP 80", "UDP 8000-8010", "TCP http", or "TCP" for every port.
func (p Port) String() string {
	switch {
	case p.Name != "":
		return string(p.Protocol) + " " + p.Name
	case p.Port == 0:
		return string(p.Protocol)
	case p.EndPort == 0:
		return fmt.Sprintf("%s %d", p.Protocol, p.Port)
	default:
		return fmt.Sprintf("%s %d-%d", p.Protocol, p.Port, p.EndPort)
	}
}
