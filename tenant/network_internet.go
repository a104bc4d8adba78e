package tenant

import (
	"net/netip"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

// specialRanges are the address ranges that do not count as the public internet:
//
//   - every entry of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its
//     updates), including the globally reachable ones, which lead to special services too,
//   - multicast and reserved ranges,
//   - the one host agent of a cloud that has a public address.
//
// For IPv6 only 2000::/3 is public (RFC 4291, section 2.4), so ranges outside it are not listed.
var specialRanges = prefixes(
	"0.0.0.0/8",       // this network, RFC 791
	"10.0.0.0/8",      // private, RFC 1918
	"100.64.0.0/10",   // carrier-grade NAT, RFC 6598
	"127.0.0.0/8",     // loopback, RFC 1122
	"169.254.0.0/16",  // link local, RFC 3927: cloud metadata services
	"172.16.0.0/12",   // private, RFC 1918
	"192.0.0.0/24",    // IETF protocol assignments, RFC 6890
	"192.0.2.0/24",    // documentation, RFC 5737
	"192.31.196.0/24", // AS112-v4, RFC 7535
	"192.52.193.0/24", // AMT, RFC 7450
	"192.88.99.0/24",  // 6to4 relay anycast, RFC 7526
	"192.168.0.0/16",  // private, RFC 1918
	"192.175.48.0/24", // direct delegation AS112, RFC 7534
	"198.18.0.0/15",   // benchmarking, RFC 2544
	"198.51.100.0/24", // documentation, RFC 5737
	"203.0.113.0/24",  // documentation, RFC 5737
	"224.0.0.0/4",     // multicast, RFC 5771
	"240.0.0.0/4",     // reserved and broadcast, RFC 1112 and RFC 8190

	// Azure's host agent (WireServer). The address is public, but leads each machine to its own
	// host.
	"168.63.129.16/32",

	"2001::/23",         // IETF protocol assignments (Teredo, ORCHID, ...), RFC 2928
	"2001:db8::/32",     // documentation, RFC 3849
	"2002::/16",         // 6to4, which embeds any IPv4 address, RFC 3056
	"2620:4f:8000::/48", // direct delegation AS112, RFC 7534
	"3fff::/20",         // documentation, RFC 9637
)

// publicRanges are the ranges of the public internet, before specialRanges are taken out.
var publicRanges = prefixes("0.0.0.0/0", "2000::/3")

// prefixes parses ranges. It panics on a malformed one.
func prefixes(cidrs ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(cidrs))
	for i, c := range cidrs {
		all[i] = netip.MustParsePrefix(c)
	}
	return all
}

// internet returns the public internet in the address families of the platform, without the
// platform's own addresses.
func internet(p topology.Platform) []topology.NetworkPeer {
	var peers []topology.NetworkPeer
	for _, public := range publicRanges {
		if public.Addr().Is4() && !p.IPv4 || public.Addr().Is6() && !p.IPv6 {
			continue
		}
		if peer, ok := without(public, slices.Concat(specialRanges, p.OwnRanges)); ok {
			peers = append(peers, peer)
		}
	}
	return peers
}

// without returns the range whole without every part of others that lies in it, and false if
// nothing remains. An IPv4 range in IPv6 notation counts as IPv4.
func without(whole netip.Prefix, others []netip.Prefix) (topology.NetworkPeer, bool) {
	others = slices.Clone(others)
	for i, other := range others {
		if other = other.Masked(); other.Addr().Is4In6() {
			others[i] = netip.PrefixFrom(other.Addr().Unmap(), other.Bits()-96)
		}
	}
	var except []netip.Prefix
	for _, other := range others {
		if !whole.Overlaps(other) {
			continue
		}
		if other.Bits() <= whole.Bits() {
			return topology.NetworkPeer{}, false
		}
		covered := slices.ContainsFunc(others, func(p netip.Prefix) bool {
			return p.Bits() < other.Bits() && p.Overlaps(other)
		})
		if !covered && !slices.Contains(except, other.Masked()) {
			except = append(except, other.Masked())
		}
	}
	slices.SortFunc(except, netip.Prefix.Compare)
	peer := topology.NetworkPeer{CIDR: whole.String()}
	for _, e := range except {
		peer.Except = append(peer.Except, e.String())
	}
	return peer, true
}
