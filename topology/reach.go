package topology

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Reachability answers whether connections can be made, from every network policy that is in force and not only from what Polyphony manages.
type Reachability interface {
	// NetworkPolicies lists every policy, whoever it belongs to, sorted by namespace and name. A namespace that does not exist has none; "" is all.
	NetworkPolicies(ctx context.Context, namespace string) ([]NetworkPolicy, error)

	// Reach says whether a connection is let through. A refusal is an answer, not an error. A question that fails Check is ErrInvalid, one about a namespace
	// that does not exist is ErrNotFound. It writes nothing, and sends no packet: what enforces the policies is not asked.
	Reach(ctx context.Context, c Connection) (ReachAnswer, error)
}

// Connection is one that somebody would make.
type Connection struct {
	From     Party    `json:"from"`
	To       Party    `json:"to"`
	Protocol Protocol `json:"protocol"`
	Port     int32    `json:"port"` // of To
}

// Party is one end of a connection: a pod, if it has a namespace, or an address outside.
type Party struct {
	Namespace string            `json:"namespace,omitempty"`
	PodLabels map[string]string `json:"podLabels,omitempty"`

	// Address is where the party is; a pod need not have one, and then no range of addresses is about it.
	Address netip.Addr `json:"address,omitzero"`

	// PortNames are the named ports of a pod's containers, which policies can name.
	PortNames map[string]NamedPort `json:"portNames,omitempty"`
}

// NamedPort is what the name of a port stands for.
type NamedPort struct {
	Protocol Protocol `json:"protocol"`
	Port     int32    `json:"port"`
}

// Check refuses a connection that is none: it takes a pod at one end at least, something at the other, a protocol and a port.
func (c Connection) Check() error {
	invalid := func(detail string) error {
		return &Error{Op: "ask", Kind: "Reach", Name: c.To.Namespace, Reason: ErrInvalid, Detail: detail}
	}
	isNowhere := func(p Party) bool { return p.Namespace == "" && !p.Address.IsValid() }
	switch {
	case isNowhere(c.From), isNowhere(c.To):
		return invalid("a connection needs a namespace or an address at both ends")
	case c.From.Namespace == "" && c.To.Namespace == "":
		return invalid("a connection needs a pod at one end; between addresses outside nothing of this decides")
	case !slices.Contains([]Protocol{TCP, UDP, SCTP}, c.Protocol):
		return invalid("the protocol is TCP, UDP or SCTP")
	case c.Port < 1 || c.Port > 65535:
		return invalid("the port is 1 to 65535")
	}
	return nil
}

// ReachAnswer is the answer and what decided it.
type ReachAnswer struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"` // a sentence for each direction that a policy is about
}

// NetworkPolicy is a policy as it is in force: with every default filled in. Policies add up: a pod that none selects for a direction is open in that
// direction, and one that some select may do what any of these allows. Source: the NetworkPolicy API, networking.k8s.io/v1.
type NetworkPolicy struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Pods      LabelSelector `json:"pods"`              // of its namespace that it is about
	Ingress   *PolicyRules  `json:"ingress,omitempty"` // nil: it is not about who may connect to them
	Egress    *PolicyRules  `json:"egress,omitempty"`  // nil: it is not about whom they may connect to
}

// PolicyRules are what a policy allows in one direction: none is nothing.
type PolicyRules []PolicyRule

// PolicyRule allows connections with any of the peers on any of the ports. Without peers it is everybody, without ports every port.
type PolicyRule struct {
	Peers []PolicyPeer `json:"peers,omitempty"`
	Ports []PolicyPort `json:"ports,omitempty"`
}

// PolicyPeer is a range of addresses, or pods: those that Pods selects in the namespaces that Namespaces selects. Without Namespaces
// it is the policy's own, without Pods every pod.
type PolicyPeer struct {
	CIDR       string         `json:"cidr,omitempty"`
	Except     []string       `json:"except,omitempty"` // ranges within CIDR that are not meant
	Namespaces *LabelSelector `json:"namespaces,omitempty"`
	Pods       *LabelSelector `json:"pods,omitempty"`
}

// PolicyPort is a port, a range of ports, or a named port. Without any of these it is every port of the protocol.
type PolicyPort struct {
	Protocol Protocol `json:"protocol"`
	Port     int32    `json:"port,omitempty"`
	EndPort  int32    `json:"endPort,omitempty"`
	Name     string   `json:"name,omitempty"`
}

// LabelSelector selects by labels: everything it says must hold. Empty, it selects all.
type LabelSelector struct {
	Labels      map[string]string  `json:"labels,omitempty"`
	Expressions []LabelRequirement `json:"expressions,omitempty"`
}

// LabelRequirement is one condition on the value of a label.
type LabelRequirement struct {
	Key      string        `json:"key"`
	Operator LabelOperator `json:"operator"`
	Values   []string      `json:"values,omitempty"`
}

// LabelOperator compares a label with values.
type LabelOperator string

// The operators. NotIn and DoesNotExist hold where there is no such label; In does not.
const (
	In           LabelOperator = "In"
	NotIn        LabelOperator = "NotIn"
	Exists       LabelOperator = "Exists"
	DoesNotExist LabelOperator = "DoesNotExist"
)

