package topologytest

import (
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// selectorCases check the selectors in rules of foreign policies.
func (r reachability) selectorCases() []Case {
	return []Case{
		{"Labels are compared with In, NotIn, Exists and DoesNotExist, and all of them must hold", r.checkExpressions},
		{"A peer matches pods by their labels, in namespaces by theirs", r.checkPeers},
		{"A port matches a number, a range, a named port of the pod, or every port of a protocol", r.checkPorts},
	}
}

// checkExpressions has one rule with a different port for each selector.
func (r reachability) checkExpressions(t T) {
	own := r.newNamespace(t)
	in := netpolicy.Requirement{Key: "tier", Operator: netpolicy.In, Values: []string{"a", "b"}}
	var rules netpolicy.Rules
	for i, expressions := range [][]netpolicy.Requirement{
		{in},
		{{Key: "tier", Operator: netpolicy.NotIn, Values: []string{"a", "b"}}},
		{{Key: "tier", Operator: netpolicy.Exists}},
		{{Key: "tier", Operator: netpolicy.DoesNotExist}},
		{in, {Key: "stage", Operator: netpolicy.Exists}},
	} {
		rules = append(rules, netpolicy.Rule{
			Peers: []netpolicy.Peer{{Pods: &netpolicy.Selector{Expressions: expressions}}},
			Ports: []netpolicy.Port{{Protocol: netpolicy.TCP, Port: int32(1 + i)}},
		})
	}
	policy := r.add(t, own, "labels", netpolicy.Policy{Ingress: &rules})
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
			decision := refuses("ingress", policy)
			if open {
				decision = permits("ingress", i, policy)
			}
			c := netpolicy.Connection{
				From: podIn(own, tt.labels), To: podIn(own, nil), Protocol: netpolicy.TCP, Port: int32(1 + i),
			}
			r.require(t, open, c, isOpen("egress", own), decision)
		}
	}
}

func (r reachability) checkPeers(t T) {
	own, other, third := r.newNamespace(t), r.newNamespace(t), r.newNamespace(t)
	byName := netpolicy.Requirement{
		Key: "kubernetes.io/metadata.name", Operator: netpolicy.In, Values: []string{other},
	}
	policy := r.add(t, own, "peers", netpolicy.Policy{Ingress: &netpolicy.Rules{{Peers: []netpolicy.Peer{
		{Pods: &netpolicy.Selector{Labels: map[string]string{"app": "own"}}},
		{
			Namespaces: &netpolicy.Selector{Expressions: []netpolicy.Requirement{byName}},
			Pods:       &netpolicy.Selector{Labels: map[string]string{"app": "other"}},
		},
	}}}})
	for _, namespace := range []string{own, other, third} {
		for _, app := range []string{"own", "other"} {
			decision := refuses("ingress", policy)
			selected := namespace == own && app == "own" || namespace == other && app == "other"
			if selected {
				decision = permits("ingress", 0, policy)
			}
			visit := web(podIn(namespace, map[string]string{"app": app}), podIn(own, nil))
			r.require(t, selected, visit, isOpen("egress", namespace), decision)
		}
	}
	r.requireRefused(t, web(outside, podIn(own, nil)), refuses("ingress", policy))
}

func (r reachability) checkPorts(t T) {
	own := r.newNamespace(t)
	policy := r.add(t, own, "ports", netpolicy.Policy{Ingress: &netpolicy.Rules{
		{Ports: []netpolicy.Port{{Protocol: netpolicy.TCP, Port: 443}}},
		{Ports: []netpolicy.Port{{Protocol: netpolicy.TCP, Name: "http"}}},
		{Ports: []netpolicy.Port{{Protocol: netpolicy.UDP, Port: 1000, EndPort: 2000}}},
		{Ports: []netpolicy.Port{{Protocol: netpolicy.SCTP}}},
	}})
	unnamed, named := podIn(own, nil), podIn(own, nil)
	named.PortNames = map[string]netpolicy.NamedPort{
		"http": {Protocol: netpolicy.TCP, Port: 8080}, "other": {Protocol: netpolicy.TCP, Port: 9090},
	}
	const none = -1
	requireRule := func(rule int, protocol netpolicy.Protocol, port int32, to netpolicy.Endpoint) {
		t.Helper()
		decision := refuses("ingress", policy)
		if rule != none {
			decision = permits("ingress", rule, policy)
		}
		c := netpolicy.Connection{From: outside, To: to, Protocol: protocol, Port: port}
		r.require(t, rule != none, c, decision)
	}
	requireRule(0, netpolicy.TCP, 443, named)
	requireRule(none, netpolicy.UDP, 443, named)
	requireRule(1, netpolicy.TCP, 8080, named)
	requireRule(none, netpolicy.UDP, 8080, named)
	requireRule(none, netpolicy.TCP, 8080, unnamed)
	requireRule(none, netpolicy.TCP, 80, named)
	requireRule(none, netpolicy.TCP, 9090, named)
	for port, rule := range map[int32]int{999: none, 1000: 2, 1500: 2, 2000: 2, 2001: none} {
		requireRule(rule, netpolicy.UDP, port, named)
		requireRule(none, netpolicy.TCP, port, named)
	}
	requireRule(3, netpolicy.SCTP, 1, named)
	requireRule(3, netpolicy.SCTP, 65535, unnamed)
}
