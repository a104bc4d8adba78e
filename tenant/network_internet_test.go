package tenant

import (
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
)

// notPublic is taken from the registries, not from the code: the IANA IPv4 and IPv6 Special-Purpose
// Address Registries, the IPv4 and IPv6 Address Space registries, and the addresses at which clouds
// serve their metadata.
var notPublic = []struct{ cidr, name, source string }{
	{"0.0.0.0/8", "this network", "RFC 791"},
	{"0.0.0.0/32", "this host on this network", "RFC 1122"},
	{"10.0.0.0/8", "private use", "RFC 1918"},
	{"100.64.0.0/10", "shared address space (carrier-grade NAT)", "RFC 6598"},
	{"127.0.0.0/8", "loopback", "RFC 1122"},
	{"169.254.0.0/16", "link local", "RFC 3927"},
	{"172.16.0.0/12", "private use", "RFC 1918"},
	{"192.0.0.0/24", "IETF protocol assignments", "RFC 6890"},
	{"192.0.0.0/29", "IPv4 service continuity prefix", "RFC 7335"},
	{"192.0.0.8/32", "IPv4 dummy address", "RFC 7600"},
	{"192.0.0.9/32", "port control protocol anycast", "RFC 7723"},
	{"192.0.0.10/32", "TURN anycast", "RFC 8155"},
	{"192.0.0.170/32", "NAT64/DNS64 discovery", "RFC 8880"},
	{"192.0.0.171/32", "NAT64/DNS64 discovery", "RFC 8880"},
	{"192.0.2.0/24", "documentation (TEST-NET-1)", "RFC 5737"},
	{"192.31.196.0/24", "AS112-v4", "RFC 7535"},
	{"192.52.193.0/24", "AMT", "RFC 7450"},
	{"192.88.99.0/24", "deprecated 6to4 relay anycast", "RFC 7526"},
	{"192.88.99.2/32", "6a44 relay anycast", "RFC 6751"},
	{"192.168.0.0/16", "private use", "RFC 1918"},
	{"192.175.48.0/24", "direct delegation AS112 service", "RFC 7534"},
	{"198.18.0.0/15", "benchmarking", "RFC 2544"},
	{"198.51.100.0/24", "documentation (TEST-NET-2)", "RFC 5737"},
	{"203.0.113.0/24", "documentation (TEST-NET-3)", "RFC 5737"},
	{"224.0.0.0/4", "multicast", "RFC 5771"},
	{"240.0.0.0/4", "reserved", "RFC 1112"},
	{"255.255.255.255/32", "limited broadcast", "RFC 8190, RFC 919"},

	{"::/128", "unspecified", "RFC 4291"},
	{"::1/128", "loopback", "RFC 4291"},
	{"::/96", "IPv4-compatible, deprecated", "RFC 4291"},
	{"::ffff:0:0/96", "IPv4-mapped", "RFC 4291"},
	{"64:ff9b::/96", "NAT64, IPv4-IPv6 translation", "RFC 6052"},
	{"64:ff9b:1::/48", "NAT64, IPv4-IPv6 translation", "RFC 8215"},
	{"100::/64", "discard only", "RFC 6666"},
	{"100:0:0:1::/64", "dummy IPv6 prefix", "RFC 9780"},
	{"200::/7", "OSI NSAP, deprecated", "RFC 4048"},
	{"2001::/23", "IETF protocol assignments", "RFC 2928"},
	{"2001::/32", "Teredo", "RFC 4380"},
	{"2001:1::1/128", "port control protocol anycast", "RFC 7723"},
	{"2001:1::2/128", "TURN anycast", "RFC 8155"},
	{"2001:1::3/128", "DNS-SD service registration protocol anycast", "RFC 9665"},
	{"2001:2::/48", "benchmarking", "RFC 5180"},
	{"2001:3::/32", "AMT", "RFC 7450"},
	{"2001:4:112::/48", "AS112-v6", "RFC 7535"},
	{"2001:10::/28", "deprecated ORCHID", "RFC 4843"},
	{"2001:20::/28", "ORCHIDv2", "RFC 7343"},
	{"2001:30::/28", "drone remote ID protocol entity tags (DETs)", "RFC 9374"},
	{"2001:db8::/32", "documentation", "RFC 3849"},
	{"2002::/16", "6to4", "RFC 3056"},
	{"2620:4f:8000::/48", "direct delegation AS112 service", "RFC 7534"},
	{"3fff::/20", "documentation", "RFC 9637"},
	{"5f00::/16", "segment routing (SRv6) SIDs", "RFC 9602"},
	{"fc00::/7", "unique local", "RFC 4193"},
	{"fe80::/10", "link local", "RFC 4291"},
	{"fec0::/10", "site local, deprecated", "RFC 3879"},
	{"ff00::/8", "multicast", "RFC 4291"},

	{"168.63.129.16/32", "Azure's host agent", "learn.microsoft.com: What is IP address 168.63.129.16?"},
}