// Matches tells whether the selector selects something with these labels. An operator that is none selects nothing.
func (s LabelSelector) Matches(labels map[string]string) bool {
	for key, value := range s.Labels {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	for _, e := range s.Expressions {
		have, ok := labels[e.Key]
		holds := map[LabelOperator]bool{
			In: ok && slices.Contains(e.Values, have), NotIn: !ok || !slices.Contains(e.Values, have), Exists: ok, DoesNotExist: !ok,
		}
		if !holds[e.Operator] {
			return false
		}
	}
	return true
}

// NetworkState is what reachability depends on, as it was read.
type NetworkState struct {
	Policies        []NetworkPolicy
	NamespaceLabels map[string]map[string]string // of every namespace that is asked about
}

// Reach answers a connection that passes Check, as [Reachability] does.
func (s NetworkState) Reach(conn Connection) ReachAnswer {
	var reasons []string
	allowed := true
	if conn.From.Namespace != "" {
		ok, reason := s.direction(conn, conn.From, conn.To, "egress", func(p NetworkPolicy) *PolicyRules { return p.Egress })
		allowed, reasons = allowed && ok, append(reasons, reason)
	}
	if conn.To.Namespace != "" {
		ok, reason := s.direction(conn, conn.To, conn.From, "ingress", func(p NetworkPolicy) *PolicyRules { return p.Ingress })
		allowed, reasons = allowed && ok, append(reasons, reason)
	}
	return ReachAnswer{Allowed: allowed, Reason: strings.Join(reasons, "; ")}
}

// direction says whether the policies of one end let it have the other.
func (s NetworkState) direction(conn Connection, own, other Party, name string, rules func(NetworkPolicy) *PolicyRules) (allowed bool, reason string) {
	var selecting []string
	for _, p := range s.Policies {
		list := rules(p)
		if list == nil || p.Namespace != own.Namespace || !p.Pods.Matches(own.PodLabels) {
			continue
		}
		for i, rule := range *list {
			if s.peersMatch(p, rule, other) && rule.portsMatch(conn) {
				return true, fmt.Sprintf("%s rule %d of NetworkPolicy %s/%s allows it", name, i, p.Namespace, p.Name)
			}
		}
		selecting = append(selecting, p.Namespace+"/"+p.Name)
	}
	if len(selecting) == 0 {
		return true, fmt.Sprintf("no NetworkPolicy in %s is about %s of such pods, which are open", own.Namespace, name)
	}
	return false, fmt.Sprintf("no %s rule of NetworkPolicy %s allows it", name, strings.Join(selecting, ", "))
}

func (s NetworkState) peersMatch(p NetworkPolicy, rule PolicyRule, other Party) bool {
	return len(rule.Peers) == 0 || slices.ContainsFunc(rule.Peers, func(peer PolicyPeer) bool { return s.peerMatches(p, peer, other) })
}

func (s NetworkState) peerMatches(p NetworkPolicy, peer PolicyPeer, other Party) bool {
	if peer.CIDR != "" {
		return other.Address.IsValid() && inRange(peer.CIDR, other.Address) &&
			!slices.ContainsFunc(peer.Except, func(except string) bool { return inRange(except, other.Address) })
	}
	if other.Namespace == "" {
		return false
	}
	if peer.Namespaces == nil && other.Namespace != p.Namespace || peer.Namespaces != nil && !peer.Namespaces.Matches(s.NamespaceLabels[other.Namespace]) {
		return false
	}
	return peer.Pods == nil || peer.Pods.Matches(other.PodLabels)
}

func inRange(cidr string, address netip.Addr) bool {
	prefix, err := netip.ParsePrefix(cidr)
	return err == nil && prefix.Contains(address.Unmap())
}

func (r PolicyRule) portsMatch(conn Connection) bool {
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p PolicyPort) bool { return p.matches(conn) })
}

func (p PolicyPort) matches(conn Connection) bool {
	switch {
	case p.Protocol != conn.Protocol:
		return false
	case p.Name != "":
		return conn.To.PortNames[p.Name] == NamedPort{conn.Protocol, conn.Port}
	case p.Port == 0:
		return true
	case p.EndPort != 0:
		return p.Port <= conn.Port && conn.Port <= p.EndPort
	default:
		return p.Port == conn.Port
	}
}

// Policy is the policy that the rules are in force as, by the name that Polyphony gives it.
func (n NetworkRules) Policy() NetworkPolicy {
	return NetworkPolicy{Namespace: n.Namespace, Name: "polyphony", Ingress: policyRules(n.Ingress), Egress: policyRules(n.Egress)}
}

func policyRules(rules []NetworkRule) *PolicyRules {
	all := PolicyRules{}
	for _, rule := range rules {
		var to PolicyRule
		for _, peer := range rule.Peers {
			to.Peers = append(to.Peers, policyPeer(peer))
		}
		for _, port := range rule.Ports {
			to.Ports = append(to.Ports, PolicyPort{Protocol: port.Protocol, Port: port.Port, EndPort: port.EndPort})
		}
		all = append(all, to)
	}
	return &all
}

func policyPeer(peer NetworkPeer) PolicyPeer {
	if peer.CIDR != "" {
		return PolicyPeer{CIDR: peer.CIDR, Except: slices.Clone(peer.Except)}
	}
	to := PolicyPeer{Pods: &LabelSelector{Labels: maps.Clone(peer.PodLabels)}}
	if len(peer.NamespaceLabels) > 0 || peer.EveryNamespace {
		to.Namespaces = &LabelSelector{Labels: maps.Clone(peer.NamespaceLabels)}
	}
	return to
}
