package netpolicy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Answer reports whether a connection is let through, and what decided it.
type Answer struct {
	Allowed bool   `json:"allowed"` // every decision lets the connection through
	Reason  string `json:"reason"`  // one sentence for each decision, for people

	// Decisions has one decision for each end that is a pod, first that of the end that connects.
	Decisions []Decision `json:"decisions,omitempty"`
}

// Direction is the direction of a connection, seen from a pod.
type Direction string

// The directions.
const (
	Egress  Direction = "egress"  // from the pod that opens the connection
	Ingress Direction = "ingress" // to the pod that accepts the connection
)

// Decision is what the policies at one end of a connection decide.
type Decision struct {
	Direction Direction `json:"direction"` // Egress at the end that connects, Ingress at the other
	Namespace string    `json:"namespace"` // of the pod at this end, and of the policies that select it
	Allowed   bool      `json:"allowed"`   // the policies at this end let the connection through

	// Policies are the names of the policies that decide: the first one that allows the connection,
	// or all that isolate the pod if none allows it, in the order of State.Policies. Empty: no
	// policy isolates the pod in this direction, so it is open.
	Policies []string `json:"policies,omitempty"`

	// Rule is the index of the rule that allows the connection, from 0, among the rules of the
	// policy for this direction. It is meaningful only if the connection is allowed and Policies
	// has an entry.
	Rule int `json:"rule,omitempty"`
}

// String returns a sentence that names what decides, such as "ingress rule 0 of NetworkPolicy
// globex/db allows it".
func (d Decision) String() string {
	var policies []string
	for _, name := range d.Policies {
		policies = append(policies, d.Namespace+"/"+name)
	}
	names := strings.Join(policies, ", ")
	switch {
	case len(policies) == 0:
		return fmt.Sprintf(
			"no NetworkPolicy in %s isolates the %s of such pods, so they are open", d.Namespace, d.Direction)
	case d.Allowed:
		return fmt.Sprintf("%s rule %d of NetworkPolicy %s allows it", d.Direction, d.Rule, names)
	default:
		return fmt.Sprintf("no %s rule of NetworkPolicy %s allows it", d.Direction, names)
	}
}

// State is what an answer depends on. The zero value has no policies, so everything is open.
type State struct {
	// Policies are all policies that are in force, in any order.
	Policies []Policy

	// NamespaceLabels has the labels of every namespace that is asked about, by name. A namespace
	// that is missing has no labels.
	NamespaceLabels map[string]map[string]string
}

// Reach reports whether the policies let a valid connection through. Both the egress of a pod that
// connects and the ingress of a pod that is connected to must allow it. A policy with a range of
// addresses that is not valid allows nothing by it.
func (s State) Reach(conn Connection) Answer {
	answer := Answer{Allowed: true}
	if conn.From.Namespace != "" {
		egress := func(p Policy) *Rules { return p.Egress }
		answer.Decisions = append(answer.Decisions, s.decision(conn, Egress, conn.From, conn.To, egress))
	}
	if conn.To.Namespace != "" {
		ingress := func(p Policy) *Rules { return p.Ingress }
		answer.Decisions = append(answer.Decisions, s.decision(conn, Ingress, conn.To, conn.From, ingress))
	}
	for _, d := range answer.Decisions {
		answer.Allowed = answer.Allowed && d.Allowed
	}
	answer.Reason = joined(answer.Decisions, "; ")
	return answer
}

// decision returns what the policies of one end decide about the other end.
func (s State) decision(
	conn Connection, direction Direction, own, other Endpoint, rules func(Policy) *Rules,
) Decision {
	decision := Decision{Direction: direction, Namespace: own.Namespace}
	for _, p := range s.Policies {
		list := rules(p)
		if list == nil || p.Namespace != own.Namespace || !p.Pods.Matches(own.PodLabels) {
			continue
		}
		for i, rule := range *list {
			if s.peersMatch(p, rule, other) && rule.portsMatch(conn) {
				decision.Allowed, decision.Policies, decision.Rule = true, []string{p.Name}, i
				return decision
			}
		}
		decision.Policies = append(decision.Policies, p.Name)
	}
	decision.Allowed = len(decision.Policies) == 0
	return decision
}

func (s State) peersMatch(p Policy, rule Rule, other Endpoint) bool {
	matches := func(peer Peer) bool { return s.peerMatches(p, peer, other) }
	return len(rule.Peers) == 0 || slices.ContainsFunc(rule.Peers, matches)
}

func (s State) peerMatches(p Policy, peer Peer, other Endpoint) bool {
	if peer.CIDR != "" {
		return other.Address.IsValid() && inRange(peer.CIDR, other.Address) &&
			!slices.ContainsFunc(peer.Except, func(except string) bool { return inRange(except, other.Address) })
	}
	switch {
	case other.Namespace == "":
		return false
	case peer.Namespaces == nil && other.Namespace != p.Namespace:
		return false
	case peer.Namespaces != nil && !peer.Namespaces.Matches(s.NamespaceLabels[other.Namespace]):
		return false
	}
	return peer.Pods == nil || peer.Pods.Matches(other.PodLabels)
}

func inRange(cidr string, address netip.Addr) bool {
	prefix, err := netip.ParsePrefix(cidr)
	return err == nil && prefix.Contains(address.Unmap())
}

func (r Rule) portsMatch(conn Connection) bool {
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p Port) bool { return p.matches(conn) })
}

func (p Port) matches(conn Connection) bool {
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
