package netpolicy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Answer reports whether a connection is let through, and what decided it.
type Answer struct {
	Allowed bool   `json:"allowed"` // the policies let the connection through
	Reason  string `json:"reason"`  // one sentence for each direction that policies decide, for people
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
	var reasons []string
	allowed := true
	if conn.From.Namespace != "" {
		ok, reason := s.direction(conn, conn.From, conn.To, "egress", func(p Policy) *Rules { return p.Egress })
		allowed, reasons = allowed && ok, append(reasons, reason)
	}
	if conn.To.Namespace != "" {
		ok, reason := s.direction(conn, conn.To, conn.From, "ingress", func(p Policy) *Rules { return p.Ingress })
		allowed, reasons = allowed && ok, append(reasons, reason)
	}
	return Answer{Allowed: allowed, Reason: strings.Join(reasons, "; ")}
}

// direction reports whether the policies of one end allow the other end.
func (s State) direction(
	conn Connection, own, other Endpoint, name string, rules func(Policy) *Rules,
) (allowed bool, reason string) {
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
		return true, fmt.Sprintf("no NetworkPolicy in %s isolates the %s of such pods, so they are open", own.Namespace, name)
	}
	return false, fmt.Sprintf("no %s rule of NetworkPolicy %s allows it", name, strings.Join(selecting, ", "))
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
