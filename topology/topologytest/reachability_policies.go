package topologytest

import (
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// policyChecks are about policies that are not Polyphony's, and what those can say beyond its own.
func policyChecks[P ReachabilityTopology](h Harness[P]) []check {
	add := func(t T, namespace, name string, p netpolicy.Policy) string {
		t.Helper()
		p.Namespace, p.Name = namespace, name
		h.Outsider.AddNetworkPolicy(t, p)
		return namespace + "/" + name
	}
	outside := at("192.0.2.1")
	return []check{
		{"somebody else's policy that opens a namespace is seen, listed and named", func(t T) {
			own, other := newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			ensureRules(t, h.Topology, topology.NetworkRules{Namespace: own, Egress: []topology.NetworkRule{{
				Peers: []topology.NetworkPeer{{EveryNamespace: true}}, Ports: []topology.NetworkPort{{Protocol: netpolicy.UDP, Port: 53}},
			}}})
			p := prober{t, h.Topology}
			p.stops(web(podIn(other, nil), podIn(own, nil)), isOpen("egress", other), refuses("ingress", own+"/polyphony"))
			leak := add(t, own, "leak", netpolicy.Policy{Ingress: &netpolicy.Rules{{}}})
			p.passes(web(podIn(other, nil), podIn(own, nil)), isOpen("egress", other), permits("ingress", 0, leak))
			p.passes(web(outside, podIn(own, nil)), permits("ingress", 0, leak))
			have, err := h.Topology.NetworkPolicies(t.Context(), own)
			require.NoError(t, err)
			require.Equal(t, []netpolicy.Policy{
				{Namespace: own, Name: "leak", Ingress: &netpolicy.Rules{{}}},
				{Namespace: own, Name: "polyphony", Ingress: &netpolicy.Rules{}, Egress: &netpolicy.Rules{{
					Peers: []netpolicy.Peer{{Namespaces: &netpolicy.Selector{}, Pods: &netpolicy.Selector{}}},
					Ports: []netpolicy.Port{{Protocol: netpolicy.UDP, Port: 53}},
				}}},
			}, have)
		}},
		{"what stands where Polyphony's own would be is listed, whoever it belongs to", func(t T) {
			own := newNamespace(t, h.Topology)
			h.Outsider.Occupy(t, own, "NetworkRules")
			require.Equal(t, []string{own + "/polyphony"}, policyNames(t, h.Topology, own))
		}},
		{"labels are compared with In, NotIn, Exists and DoesNotExist, and all of them must hold", func(t T) {
			own := newNamespace(t, h.Topology)
			var rules netpolicy.Rules
			for i, expressions := range [][]netpolicy.Requirement{
				{{Key: "tier", Operator: netpolicy.In, Values: []string{"a", "b"}}},
				{{Key: "tier", Operator: netpolicy.NotIn, Values: []string{"a", "b"}}},
				{{Key: "tier", Operator: netpolicy.Exists}},
				{{Key: "tier", Operator: netpolicy.DoesNotExist}},
				{{Key: "tier", Operator: netpolicy.In, Values: []string{"a", "b"}}, {Key: "stage", Operator: netpolicy.Exists}},
			} {
				rules = append(rules, netpolicy.Rule{
					Peers: []netpolicy.Peer{{Pods: &netpolicy.Selector{Expressions: expressions}}}, Ports: []netpolicy.Port{{Protocol: netpolicy.TCP, Port: int32(1 + i)}},
				})
			}
			policy := add(t, own, "labels", netpolicy.Policy{Ingress: &rules})
			for _, tt := range []struct {
				labels map[string]string
				open   []bool // rule by rule
			}{
				{nil, []bool{false, true, false, true, false}},
				{map[string]string{"stage": "a"}, []bool{false, true, false, true, false}},
				{map[string]string{"tier": "a"}, []bool{true, false, true, false, false}},
				{map[string]string{"tier": "c"}, []bool{false, true, true, false, false}},
				{map[string]string{"tier": ""}, []bool{false, true, true, false, false}},
				{map[string]string{"tier": "b", "stage": ""}, []bool{true, false, true, false, true}},
			} {
				for i, open := range tt.open {
					reason := refuses("ingress", policy)
					if open {
						reason = permits("ingress", i, policy)
					}
					c := netpolicy.Connection{From: podIn(own, tt.labels), To: podIn(own, nil), Protocol: netpolicy.TCP, Port: int32(1 + i)}
					prober{t, h.Topology}.is(open, c, isOpen("egress", own), reason)
				}
			}
		}},
		{"a peer is a pod of such labels in a namespace of such labels", func(t T) {
			own, other, third := newNamespace(t, h.Topology), newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			policy := add(t, own, "peers", netpolicy.Policy{Ingress: &netpolicy.Rules{{Peers: []netpolicy.Peer{
				{Pods: &netpolicy.Selector{Labels: map[string]string{"app": "own"}}},
				{
					Namespaces: &netpolicy.Selector{Expressions: []netpolicy.Requirement{{Key: "kubernetes.io/metadata.name", Operator: netpolicy.In, Values: []string{other}}}},
					Pods:       &netpolicy.Selector{Labels: map[string]string{"app": "other"}},
				},
			}}}})
			p := prober{t, h.Topology}
			for _, namespace := range []string{own, other, third} {
				for _, app := range []string{"own", "other"} {
					reason := refuses("ingress", policy)
					meant := namespace == own && app == "own" || namespace == other && app == "other"
					if meant {
						reason = permits("ingress", 0, policy)
					}
					p.is(meant, web(podIn(namespace, map[string]string{"app": app}), podIn(own, nil)), isOpen("egress", namespace), reason)
				}
			}
			p.stops(web(outside, podIn(own, nil)), refuses("ingress", policy))
		}},
		{"a port is a number, a range, a name of the pod's own, or every one of a protocol", func(t T) {
			own := newNamespace(t, h.Topology)
			policy := add(t, own, "ports", netpolicy.Policy{Ingress: &netpolicy.Rules{
				{Ports: []netpolicy.Port{{Protocol: netpolicy.TCP, Port: 443}}},
				{Ports: []netpolicy.Port{{Protocol: netpolicy.TCP, Name: "http"}}},
				{Ports: []netpolicy.Port{{Protocol: netpolicy.UDP, Port: 1000, EndPort: 2000}}},
				{Ports: []netpolicy.Port{{Protocol: netpolicy.SCTP}}},
			}})
			named := podIn(own, nil)
			named.PortNames = map[string]netpolicy.NamedPort{"http": {Protocol: netpolicy.TCP, Port: 8080}, "other": {Protocol: netpolicy.TCP, Port: 9090}}
			ask := func(rule int, protocol netpolicy.Protocol, port int32, to netpolicy.Endpoint) {
				reason := refuses("ingress", policy)
				if rule >= 0 {
					reason = permits("ingress", rule, policy)
				}
				prober{t, h.Topology}.is(rule >= 0, netpolicy.Connection{From: outside, To: to, Protocol: protocol, Port: port}, reason)
			}
			ask(0, netpolicy.TCP, 443, named)
			ask(-1, netpolicy.UDP, 443, named)
			ask(1, netpolicy.TCP, 8080, named)
			ask(-1, netpolicy.UDP, 8080, named)
			ask(-1, netpolicy.TCP, 8080, podIn(own, nil))
			ask(-1, netpolicy.TCP, 80, named)
			ask(-1, netpolicy.TCP, 9090, named)
			for port, rule := range map[int32]int{999: -1, 1000: 2, 1500: 2, 2000: 2, 2001: -1} {
				ask(rule, netpolicy.UDP, port, named)
				ask(-1, netpolicy.TCP, port, named)
			}
			ask(3, netpolicy.SCTP, 1, named)
			ask(3, netpolicy.SCTP, 65535, podIn(own, nil))
		}},
		{"a policy is about the pods that it selects and leaves others open", func(t T) {
			own := newNamespace(t, h.Topology)
			policy := add(t, own, "selects", netpolicy.Policy{
				Pods:    netpolicy.Selector{Labels: map[string]string{"app": "db"}, Expressions: []netpolicy.Requirement{{Key: "stage", Operator: netpolicy.NotIn, Values: []string{"test"}}}},
				Ingress: &netpolicy.Rules{},
			})
			p := prober{t, h.Topology}
			p.stops(web(outside, podIn(own, map[string]string{"app": "db"})), refuses("ingress", policy))
			for _, labels := range []map[string]string{nil, {"app": "web"}, {"app": "db", "stage": "test"}} {
				p.passes(web(outside, podIn(own, labels)), isOpen("ingress", own))
			}
		}},
		{"a policy about one direction leaves the other open", func(t T) {
			in, out := newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			ingress := add(t, in, "ingress", netpolicy.Policy{Ingress: &netpolicy.Rules{}})
			egress := add(t, out, "egress", netpolicy.Policy{Egress: &netpolicy.Rules{}})
			p := prober{t, h.Topology}
			p.stops(web(outside, podIn(in, nil)), refuses("ingress", ingress))
			p.passes(web(podIn(in, nil), outside), isOpen("egress", in))
			p.passes(web(outside, podIn(out, nil)), isOpen("ingress", out))
			p.stops(web(podIn(out, nil), outside), refuses("egress", egress))
			p.passes(web(podIn(in, nil), podIn(out, nil)), isOpen("egress", in), isOpen("ingress", out))
			p.stops(web(podIn(out, nil), podIn(in, nil)), refuses("egress", egress), refuses("ingress", ingress))
		}},
		{"policies add up, and a refusal names them all by name", func(t T) {
			own := newNamespace(t, h.Topology)
			from := func(cidr string) netpolicy.Policy {
				return netpolicy.Policy{Ingress: &netpolicy.Rules{{Peers: []netpolicy.Peer{{CIDR: cidr}}}}}
			}
			zwei, eins := add(t, own, "zwei", from("192.0.2.0/24")), add(t, own, "eins", from("198.51.100.0/24"))
			ensureRules(t, h.Topology, topology.NetworkRules{Namespace: own})
			p := prober{t, h.Topology}
			p.passes(web(outside, podIn(own, nil)), permits("ingress", 0, zwei))
			p.passes(web(at("198.51.100.1"), podIn(own, nil)), permits("ingress", 0, eins))
			p.stops(web(at("203.0.113.1"), podIn(own, nil)), refuses("ingress", eins, own+"/polyphony", zwei))
		}},
	}
}

// foreignPolicy says everything that a policy can refer to.
func foreignPolicy(namespace string) netpolicy.Policy {
	return netpolicy.Policy{
		Namespace: namespace, Name: "foreign", Pods: netpolicy.Selector{Labels: map[string]string{"app": "db"}},
		Ingress: &netpolicy.Rules{{
			Peers: []netpolicy.Peer{
				{
					Namespaces: &netpolicy.Selector{Labels: map[string]string{"a": "b"}},
					Pods:       &netpolicy.Selector{Expressions: []netpolicy.Requirement{{Key: "tier", Operator: netpolicy.In, Values: []string{"a"}}}},
				},
				{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.0/28"}},
			},
			Ports: []netpolicy.Port{{Protocol: netpolicy.TCP, Name: "http"}, {Protocol: netpolicy.UDP, Port: 53, EndPort: 54}},
		}},
	}
}