func parsed(cidrs ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, c := range cidrs {
		all = append(all, netip.MustParsePrefix(c))
	}
	return all
}

// reaches reports whether any of the peers admits traffic to an address.
func reaches(peers []topology.NetworkPeer, addr netip.Addr) bool {
	return slices.ContainsFunc(peers, func(p topology.NetworkPeer) bool {
		within := func(cidr string) bool { return netip.MustParsePrefix(cidr).Contains(addr) }
		return p.CIDR != "" && within(p.CIDR) && !slices.ContainsFunc(p.Except, within)
	})
}

func last(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}

// samples returns addresses of a range: the first, the last and some in between.
func samples(p netip.Prefix) []netip.Addr {
	first, final := p.Masked().Addr(), last(p)
	all := []netip.Addr{first, final}
	low, high := new(big.Int).SetBytes(first.AsSlice()), new(big.Int).SetBytes(final.AsSlice())
	span := new(big.Int).Sub(high, low)
	for _, permille := range []int64{1, 17, 250, 333, 500, 618, 750, 999} {
		at := new(big.Int).Mul(span, big.NewInt(permille))
		at.Add(low, at.Div(at, big.NewInt(1000)))
		addr, _ := netip.AddrFromSlice(at.FillBytes(make([]byte, len(first.AsSlice()))))
		all = append(all, addr)
	}
	return all
}

func internetEgress(t *testing.T, p topology.Platform) []topology.NetworkPeer {
	t.Helper()
	s := minimal()
	s.NetworkIsolation.PublicInternetEgress = true
	p.DNS = bigPlatform().DNS
	want, err := s.Desired(p)
	require.NoError(t, err)
	require.Len(t, want.Network.Egress, 3)
	rule := want.Network.Egress[2]
	require.Empty(t, rule.Ports, "every port")
	requireKubernetesTakes(t, rule.Peers)
	return rule.Peers
}

// requireKubernetesTakes checks what the API server requires of an ipBlock, and that no exception
// is redundant.
func requireKubernetesTakes(t *testing.T, peers []topology.NetworkPeer) {
	t.Helper()
	for _, p := range peers {
		whole := netip.MustParsePrefix(p.CIDR)
		for _, cidr := range append([]string{p.CIDR}, p.Except...) {
			require.Empty(t, validation.IsValidCIDR(field.NewPath("cidr"), cidr))
		}
		for i, e := range p.Except {
			except := netip.MustParsePrefix(e)
			require.True(t, whole.Contains(except.Addr()) && except.Bits() > whole.Bits(),
				"%s is not strictly within %s", e, p.CIDR)
			for j, other := range p.Except {
				require.False(t, i != j && netip.MustParsePrefix(other).Overlaps(except), "%s and %s overlap", e, other)
			}
		}
		require.True(t,
			slices.IsSortedFunc(p.Except,
				func(a, b string) int { return netip.MustParsePrefix(a).Compare(netip.MustParsePrefix(b)) }), "%v",
			p.Except)
	}
}

func TestPublicInternetExcludesSpecialRanges(t *testing.T) {
	peers := internetEgress(t, topology.Platform{IPv4: true, IPv6: true})
	for _, r := range notPublic {
		for _, addr := range samples(netip.MustParsePrefix(r.cidr)) {
			require.False(t, reaches(peers, addr), "%s of %s: %s, %s", addr, r.cidr, r.name, r.source)
		}
	}
	for _, a := range []string{"169.254.169.254", "169.254.170.2", "169.254.169.123", "100.100.100.200", "192.0.0.192",
		"fd00:ec2::254", "fd20:ce::254"} {
		require.False(t, reaches(peers, netip.MustParseAddr(a)), "the metadata service at %s", a)
	}
	for _, a := range []string{"8.8.8.8", "1.1.1.1", "9.9.9.9", "4.0.0.0", "128.0.0.1", "185.199.108.153",
		"223.255.255.255", "193.0.6.139",
		"2001:200::1", "2001:4860:4860::8888", "2003::1", "2400:cb00::1", "2606:4700:4700::1111", "2620:fe::fe",
		"2800::1", "2a00:1450::1", "2c0f::1"} {
		require.True(t, reaches(peers, netip.MustParseAddr(a)), a)
	}
}

