package tenant

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

var (
	sameNamespace = topology.NetworkRule{Peers: []topology.NetworkPeer{{}}}
	pods          = topology.NetworkPeer{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "globex"}}
)

func TestNetworkRulesHoldWhatTheScoreAllows(t *testing.T) {
	platform := bigPlatform()
	tests := []struct {
		name            string
		policy          NetworkIsolationPolicy
		ingress, egress []topology.NetworkRule // in addition to the rules that every tenant has
	}{
		{"an unset policy allows no further peer", NetworkIsolationPolicy{}, nil, nil},
		{"IngressControllers allows their ingress", NetworkIsolationPolicy{IngressControllers: true},
			[]topology.NetworkRule{{Peers: platform.IngressControllers}}, nil},
		{"Monitoring allows its ingress",
			NetworkIsolationPolicy{Monitoring: true}, []topology.NetworkRule{{Peers: platform.Monitoring}},
			nil},
		{"APIServer allows egress to it", NetworkIsolationPolicy{APIServer: true}, nil, platform.APIServer},
		{"a tenant is its namespace", NetworkIsolationPolicy{
			Ingress: []NetworkPeer{{Tenant: "globex",
				Ports: []NetworkPort{{Port: 80}, {Protocol: "UDP", Port: 1, EndPort: 9}}}},
			Egress: []NetworkPeer{{Tenant: "globex", PodLabels: map[string]string{"a": "b"},
				Ports: []NetworkPort{{Port: 90}}}},
		},
			[]topology.NetworkRule{{Peers: []topology.NetworkPeer{pods},
				Ports: []topology.NetworkPort{{Protocol: "TCP", Port: 80}, {Protocol: "UDP", Port: 1, EndPort: 9}}}},
			[]topology.NetworkRule{
				{Peers: []topology.NetworkPeer{{NamespaceLabels: pods.NamespaceLabels,
					PodLabels: map[string]string{"a": "b"}}},
					Ports: []topology.NetworkPort{{Protocol: "TCP", Port: 90}}}}},
		{"namespace labels select namespaces",
			NetworkIsolationPolicy{Ingress: []NetworkPeer{{NamespaceLabels: map[string]string{"team": "blue"},
				Ports: []NetworkPort{{Port: 80}}}}},
			[]topology.NetworkRule{{Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{"team": "blue"}}},
				Ports: []topology.NetworkPort{{Protocol: "TCP", Port: 80}}}}, nil},
		{"a CIDR is a range of addresses", NetworkIsolationPolicy{
			Egress: []NetworkPeer{{CIDR: "192.0.2.0/24", Ports: []NetworkPort{{Port: 80}}}}}, nil,
			[]topology.NetworkRule{{Peers: []topology.NetworkPeer{{CIDR: "192.0.2.0/24"}},
				Ports: []topology.NetworkPort{{Protocol: "TCP", Port: 80}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := tt.policy.rules("acme", platform)
			require.NoError(t, err)
			require.Equal(t, topology.NetworkRules{
				Namespace: "acme",
				Ingress:   append([]topology.NetworkRule{sameNamespace}, tt.ingress...),
				Egress:    append(append([]topology.NetworkRule{sameNamespace}, platform.DNS...), tt.egress...),
			}, rules)
		})
	}
}

// A peer excludes the platform's own addresses and metadata services, whatever range it names.
func TestNetworkPeersExcludeThePlatform(t *testing.T) {
	metadata := []string{"169.254.169.254", "169.254.170.2", "169.254.169.123", "100.100.100.200", "168.63.129.16",
		"192.0.0.192", "0.0.0.0", "127.0.0.1", "127.255.255.255",
		"::1", "fe80::1", "fe80::a9fe:a9fe", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42",
		"64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "2002:a60::1"}
	platform := bigPlatform()
	platform.OwnRanges = append(platform.OwnRanges, parsed("172.20.3.4/32", "2a02:99::1/128")...)
	for _, cidr := range []string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "100.64.0.0/10", "168.0.0.0/6",
		"169.0.0.0/8", "172.16.0.0/12", "192.0.0.0/8",
		"::/0", "::/1", "8000::/1", "fc00::/7", "fd00::/8", "fe00::/8", "2a00::/8", "2000::/3"} {
		t.Run(cidr, func(t *testing.T) {
			peer := NetworkPeer{CIDR: cidr, Ports: []NetworkPort{{Port: 80}}}
			rules, err := NetworkIsolationPolicy{Ingress: []NetworkPeer{peer}, Egress: []NetworkPeer{peer}}.rules(
				"acme", platform)
			require.NoError(t, err)
			for _, rule := range []topology.NetworkRule{rules.Ingress[1], rules.Egress[2]} {
				requireKubernetesTakes(t, rule.Peers)
				for _, a := range metadata {
					require.False(t, reaches(rule.Peers, netip.MustParseAddr(a)), a)
				}
				for _, own := range platform.OwnRanges {
					for _, a := range samples(own) {
						require.False(t, reaches(rule.Peers, a), "%s of the platform's %s", a, own)
					}
				}
				open := 0
				for _, a := range samples(netip.MustParsePrefix(cidr)) {
					if reaches(rule.Peers, a) {
						open++
					}
				}
				require.Greater(t, open, 5, "what was asked for")
			}
		})
	}
}

