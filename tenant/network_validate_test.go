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
		{"tenant", ingress(NetworkPeer{Tenant: "globex", Ports: web}), nil},
		{"tenant's pods", ingress(NetworkPeer{Tenant: "globex", PodLabels: labels, Ports: web}), nil},
		{"namespaces", ingress(NetworkPeer{NamespaceLabels: labels, Ports: web}), nil},
		{"namespaces' pods", egress(NetworkPeer{NamespaceLabels: labels, PodLabels: labels, Ports: web}), nil},
		{"namespaces by a reserved label",
			egress(NetworkPeer{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "ci"}, Ports: web}),
			nil},
		{"empty selector of pods is every pod",
			ingress(NetworkPeer{Tenant: "globex", PodLabels: map[string]string{}, Ports: web}), nil},
		{"IPv4", egress(NetworkPeer{CIDR: "192.0.2.0/24", Ports: web}), nil},
		{"IPv4 address", egress(NetworkPeer{CIDR: "192.0.2.1/32", Ports: web}), nil},
		{"IPv6", egress(NetworkPeer{CIDR: "2001:db8::/32", Ports: web}), nil},
		{"the widest range", egress(NetworkPeer{CIDR: "10.0.0.0/8", Ports: web}), nil},
		{"all of IPv4 may connect", ingress(NetworkPeer{CIDR: "0.0.0.0/0", Ports: web}), nil},
		{"all of IPv6 may connect", ingress(NetworkPeer{CIDR: "::/0", Ports: web}), nil},

		{"no peer", ingress(NetworkPeer{Ports: web}), []string{ingress0}},
		{"pod labels alone", ingress(NetworkPeer{PodLabels: labels, Ports: web}), []string{ingress0}},
		{"tenant and namespaces", ingress(NetworkPeer{Tenant: "globex", NamespaceLabels: labels, Ports: web}),
			[]string{ingress0}},
		{"tenant and range", egress(NetworkPeer{Tenant: "globex", CIDR: "192.0.2.0/24", Ports: web}),
			[]string{egress0}},
		{"namespaces and range", egress(NetworkPeer{NamespaceLabels: labels, CIDR: "192.0.2.0/24", Ports: web}),
			[]string{egress0}},
		{"all three", egress(NetworkPeer{Tenant: "globex", NamespaceLabels: labels, CIDR: "192.0.2.0/24", Ports: web}),
			[]string{egress0}},
		{"every namespace", ingress(NetworkPeer{NamespaceLabels: map[string]string{}, Ports: web}),
			[]string{ingress0 + ".namespaceLabels"}},
		{"tenant of a bad name", ingress(NetworkPeer{Tenant: "Globex", Ports: web}), []string{ingress0 + ".tenant"}},
		{"the platform is no tenant", egress(NetworkPeer{Tenant: "kube-system", Ports: web}),
			[]string{egress0 + ".tenant"}},
		{"the tenant itself", egress(NetworkPeer{Tenant: "acme", Ports: web}), []string{egress0 + ".tenant"}},
		{"bad key of namespaces", ingress(NetworkPeer{NamespaceLabels: map[string]string{"a b": ""}, Ports: web}),
			[]string{ingress0 + ".namespaceLabels[a b]"}},
		{"bad value of pods",
			ingress(NetworkPeer{Tenant: "globex", PodLabels: map[string]string{"a": "b c"}, Ports: web}),
			[]string{ingress0 + ".podLabels[a]"}},
		{"the whole internet", egress(NetworkPeer{CIDR: "0.0.0.0/0", Ports: web}), []string{egress0 + ".cidr"}},
		{"half of the internet", egress(NetworkPeer{CIDR: "128.0.0.0/1", Ports: web}), []string{egress0 + ".cidr"}},
		{"wider than anybody's", egress(NetworkPeer{CIDR: "10.0.0.0/7", Ports: web}), []string{egress0 + ".cidr"}},
		{"the whole internet over IPv6", egress(NetworkPeer{CIDR: "::/0", Ports: web}), []string{egress0 + ".cidr"}},
		{"not a range", egress(NetworkPeer{CIDR: "192.0.2.1", Ports: web}), []string{egress0 + ".cidr"}},
		{"not masked", egress(NetworkPeer{CIDR: "192.0.2.1/24", Ports: web}), []string{egress0 + ".cidr"}},
		{"not canonical", egress(NetworkPeer{CIDR: "2001:0db8::/32", Ports: web}), []string{egress0 + ".cidr"}},
		{"leading zeros", egress(NetworkPeer{CIDR: "010.0.0.0/8", Ports: web}), []string{egress0 + ".cidr"}},
		{"IPv4 in IPv6", egress(NetworkPeer{CIDR: "::ffff:10.0.0.0/104", Ports: web}), []string{egress0 + ".cidr"}},
		{"with a zone", egress(NetworkPeer{CIDR: "fe80::%eth0/64", Ports: web}), []string{egress0 + ".cidr"}},
		{"pods of a range", egress(NetworkPeer{CIDR: "192.0.2.0/24", PodLabels: labels, Ports: web}),
			[]string{egress0 + ".podLabels"}},
		{"no ports", ingress(NetworkPeer{Tenant: "globex"}), []string{ingress0 + ".ports"}},
		{"empty ports", egress(NetworkPeer{Tenant: "globex", Ports: []NetworkPort{}}), []string{egress0 + ".ports"}},

		{"first port", port(NetworkPort{Port: 1}), nil},
		{"last port", port(NetworkPort{Port: 65535}), nil},
		{"every port", port(NetworkPort{Port: 1, EndPort: 65535}), nil},
		{"range of one", port(NetworkPort{Port: 80, EndPort: 80}), nil},
		{"TCP", port(NetworkPort{Protocol: "TCP", Port: 80}), nil},
		{"UDP", port(NetworkPort{Protocol: "UDP", Port: 80}), nil},
		{"SCTP", port(NetworkPort{Protocol: "SCTP", Port: 80}), nil},
		{"other protocol", port(NetworkPort{Protocol: "ICMP", Port: 80}), []string{port0 + ".protocol"}},
		{"lower case protocol", port(NetworkPort{Protocol: "udp", Port: 80}), []string{port0 + ".protocol"}},
		{"port zero", port(NetworkPort{}), []string{port0 + ".port"}},
		{"negative port", port(NetworkPort{Port: -1}), []string{port0 + ".port"}},
		{"port too large", port(NetworkPort{Port: 65536}), []string{port0 + ".port"}},
		{"range backwards", port(NetworkPort{Port: 80, EndPort: 79}), []string{port0 + ".endPort"}},
		{"negative end", port(NetworkPort{Port: 80, EndPort: -1}), []string{port0 + ".endPort"}},
		{"end too large", port(NetworkPort{Port: 80, EndPort: 65536}), []string{port0 + ".endPort"}},
	})
}
