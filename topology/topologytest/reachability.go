package topologytest

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// ReachabilityTopology is what Reachability tests.
type ReachabilityTopology interface {
	NetworkTopology
	topology.Reachability
}

// Reachability checks the rules of topology.Reachability. The reasons are those of [netpolicy.State], word for word.
func Reachability[P ReachabilityTopology](t *testing.T, h Harness[P]) {
	runChecks(t, reachabilityChecks(h))
}

func reachabilityChecks[P ReachabilityTopology](h Harness[P]) []check {
	return slices.Concat(ownRulesChecks(h), policyChecks(h), []check{
		{"a connection that is none is ErrInvalid", func(t T) {
			pod, outside := podIn(newNamespace(t, h.Topology), nil), at("192.0.2.1")
			for _, c := range []netpolicy.Connection{
				{},
				{To: pod, Protocol: netpolicy.TCP, Port: 80},
				{From: pod, Protocol: netpolicy.TCP, Port: 80},
				{From: outside, To: outside, Protocol: netpolicy.TCP, Port: 80},
				{From: outside, To: pod, Port: 80},
				{From: outside, To: pod, Protocol: "ICMP", Port: 80},
				{From: outside, To: pod, Protocol: netpolicy.TCP},
				{From: outside, To: pod, Protocol: netpolicy.TCP, Port: -1},
				{From: outside, To: pod, Protocol: netpolicy.TCP, Port: 65536},
			} {
				_, err := h.Topology.Reach(t.Context(), c)
				requireError(t, err, topology.ErrInvalid)
			}
		}},
		{"a namespace that does not exist is ErrNotFound, at either end, and has no policies", func(t T) {
			there, missing := newNamespace(t, h.Topology), newName()
			for _, c := range []netpolicy.Connection{web(podIn(missing, nil), podIn(there, nil)), web(podIn(there, nil), podIn(missing, nil)), web(at("192.0.2.1"), podIn(missing, nil))} {
				_, err := h.Topology.Reach(t.Context(), c)
				requireError(t, err, topology.ErrNotFound)
				require.ErrorContains(t, err, missing)
			}
			policies, err := h.Topology.NetworkPolicies(t.Context(), missing)
			require.NoError(t, err)
			require.Empty(t, policies)
		}},
		{"policies are listed by namespace and name, and those of no namespace are all", func(t T) {
			name := newNamespace(t, h.Topology)
			longer := name + "-a" // which "/" is not to be compared with
			h.Outsider.CreateNamespace(t, longer, "somebody")
			for _, policy := range []string{longer + "/a", name + "/b", name + "/a"} {
				namespace, name, _ := strings.Cut(policy, "/")
				h.Outsider.AddNetworkPolicy(t, netpolicy.Policy{Namespace: namespace, Name: name, Ingress: &netpolicy.Rules{}})
			}
			require.Equal(t, []string{name + "/a", name + "/b"}, policyNames(t, h.Topology, name))
			all, err := h.Topology.NetworkPolicies(t.Context(), "")
			require.NoError(t, err)
			require.True(t, slices.IsSortedFunc(all, func(a, b netpolicy.Policy) int {
				return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
			}))
			ours := slices.DeleteFunc(policyNames(t, h.Topology, ""), func(policy string) bool { return !strings.HasPrefix(policy, name) })
			require.Equal(t, []string{name + "/a", name + "/b", longer + "/a"}, ours)
		}},
		{"a question changes nothing", func(t T) {
			name := newNamespace(t, h.Topology)
			h.Outsider.AddNetworkPolicy(t, foreignPolicy(name))
			before, err := h.Topology.NetworkPolicies(t.Context(), name)
			require.NoError(t, err)
			_, err = h.Topology.Reach(t.Context(), web(podIn(name, nil), at("192.0.2.1")))
			require.NoError(t, err)
			after, err := h.Topology.NetworkPolicies(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, before, after)
			_, err = h.Topology.NetworkRules(t.Context(), name)
			requireError(t, err, topology.ErrNotFound)
		}},
		{"values are not aliased", func(t T) {
			name := newNamespace(t, h.Topology)
			want := foreignPolicy(name)
			h.Outsider.AddNetworkPolicy(t, want)
			for range 2 {
				policies, err := h.Topology.NetworkPolicies(t.Context(), name)
				require.NoError(t, err)
				require.Equal(t, []netpolicy.Policy{want}, policies)
				clear(policies[0].Pods.Labels)
				for _, rule := range *policies[0].Ingress {
					rule.Peers[0].Pods.Expressions[0].Values[0] = "scratched"
					clear(rule.Peers[0].Namespaces.Labels)
					rule.Peers[1].Except[0] = "scratched"
					clear(rule.Ports)
				}
				(*policies[0].Ingress)[0] = netpolicy.Rule{}
			}
		}},
		{"a cancelled context gets no answer", func(t T) {
			name := newNamespace(t, h.Topology)
			_, err := h.Topology.Reach(cancelled(t), web(podIn(name, nil), at("192.0.2.1")))
			require.ErrorIs(t, err, context.Canceled)
			_, err = h.Topology.NetworkPolicies(cancelled(t), name)
			require.ErrorIs(t, err, context.Canceled)
		}},
	})
}