func TestNetworkRulesRefusePeersWithinThePlatform(t *testing.T) {
	for _, cidr := range []string{"10.96.0.0/12", "10.97.0.0/16", "10.244.1.2/32", "fd00:10:244::/64", "127.0.0.0/8",
		"169.254.169.254/32", "168.63.129.16/32", "::1/128", "fe80::/64",
		"64:ff9b::/96", "64:ff9b:1:2::/64", "2002:c000:204::/48"} {
		t.Run(cidr, func(t *testing.T) {
			peer := NetworkPeer{CIDR: cidr, Ports: []NetworkPort{{Port: 80}}}
			for _, policy := range []NetworkIsolationPolicy{{Ingress: []NetworkPeer{peer}},
				{Egress: []NetworkPeer{peer}}} {
				_, err := policy.rules("acme", bigPlatform())
				require.ErrorIs(t, err, topology.ErrInvalid)
				require.ErrorContains(t, err, cidr)
				require.ErrorContains(t, err, `"acme"`)
			}
		})
	}
}

// A rule without peers admits everyone, so unknown peers must be an error. It names the option to
// set.
func TestNetworkRulesRefuseWhatThePlatformDoesNotKnow(t *testing.T) {
	bare := topology.Platform{DNS: bigPlatform().DNS, IPv4: true}
	for name, tt := range map[string]struct {
		policy   NetworkIsolationPolicy
		platform topology.Platform
		says     string
	}{
		"name servers": {NetworkIsolationPolicy{}, topology.Platform{},
			"does not know its name servers; set k8s.Options.DNS, or topology.Platform.DNS of another adapter"},
		"ingress controllers": {NetworkIsolationPolicy{IngressControllers: true}, bare,
			"networkIsolation.ingressControllers is set, but the topology does not know its ingress controllers; " +
				"set k8s.Options.IngressControllers, or topology.Platform.IngressControllers of another adapter"},
		"monitoring": {NetworkIsolationPolicy{Monitoring: true}, bare,
			"networkIsolation.monitoring is set, but the topology does not know its monitoring; " +
				"set k8s.Options.Monitoring, or topology.Platform.Monitoring of another adapter"},
		"API server": {NetworkIsolationPolicy{APIServer: true}, bare,
			"networkIsolation.apiServer is set, but the topology does not know its API server; " +
				"unset networkIsolation.apiServer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.policy.rules("acme", tt.platform)
			require.ErrorIs(t, err, topology.ErrUnsupported)
			require.ErrorContains(t, err, tt.says)
			require.ErrorContains(t, err, `"acme"`)
		})
	}
}

// Tenants that admit the ingress controllers would also admit a tenant with their name or labels.
func TestDesiredRefusesNameAndLabelsOfThePlatform(t *testing.T) {
	platform := bigPlatform()
	platform.Monitoring = append(platform.Monitoring,
		topology.NetworkPeer{NamespaceLabels: map[string]string{"role": "metrics", "tier": "0"}})
	platform.DNS = append(platform.DNS,
		topology.NetworkRule{
			Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{topology.LabelNamespaceName: "dns"}},
				{CIDR: "169.254.20.10/32"}}})
	for name, c := range map[string]TenantConfig{
		"ingress controllers by name": {Name: "ingress-nginx"},
		"monitoring by name":          {Name: "monitoring"},
		"monitoring by labels": {Name: "acme", Labels: map[string]string{"role": "metrics", "tier": "0",
			"team": "a"}},
		"name servers by name": {Name: "dns"},
	} {
		_, err := TenantScore{TenantConfig: c}.Desired(platform)
		require.ErrorIs(t, err, topology.ErrConflict, name)
	}
	for name, c := range map[string]TenantConfig{
		"another name":     {Name: "ingress-nginx-1"},
		"one label of two": {Name: "acme", Labels: map[string]string{"role": "metrics"}},
	} {
		_, err := TenantScore{TenantConfig: c}.Desired(platform)
		require.NoError(t, err, name)
	}
}
