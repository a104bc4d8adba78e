package tenant

import (
	"testing"
)

func TestNetworkPeerValidate(t *testing.T) {
	web := []NetworkPort{{Port: 80}}
	ingress := func(p NetworkPeer) func(*TenantScore) {
		return func(s *TenantScore) { s.NetworkIsolation.Ingress = []NetworkPeer{p} }
	}
	egress := func(p NetworkPeer) func(*TenantScore) {
		return func(s *TenantScore) { s.NetworkIsolation.Egress = []NetworkPeer{p} }
	}
	port := func(p NetworkPort) func(*TenantScore) {
		return egress(NetworkPeer{Tenant: "globex", Ports: []NetworkPort{p}})
	}
	labels := map[string]string{"team": "blue"}
	ingress0, egress0 := "networkIsolation.ingress[0]", "networkIsolation.egress[0]"
	port0 := egress0 + ".ports[0]"
	testEdges(t, []edge{
		{"a tenant as the peer", ingress(NetworkPeer{Tenant: "globex", Ports: web}), nil},
		{"some pods of a tenant", ingress(NetworkPeer{Tenant: "globex", PodLabels: labels, Ports: web}), nil},
		{"namespaces by a label", ingress(NetworkPeer{NamespaceLabels: labels, Ports: web}), nil},
		{"some pods of namespaces", egress(NetworkPeer{NamespaceLabels: labels, PodLabels: labels, Ports: web}), nil},
		{"namespaces by a reserved label",
			egress(NetworkPeer{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "ci"}, Ports: web}),
			nil},
		{"a tenant with an empty selector of pods",
			ingress(NetworkPeer{Tenant: "globex", PodLabels: map[string]string{}, Ports: web}), nil},
		{"an IPv4 range", egress(NetworkPeer{CIDR: "192.0.2.0/24", Ports: web}), nil},
		{"a single IPv4 address", egress(NetworkPeer{CIDR: "192.0.2.1/32", Ports: web}), nil},
		{"an IPv6 range", egress(NetworkPeer{CIDR: "2001:db8::/32", Ports: web}), nil},
		{"the widest range for egress", egress(NetworkPeer{CIDR: "10.0.0.0/8", Ports: web}), nil},
		{"all of IPv4 for ingress", ingress(NetworkPeer{CIDR: "0.0.0.0/0", Ports: web}), nil},
		{"all of IPv6 for ingress", ingress(NetworkPeer{CIDR: "::/0", Ports: web}), nil},

		{"a rule without a peer", ingress(NetworkPeer{Ports: web}), []string{ingress0}},
		{"pod labels without a tenant or namespaces",
			ingress(NetworkPeer{PodLabels: labels, Ports: web}), []string{ingress0}},
		{"a tenant together with namespaces",
			ingress(NetworkPeer{Tenant: "globex", NamespaceLabels: labels, Ports: web}),
			[]string{ingress0}},
		{"a tenant together with a range", egress(NetworkPeer{Tenant: "globex", CIDR: "192.0.2.0/24", Ports: web}),
			[]string{egress0}},
		{"namespaces together with a range",
			egress(NetworkPeer{NamespaceLabels: labels, CIDR: "192.0.2.0/24", Ports: web}),
			[]string{egress0}},
		{"a tenant, namespaces and a range together",
			egress(NetworkPeer{Tenant: "globex", NamespaceLabels: labels, CIDR: "192.0.2.0/24", Ports: web}),
			[]string{egress0}},
		{"an empty selector of namespaces", ingress(NetworkPeer{NamespaceLabels: map[string]string{}, Ports: web}),
			[]string{ingress0 + ".namespaceLabels"}},
		{"a tenant with an invalid name",
			ingress(NetworkPeer{Tenant: "Globex", Ports: web}), []string{ingress0 + ".tenant"}},
		{"a namespace of the platform as a tenant", egress(NetworkPeer{Tenant: "kube-system", Ports: web}),
			[]string{egress0 + ".tenant"}},
		{"the tenant itself", egress(NetworkPeer{Tenant: "acme", Ports: web}), []string{egress0 + ".tenant"}},
		{"an invalid label key of namespaces",
			ingress(NetworkPeer{NamespaceLabels: map[string]string{"a b": ""}, Ports: web}),
			[]string{ingress0 + ".namespaceLabels[a b]"}},
		{"an invalid label value of pods",
			ingress(NetworkPeer{Tenant: "globex", PodLabels: map[string]string{"a": "b c"}, Ports: web}),
			[]string{ingress0 + ".podLabels[a]"}},
		{"all of IPv4 for egress", egress(NetworkPeer{CIDR: "0.0.0.0/0", Ports: web}), []string{egress0 + ".cidr"}},
		{"half of IPv4 for egress", egress(NetworkPeer{CIDR: "128.0.0.0/1", Ports: web}), []string{egress0 + ".cidr"}},
		{"a range one bit wider than allowed for egress",
			egress(NetworkPeer{CIDR: "10.0.0.0/7", Ports: web}), []string{egress0 + ".cidr"}},
		{"all of IPv6 for egress", egress(NetworkPeer{CIDR: "::/0", Ports: web}), []string{egress0 + ".cidr"}},
		{"an address without a prefix length",
			egress(NetworkPeer{CIDR: "192.0.2.1", Ports: web}), []string{egress0 + ".cidr"}},
		{"a range with host bits", egress(NetworkPeer{CIDR: "192.0.2.1/24", Ports: web}), []string{egress0 + ".cidr"}},
		{"a range that is not in canonical form",
			egress(NetworkPeer{CIDR: "2001:0db8::/32", Ports: web}), []string{egress0 + ".cidr"}},
		{"a range with leading zeros",
			egress(NetworkPeer{CIDR: "010.0.0.0/8", Ports: web}), []string{egress0 + ".cidr"}},
		{"an IPv4 range written as IPv6",
			egress(NetworkPeer{CIDR: "::ffff:10.0.0.0/104", Ports: web}), []string{egress0 + ".cidr"}},
		{"a range with an IPv6 zone",
			egress(NetworkPeer{CIDR: "fe80::%eth0/64", Ports: web}), []string{egress0 + ".cidr"}},
		{"a range together with pod labels", egress(NetworkPeer{CIDR: "192.0.2.0/24", PodLabels: labels, Ports: web}),
			[]string{egress0 + ".podLabels"}},
		{"a peer without ports", ingress(NetworkPeer{Tenant: "globex"}), []string{ingress0 + ".ports"}},
		{"a peer with an empty list of ports",
			egress(NetworkPeer{Tenant: "globex", Ports: []NetworkPort{}}), []string{egress0 + ".ports"}},

		{"the first port", port(NetworkPort{Port: 1}), nil},
		{"the last port", port(NetworkPort{Port: 65535}), nil},
		{"the range of every port", port(NetworkPort{Port: 1, EndPort: 65535}), nil},
		{"a range of one port", port(NetworkPort{Port: 80, EndPort: 80}), nil},
		{"the protocol TCP", port(NetworkPort{Protocol: "TCP", Port: 80}), nil},
		{"the protocol UDP", port(NetworkPort{Protocol: "UDP", Port: 80}), nil},
		{"the protocol SCTP", port(NetworkPort{Protocol: "SCTP", Port: 80}), nil},
		{"the protocol ICMP", port(NetworkPort{Protocol: "ICMP", Port: 80}), []string{port0 + ".protocol"}},
		{"a protocol in lower case", port(NetworkPort{Protocol: "udp", Port: 80}), []string{port0 + ".protocol"}},
		{"port zero", port(NetworkPort{}), []string{port0 + ".port"}},
		{"a negative port", port(NetworkPort{Port: -1}), []string{port0 + ".port"}},
		{"a port after the last one", port(NetworkPort{Port: 65536}), []string{port0 + ".port"}},
		{"a range that ends before it begins", port(NetworkPort{Port: 80, EndPort: 79}), []string{port0 + ".endPort"}},
		{"a range with a negative end", port(NetworkPort{Port: 80, EndPort: -1}), []string{port0 + ".endPort"}},
		{"a range that ends after the last port",
			port(NetworkPort{Port: 80, EndPort: 65536}), []string{port0 + ".endPort"}},
	})
}