// The addresses directly before and after a special range are public, unless they are special too.
func TestPublicInternetExcludesNothingElse(t *testing.T) {
	peers := internetEgress(t, topology.Platform{IPv4: true, IPv6: true})
	isSpecial := func(a netip.Addr) bool {
		for _, r := range notPublic {
			if netip.MustParsePrefix(r.cidr).Contains(a) {
				return true
			}
		}
		return a.Is6() && !netip.MustParsePrefix("2000::/3").Contains(a)
	}
	public := 0
	for _, r := range notPublic {
		p := netip.MustParsePrefix(r.cidr)
		for _, neighbour := range []netip.Addr{p.Addr().Prev(), last(p).Next()} {
			if neighbour.IsValid() && !isSpecial(neighbour) {
				public++
				require.True(t, reaches(peers, neighbour), "%s is next to %s (%s)", neighbour, r.cidr, r.name)
			}
		}
	}
	require.Greater(t, public, 35)
}

func TestPublicInternetExcludesThePlatform(t *testing.T) {
	tests := []struct {
		name       string
		platform   topology.Platform
		peers      []string // CIDRs
		open, shut []string
	}{
		{"a platform with IPv4 alone", topology.Platform{IPv4: true}, []string{"0.0.0.0/0"}, []string{"8.8.8.8"},
			[]string{"2606:4700:4700::1111"}},
		{"a platform with IPv6 alone",
			topology.Platform{IPv6: true}, []string{"2000::/3"}, []string{"2606:4700:4700::1111"},
			[]string{"8.8.8.8"}},
		{"own ranges of both families",
			topology.Platform{IPv4: true, IPv6: true, OwnRanges: parsed("8.8.0.0/16", "10.244.0.0/16",
				"2a00:1450:4000::/36", "fd00:10:244::/56")},
			[]string{"0.0.0.0/0", "2000::/3"}, []string{"8.7.255.255", "8.9.0.0", "2a00:1450::1", "2a00:1450:5000::"},
			[]string{"8.8.8.8", "10.244.0.1", "2a00:1450:4001::1"}},
		{"own ranges of one address", topology.Platform{IPv4: true, IPv6: true,
			OwnRanges: parsed("1.1.1.1/32", "2606:4700:4700::1111/128")},
			[]string{"0.0.0.0/0", "2000::/3"}, []string{"1.1.1.0", "1.1.1.2", "2606:4700:4700::1110",
				"2606:4700:4700::1112"}, []string{"1.1.1.1", "2606:4700:4700::1111"}},
		{"own ranges that are not canonical, repeated and nested",
			topology.Platform{IPv4: true, OwnRanges: parsed("8.8.8.8/24", "8.8.8.0/24", "8.8.8.128/25", "8.8.9.9/16")},
			[]string{"0.0.0.0/0"}, []string{"8.9.0.0"}, []string{"8.8.8.8", "8.8.255.255"}},
		{"IPv4 ranges written as IPv6", topology.Platform{IPv4: true, IPv6: true,
			OwnRanges: parsed("::ffff:8.8.8.0/120", "::ffff:0:0/112")},
			[]string{"0.0.0.0/0", "2000::/3"}, []string{"8.8.7.255", "8.8.9.0", "2a00:1450::1"}, []string{"8.8.8.8"}},
		{"an own range that contains special ranges", topology.Platform{IPv4: true, OwnRanges: parsed("192.0.0.0/8")},
			[]string{"0.0.0.0/0"}, []string{"191.255.255.255", "193.0.0.0"}, []string{"192.0.1.1", "192.168.0.1"}},
		{"all of IPv4 as an own range",
			topology.Platform{IPv4: true, IPv6: true, OwnRanges: parsed("0.0.0.0/0")}, []string{"2000::/3"},
			[]string{"2606:4700:4700::1111"}, []string{"8.8.8.8"}},
		{"all of IPv4 as two own ranges", topology.Platform{IPv4: true, OwnRanges: parsed("0.0.0.0/1", "128.0.0.0/1")},
			[]string{"0.0.0.0/0"}, nil, []string{"8.8.8.8", "128.0.0.1"}},
		{"all of IPv6 as an own range",
			topology.Platform{IPv4: true, IPv6: true, OwnRanges: parsed("::/0")}, []string{"0.0.0.0/0"},
			[]string{"8.8.8.8"}, []string{"2606:4700:4700::1111"}},
		{"all of public IPv6 as an own range", topology.Platform{IPv4: true, IPv6: true, OwnRanges: parsed("2000::/3")},
			[]string{"0.0.0.0/0"}, []string{"8.8.8.8"}, []string{"2606:4700:4700::1111"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peers := internetEgress(t, tt.platform)
			var cidrs []string
			for _, p := range peers {
				cidrs = append(cidrs, p.CIDR)
				require.Equal(t, topology.NetworkPeer{CIDR: p.CIDR, Except: p.Except}, p)
			}
			require.Equal(t, tt.peers, cidrs)
			for _, a := range tt.open {
				require.True(t, reaches(peers, netip.MustParseAddr(a)), a)
			}
			for _, a := range tt.shut {
				require.False(t, reaches(peers, netip.MustParseAddr(a)), a)
			}
			for _, own := range tt.platform.OwnRanges {
				for _, a := range samples(own) {
					require.False(t, reaches(peers, a), "%s of the platform's %s", a, own)
				}
			}
		})
	}
}

