package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// NetworkTopology is what NetworkIsolation tests.
type NetworkTopology interface {
	Base
	topology.NetworkIsolation
}

// NetworkIsolation checks the rules of topology.NetworkIsolation.
func NetworkIsolation[P NetworkTopology](t *testing.T, h Harness[P]) {
	runChecks(t, networkChecks(h))
}

func networkChecks[P NetworkTopology](h Harness[P]) []check {
	p := networkPort(h)
	return slices.Concat(contents(h.Outsider, p), []check{
		{"no rules at all can be stored, and stay none", func(t T) {
			name := p.place(t)
			closed := topology.NetworkRules{Namespace: name}
			_, err := p.ensure(t.Context(), closed)
			require.NoError(t, err)
			p.requireStored(t, name, closed)
		}},
		{"a rule that lets everybody in is seen and taken away", func(t T) {
			name := p.place(t)
			open := p.value(name)
			open.Ingress = append(open.Ingress, topology.NetworkRule{})
			_, err := p.ensure(t.Context(), open)
			require.NoError(t, err)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			require.Equal(t, []topology.FieldChange{{Path: "ingress[1]", From: "everybody on every port"}}, change.Fields)
			p.requireStored(t, name, p.value(name))
		}},
		{"a peer in every namespace is not one in the own namespace", func(t T) {
			name := p.place(t)
			everywhere := topology.NetworkRules{Namespace: name, Ingress: []topology.NetworkRule{{Peers: []topology.NetworkPeer{{EveryNamespace: true}}}}}
			_, err := p.ensure(t.Context(), everywhere)
			require.NoError(t, err)
			p.requireStored(t, name, everywhere)
		}},
	})
}

func networkPort[P NetworkTopology](h Harness[P]) port[topology.NetworkRules] {
	rules := func(name string, port int32) topology.NetworkRules {
		return topology.NetworkRules{
			Namespace: name,
			Ingress:   []topology.NetworkRule{{Peers: []topology.NetworkPeer{{}}}},
			Egress: []topology.NetworkRule{
				{
					Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{"a": "b"}, PodLabels: map[string]string{"c": "d"}}},
					Ports: []topology.NetworkPort{{Protocol: netpolicy.UDP, Port: port}, {Protocol: netpolicy.SCTP, Port: 1000, EndPort: 2000}, {Protocol: netpolicy.TCP}},
				},
				{Peers: []topology.NetworkPeer{{CIDR: "198.51.100.0/24", Except: []string{"198.51.100.0/28"}}, {CIDR: "2001:db8::/32"}}},
			},
		}
	}
	return port[topology.NetworkRules]{
		kind: "NetworkRules", read: h.Topology.NetworkRules, ensure: h.Topology.EnsureNetworkRules, remove: h.Topology.DeleteNetworkRules,
		dryEnsure: h.DryRun.EnsureNetworkRules, dryRemove: h.DryRun.DeleteNetworkRules,
		value:   func(name string) topology.NetworkRules { return rules(name, 53) },
		other:   func(name string) topology.NetworkRules { return rules(name, 5353) },
		differs: topology.FieldChange{Path: "egress[0].ports[0].port", From: "53", To: "5353"},
		scratch: func(r topology.NetworkRules) {
			clear(r.Egress[0].Peers[0].PodLabels)
			clear(r.Egress[0].Ports)
			r.Egress[1].Peers[0].Except[0] = ""
			r.Ingress[0] = topology.NetworkRule{}
		},
		place: func(t T) string { return newNamespace(t, h.Topology) },
	}
}