// ownRulesChecks are about a namespace as Polyphony leaves it.
func ownRulesChecks[P ReachabilityTopology](h Harness[P]) []check {
	outside := at("192.0.2.1")
	return []check{
		{"a namespace without policies is open in both directions, and the reason says so", func(t T) {
			one, other := newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			p := prober{t, h.Topology}
			p.passes(web(podIn(one, nil), podIn(other, nil)), isOpen("egress", one), isOpen("ingress", other))
			p.passes(web(podIn(one, nil), podIn(one, nil)), isOpen("egress", one), isOpen("ingress", one))
			p.passes(web(podIn(one, nil), outside), isOpen("egress", one))
			p.passes(web(outside, podIn(one, nil)), isOpen("ingress", one))
			require.Empty(t, policyNames(t, h.Topology, one))
		}},
		{"Polyphony's own rules let the pods of a namespace reach each other and nobody else in, until they are deleted", func(t T) {
			own, other := newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			each := []topology.NetworkRule{{Peers: []topology.NetworkPeer{{}}}}
			ensureRules(t, h.Topology, topology.NetworkRules{Namespace: own, Ingress: each, Egress: each})
			p, rules := prober{t, h.Topology}, own+"/polyphony"
			p.passes(web(podIn(own, nil), podIn(own, map[string]string{"app": "db"})), permits("egress", 0, rules), permits("ingress", 0, rules))
			p.stops(web(podIn(other, nil), podIn(own, nil)), isOpen("egress", other), refuses("ingress", rules))
			p.stops(web(podIn(own, nil), podIn(other, nil)), refuses("egress", rules), isOpen("ingress", other))
			p.stops(web(outside, podIn(own, nil)), refuses("ingress", rules))
			p.stops(web(podIn(own, nil), outside), refuses("egress", rules))
			require.Equal(t, []string{rules}, policyNames(t, h.Topology, own))
			_, err := h.Topology.DeleteNetworkRules(t.Context(), own)
			require.NoError(t, err)
			p.passes(web(outside, podIn(own, nil)), isOpen("ingress", own))
		}},
		{"a range of addresses leaves out its exceptions, and is about pods only by their address", func(t T) {
			own, other := newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			ensureRules(t, h.Topology, topology.NetworkRules{Namespace: own, Egress: []topology.NetworkRule{
				{Peers: []topology.NetworkPeer{{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.128/25", "192.0.2.7/32"}}}},
				{Peers: []topology.NetworkPeer{{CIDR: "2001:db8::/32", Except: []string{"2001:db8:1::/48"}}}},
			}})
			p, rules := prober{t, h.Topology}, own+"/polyphony"
			for _, address := range []string{"192.0.2.1", "192.0.2.127", "::ffff:192.0.2.1"} {
				p.passes(web(podIn(own, nil), at(address)), permits("egress", 0, rules))
			}
			for _, address := range []string{"2001:db8::1", "2001:db8:2::1"} {
				p.passes(web(podIn(own, nil), at(address)), permits("egress", 1, rules))
			}
			for _, address := range []string{"192.0.2.128", "192.0.2.7", "192.0.3.1", "::ffff:192.0.2.200", "2001:db8:1::1", "2001:db9::1"} {
				p.stops(web(podIn(own, nil), at(address)), refuses("egress", rules))
			}
			p.stops(web(outside, podIn(own, nil)), refuses("ingress", rules))
			to := podIn(other, nil)
			p.stops(web(podIn(own, nil), to), refuses("egress", rules), isOpen("ingress", other))
			to.Address = outside.Address
			p.passes(web(podIn(own, nil), to), permits("egress", 0, rules), isOpen("ingress", other))
		}},
		{"a peer by the labels of its namespace takes the consent of both ends", func(t T) {
			from, to := newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			shop, labelled := map[string]string{"app": "shop"}, map[string]string{"example.com/team": from}
			p, leaving, entering := prober{t, h.Topology}, from+"/polyphony", to+"/polyphony"
			ensureRules(t, h.Topology, topology.NetworkRules{Namespace: from})
			ensureRules(t, h.Topology, topology.NetworkRules{Namespace: to, Ingress: []topology.NetworkRule{
				{Peers: []topology.NetworkPeer{{NamespaceLabels: labelled, PodLabels: shop}}},
			}})
			p.stops(web(podIn(from, shop), podIn(to, nil)), refuses("egress", leaving), refuses("ingress", entering))
			h.Outsider.LabelNamespace(t, from, "example.com/team", from)
			p.stops(web(podIn(from, shop), podIn(to, nil)), refuses("egress", leaving), permits("ingress", 0, entering))
			ensureRules(t, h.Topology, topology.NetworkRules{Namespace: from, Egress: []topology.NetworkRule{
				{Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{topology.LabelTenant: to, "kubernetes.io/metadata.name": to}}}},
			}})
			p.passes(web(podIn(from, shop), podIn(to, nil)), permits("egress", 0, leaving), permits("ingress", 0, entering))
			p.stops(web(podIn(from, nil), podIn(to, nil)), permits("egress", 0, leaving), refuses("ingress", entering))
			p.stops(web(podIn(from, shop), podIn(from, nil)), refuses("egress", leaving), refuses("ingress", leaving))
			p.stops(web(at("192.0.2.1"), podIn(to, nil)), refuses("ingress", entering))
		}},
		{"a peer by the labels of its namespace sees what says its name, domains and pod security, and nobody else can say its name", func(t T) {
			own, other := newNamespace(t, h.Topology), newNamespace(t, h.Topology)
			domain := other + ".example.com"
			_, err := h.Topology.EnsureNamespace(t.Context(), topology.Namespace{
				Name: other, PodSecurity: topology.PodSecurityBaseline, Allowed: topology.Allowances{Domains: []string{"shop." + domain}},
			})
			require.NoError(t, err)
			h.Outsider.LabelNamespace(t, other, "kubernetes.io/metadata.name", own)
			for _, tt := range []struct {
				key, value string
				matches    bool
			}{
				{adapter.LabelDomain + "shop." + domain, adapter.DomainHeld, true},
				{adapter.LabelDomain + "shop." + domain, adapter.DomainAbove, false},
				{adapter.LabelDomain + domain, adapter.DomainAbove, true},
				{adapter.LabelDomain + domain, adapter.DomainHeld, false},
				{"pod-security.kubernetes.io/enforce", "baseline", true},
				{"pod-security.kubernetes.io/enforce", "restricted", false},
				{"kubernetes.io/metadata.name", other, true},
				{"kubernetes.io/metadata.name", own, false},
			} {
				ensureRules(t, h.Topology, topology.NetworkRules{Namespace: own, Ingress: []topology.NetworkRule{
					{Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{tt.key: tt.value}}}},
				}})
				reason := refuses("ingress", own+"/polyphony")
				if tt.matches {
					reason = permits("ingress", 0, own+"/polyphony")
				}
				prober{t, h.Topology}.is(tt.matches, web(podIn(other, nil), podIn(own, nil)), isOpen("egress", other), reason)
			}
		}},
	}
}