func TestPublicInternetRefusesAPlatformWithoutPublicAddresses(t *testing.T) {
	for name, p := range map[string]topology.Platform{
		"it is all the platform's": {IPv4: true, IPv6: true, OwnRanges: parsed("0.0.0.0/0", "::/0")},
		"no address family":        {},
	} {
		t.Run(name, func(t *testing.T) {
			s := minimal()
			s.NetworkIsolation.PublicInternetEgress = true
			p.DNS = bigPlatform().DNS
			_, err := s.Desired(p)
			require.ErrorIs(t, err, topology.ErrUnsupported)
			require.ErrorContains(t, err, "leave no public address; unset it, or change k8s.Options.OwnRanges")
		})
	}
}

// FuzzWithout takes ranges out of a range, and checks many addresses.
func FuzzWithout(f *testing.F) {
	f.Add(false, []byte{0, 0, 0, 0, 0, 10, 0, 0, 0, 8, 192, 168, 0, 0, 16, 10, 1, 2, 3, 16})
	f.Add(false, []byte{10, 0, 0, 0, 8, 10, 255, 255, 255, 32, 10, 0, 0, 0, 8, 0, 0, 0, 0, 0})
	f.Add(true, append(make([]byte, 16), append([]byte{0, 0x20, 1}, make([]byte, 13+1+16+16)...)...))
	f.Fuzz(func(t *testing.T, six bool, data []byte) {
		size := 4
		if six {
			size = 16
		}
		var ranges []netip.Prefix
		for len(data) > size && len(ranges) < 12 {
			addr, _ := netip.AddrFromSlice(data[:size])
			if !addr.Is4In6() { // they count as IPv4
				ranges = append(ranges, netip.PrefixFrom(addr, int(data[size])%(size*8+1)))
			}
			data = data[size+1:]
		}
		if len(ranges) == 0 {
			return
		}
		whole, others := ranges[0].Masked(), slices.Concat(ranges[1:], parsed("10.0.0.0/9", "2a00::/12"))
		peer, ok := without(whole, others)
		require.Equal(t,
			slices.ContainsFunc(others, func(o netip.Prefix) bool {
				return o.Bits() <= whole.Bits() &&
					o.Overlaps(whole)
			}), !ok)

		var peers []topology.NetworkPeer
		if ok {
			peers = append(peers, peer)
			requireKubernetesTakes(t, peers)
		}
		for _, r := range append([]netip.Prefix{whole}, others...) {
			for _, a := range append(samples(r), r.Masked().Addr().Prev(), last(r).Next(), r.Addr()) {
				if a.IsValid() {
					takenOut := slices.ContainsFunc(others, func(o netip.Prefix) bool { return o.Masked().Contains(a) })
					require.Equal(t, whole.Contains(a) && !takenOut, reaches(peers, a), "%s of %v without %v", a, whole,
						others)
				}
			}
		}
	})
}
