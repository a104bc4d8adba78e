package topologytest

import (
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// ownRuleCases check the effect of Polyphony's own rules.
func (r reachability) ownRuleCases() []Case {
	return []Case{
		{"A namespace without policies is open in both directions, and the answer says so", func(t T) {
			one, other := r.newNamespace(t), r.newNamespace(t)
			r.requireAllowed(t, web(podIn(one, nil), podIn(other, nil)), isOpen("egress", one), isOpen("ingress", other))
			r.requireAllowed(t, web(podIn(one, nil), podIn(one, nil)), isOpen("egress", one), isOpen("ingress", one))
			r.requireAllowed(t, web(podIn(one, nil), outside), isOpen("egress", one))
			r.requireAllowed(t, web(outside, podIn(one, nil)), isOpen("ingress", one))
			require.Empty(t, r.policyNames(t, one))
		}},
		{"Rules for the own namespace let its pods reach each other and nothing else, until they are deleted", func(t T) {
			own, other := r.newNamespace(t), r.newNamespace(t)
			each := []topology.NetworkRule{{Peers: []topology.NetworkPeer{{}}}}
			rules := r.ensureRules(t, topology.NetworkRules{Namespace: own, Ingress: each, Egress: each})
			db := podIn(own, map[string]string{"app": "db"})
			r.requireAllowed(t, web(podIn(own, nil), db), permits("egress", 0, rules), permits("ingress", 0, rules))
			r.requireRefused(t, web(podIn(other, nil), podIn(own, nil)), isOpen("egress", other), refuses("ingress", rules))
			r.requireRefused(t, web(podIn(own, nil), podIn(other, nil)), refuses("egress", rules), isOpen("ingress", other))
			r.requireRefused(t, web(outside, podIn(own, nil)), refuses("ingress", rules))
			r.requireRefused(t, web(podIn(own, nil), outside), refuses("egress", rules))
			require.Equal(t, []string{rules}, r.policyNames(t, own))
			_, err := r.top.DeleteNetworkRules(t.Context(), own)
			require.NoError(t, err)
			r.requireAllowed(t, web(outside, podIn(own, nil)), isOpen("ingress", own))
		}},
		{"A range of addresses leaves out its exceptions, and matches pods only by their address", r.checkRanges},
	}
}

func (r reachability) checkRanges(t T) {
	own, other := r.newNamespace(t), r.newNamespace(t)
	ipv4 := topology.NetworkPeer{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.128/25", "192.0.2.7/32"}}
	ipv6 := topology.NetworkPeer{CIDR: "2001:db8::/32", Except: []string{"2001:db8:1::/48"}}
	rules := r.ensureRules(t, topology.NetworkRules{Namespace: own, Egress: []topology.NetworkRule{
		{Peers: []topology.NetworkPeer{ipv4}}, {Peers: []topology.NetworkPeer{ipv6}},
	}})
	for _, address := range []string{"192.0.2.1", "192.0.2.127", "::ffff:192.0.2.1"} {
		r.requireAllowed(t, web(podIn(own, nil), at(address)), permits("egress", 0, rules))
	}
	for _, address := range []string{"2001:db8::1", "2001:db8:2::1"} {
		r.requireAllowed(t, web(podIn(own, nil), at(address)), permits("egress", 1, rules))
	}
	for _, address := range []string{
		"192.0.2.128", "192.0.2.7", "192.0.3.1", "::ffff:192.0.2.200", "2001:db8:1::1", "2001:db9::1",
	} {
		r.requireRefused(t, web(podIn(own, nil), at(address)), refuses("egress", rules))
	}
	r.requireRefused(t, web(outside, podIn(own, nil)), refuses("ingress", rules))
	to := podIn(other, nil)
	r.requireRefused(t, web(podIn(own, nil), to), refuses("egress", rules), isOpen("ingress", other))
	to.Address = outside.Address
	r.requireAllowed(t, web(podIn(own, nil), to), permits("egress", 0, rules), isOpen("ingress", other))
}

// labelCases check peers with namespace labels.
func (r reachability) labelCases() []Case {
	return []Case{
		{"A connection between namespaces needs a rule at both ends", r.checkConsent},
		{"Labels of a namespace include its name, domains and pod security, and no other can claim its name", r.checkMarks},
	}
}

func (r reachability) checkConsent(t T) {
	from, to := r.newNamespace(t), r.newNamespace(t)
	shop, labelled := map[string]string{"app": "shop"}, map[string]string{"example.com/team": from}
	leaving := r.ensureRules(t, topology.NetworkRules{Namespace: from})
	entering := r.ensureRules(t, topology.NetworkRules{Namespace: to, Ingress: []topology.NetworkRule{
		{Peers: []topology.NetworkPeer{{NamespaceLabels: labelled, PodLabels: shop}}},
	}})
	visit := web(podIn(from, shop), podIn(to, nil))
	r.requireRefused(t, visit, refuses("egress", leaving), refuses("ingress", entering))
	r.outsider.LabelNamespace(t, from, "example.com/team", from)
	r.requireRefused(t, visit, refuses("egress", leaving), permits("ingress", 0, entering))
	byName := map[string]string{topology.LabelTenant: to, "kubernetes.io/metadata.name": to}
	r.ensureRules(t, topology.NetworkRules{Namespace: from, Egress: []topology.NetworkRule{
		{Peers: []topology.NetworkPeer{{NamespaceLabels: byName}}},
	}})
	r.requireAllowed(t, visit, permits("egress", 0, leaving), permits("ingress", 0, entering))
	r.requireRefused(t, web(podIn(from, nil), podIn(to, nil)), permits("egress", 0, leaving), refuses("ingress", entering))
	r.requireRefused(t, web(podIn(from, shop), podIn(from, nil)), refuses("egress", leaving), refuses("ingress", leaving))
	r.requireRefused(t, web(outside, podIn(to, nil)), refuses("ingress", entering))
}

func (r reachability) checkMarks(t T) {
	own, other := r.newNamespace(t), newPlace(t, r.top)
	domain := other + ".example.com"
	_, err := r.top.EnsureNamespace(t.Context(), topology.Namespace{
		Name: other, PodSecurity: topology.PodSecurityBaseline,
		Allowed: topology.Allowances{Domains: []string{"shop." + domain}},
	})
	require.NoError(t, err)
	r.outsider.LabelNamespace(t, other, "kubernetes.io/metadata.name", own)
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
		rules := r.ensureRules(t, topology.NetworkRules{Namespace: own, Ingress: []topology.NetworkRule{
			{Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{tt.key: tt.value}}}},
		}})
		decision := refuses("ingress", rules)
		if tt.matches {
			decision = permits("ingress", 0, rules)
		}
		r.require(t, tt.matches, web(podIn(other, nil), podIn(own, nil)), isOpen("egress", other), decision)
	}
}