// prober asks about connections.
type prober struct {
	t   T
	top topology.Reachability
}

func (p prober) passes(c netpolicy.Connection, reasons ...string) {
	p.t.Helper()
	p.is(true, c, reasons...)
}

func (p prober) stops(c netpolicy.Connection, reasons ...string) {
	p.t.Helper()
	p.is(false, c, reasons...)
}

func (p prober) is(allowed bool, c netpolicy.Connection, reasons ...string) {
	p.t.Helper()
	answer, err := p.top.Reach(p.t.Context(), c)
	require.NoError(p.t, err)
	require.Equal(p.t, netpolicy.Answer{Allowed: allowed, Reason: strings.Join(reasons, "; ")}, answer, "%+v", c)
}

func isOpen(direction, namespace string) string {
	return fmt.Sprintf("no NetworkPolicy in %s isolates the %s of such pods, so they are open", namespace, direction)
}

func permits(direction string, rule int, policy string) string {
	return fmt.Sprintf("%s rule %d of NetworkPolicy %s allows it", direction, rule, policy)
}

func refuses(direction string, policies ...string) string {
	return fmt.Sprintf("no %s rule of NetworkPolicy %s allows it", direction, strings.Join(policies, ", "))
}

func podIn(namespace string, labels map[string]string) netpolicy.Endpoint {
	return netpolicy.Endpoint{Namespace: namespace, PodLabels: labels}
}

func at(address string) netpolicy.Endpoint {
	return netpolicy.Endpoint{Address: netip.MustParseAddr(address)}
}

// web is a connection whose port does not matter.
func web(from, to netpolicy.Endpoint) netpolicy.Connection {
	return netpolicy.Connection{From: from, To: to, Protocol: netpolicy.TCP, Port: 80}
}

func ensureRules(t T, top topology.NetworkIsolation, rules topology.NetworkRules) {
	t.Helper()
	_, err := top.EnsureNetworkRules(t.Context(), rules)
	require.NoError(t, err)
}

func policyNames(t T, top topology.Reachability, namespace string) []string {
	t.Helper()
	policies, err := top.NetworkPolicies(t.Context(), namespace)
	require.NoError(t, err)
	var names []string
	for _, p := range policies {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	return names
}
