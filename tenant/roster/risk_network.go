package roster

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// risksOfNetwork compares who may connect: it reports a risk if the rules after allow a connection
// that the rules before did not.
func risksOfNetwork(before, after topology.NetworkRules) []Risk {
	if opensMore(before.Namespace, before.Ingress, after.Ingress) ||
		opensMore(before.Namespace, before.Egress, after.Egress) {
		return []Risk{RiskOpens}
	}
	return nil
}

// opensMore reports whether a rule of after lets a peer through on a port on which no rule of
// before does.
func opensMore(namespace string, before, after []topology.NetworkRule) bool {
	for _, rule := range after {
		wanted := spansOf(rule.Ports)
		if len(rule.Peers) == 0 && opensTo(wanted, before, func(r topology.NetworkRule) bool { return len(r.Peers) == 0 }) {
			return true
		}
		for _, peer := range rule.Peers {
			if opensToPeer(namespace, peer, wanted, before) {
				return true
			}
		}
	}
	return false
}

// opensTo reports whether some of the ports are open by none of the rules that match.
func opensTo(wanted []span, rules []topology.NetworkRule, match func(topology.NetworkRule) bool) bool {
	for _, r := range rules {
		if match(r) {
			wanted = subtract(wanted, spansOf(r.Ports))
		}
	}
	return len(wanted) > 0
}

func opensToPeer(namespace string, peer topology.NetworkPeer, wanted []span, before []topology.NetworkRule) bool {
	if peer.CIDR != "" {
		return opensToRange(peer, wanted, before)
	}
	return opensTo(wanted, before, func(r topology.NetworkRule) bool {
		return len(r.Peers) == 0 || slices.ContainsFunc(r.Peers, func(have topology.NetworkPeer) bool {
			return containsPods(namespace, have, peer)
		})
	})
}

// containsPods reports whether a peer matches every pod that another matches. Both are conjunctions
// of labels, so that more labels match less.
func containsPods(namespace string, have, want topology.NetworkPeer) bool {
	return have.CIDR == "" && hasLabels(have.PodLabels, want.PodLabels) &&
		hasLabels(namespaceLabels(namespace, have), namespaceLabels(namespace, want))
}

// namespaceLabels returns what the namespaces of a peer have in common.
func namespaceLabels(own string, p topology.NetworkPeer) map[string]string {
	if len(p.NamespaceLabels) == 0 && !p.EveryNamespace {
		return map[string]string{topology.LabelNamespaceName: own}
	}
	return p.NamespaceLabels
}

// hasLabels reports whether all labels of one map are in the other.
func hasLabels(less, more map[string]string) bool {
	for key, value := range less {
		if have, ok := more[key]; !ok || have != value {
			return false
		}
	}
	return true
}

// opensToRange cuts the addresses of a peer where the ranges of before begin and end, and asks for
// each piece.
func opensToRange(peer topology.NetworkPeer, wanted []span, before []topology.NetworkRule) bool {
	pieces := rangesOf(peer)
	if pieces == nil {
		return true // a range that cannot be read
	}
	var cuts []netip.Addr
	for _, r := range before {
		for _, p := range r.Peers {
			for _, have := range rangesOf(p) {
				cuts = append(cuts, have.from, have.to.Next())
			}
		}
	}
	for _, piece := range split(pieces, cuts) {
		opens := opensTo(wanted, before, func(r topology.NetworkRule) bool {
			return len(r.Peers) == 0 || slices.ContainsFunc(r.Peers, func(p topology.NetworkPeer) bool {
				return slices.ContainsFunc(rangesOf(p), func(have addresses) bool { return have.contains(piece.from) })
			})
		})
		if opens {
			return true
		}
	}
	return false
}

// addresses are those from one address to another, both included.
type addresses struct{ from, to netip.Addr }

func (a addresses) contains(address netip.Addr) bool {
	return a.from.BitLen() == address.BitLen() && a.from.Compare(address) <= 0 && address.Compare(a.to) <= 0
}

// rangesOf returns the addresses of a peer without those that it leaves out. It is nil for pods,
// and for a range that cannot be read. What cannot be read is not left out.
func rangesOf(p topology.NetworkPeer) []addresses {
	prefix, err := netip.ParsePrefix(p.CIDR)
	if err != nil {
		return nil
	}
	left := []addresses{addressesOf(prefix)}
	for _, text := range p.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil {
			continue
		}
		hole := addressesOf(except)
		left = slices.DeleteFunc(split(left, []netip.Addr{hole.from, hole.to.Next()}), func(a addresses) bool {
			return hole.contains(a.from)
		})
	}
	if left == nil {
		left = []addresses{} // it leaves out everything
	}
	return left
}

func addressesOf(prefix netip.Prefix) addresses {
	from := prefix.Masked().Addr()
	bytes := from.AsSlice()
	for bit := prefix.Bits(); bit < from.BitLen(); bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	to, _ := netip.AddrFromSlice(bytes) // it has the length of an address
	return addresses{from, to}
}

// split cuts ranges before each of the addresses.
func split(ranges []addresses, cuts []netip.Addr) []addresses {
	for _, cut := range cuts {
		var pieces []addresses
		for _, r := range ranges {
			if cut.IsValid() && r.contains(cut) && cut != r.from {
				pieces = append(pieces, addresses{r.from, cut.Prev()}, addresses{cut, r.to})
			} else {
				pieces = append(pieces, r)
			}
		}
		ranges = pieces
	}
	return ranges
}

// span is the ports of a protocol from one to another, both included.
type span struct {
	protocol netpolicy.Protocol
	from, to int32
}

const lastPort = 65535

// spansOf returns the ports that a rule is about.
func spansOf(ports []topology.NetworkPort) []span {
	if len(ports) == 0 {
		return []span{{netpolicy.TCP, 1, lastPort}, {netpolicy.UDP, 1, lastPort}, {netpolicy.SCTP, 1, lastPort}}
	}
	spans := map[span]bool{}
	for _, p := range ports {
		switch {
		case p.Port == 0:
			spans[span{p.Protocol, 1, lastPort}] = true
		case p.EndPort == 0:
			spans[span{p.Protocol, p.Port, p.Port}] = true
		default:
			spans[span{p.Protocol, p.Port, p.EndPort}] = true
		}
	}
	return slices.Collect(maps.Keys(spans))
}

// subtract returns the ports of spans that are in none of the others.
func subtract(spans, others []span) []span {
	for _, other := range others {
		var left []span
		for _, s := range spans {
			if s.protocol != other.protocol || other.to < s.from || s.to < other.from {
				left = append(left, s)
				continue
			}
			if s.from < other.from {
				left = append(left, span{s.protocol, s.from, other.from - 1})
			}
			if other.to < s.to {
				left = append(left, span{s.protocol, other.to + 1, s.to})
			}
		}
		spans = left
	}
	return spans
}
