package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// NetworkIsolation checks the rules of topology.NetworkIsolation.
func NetworkIsolation[P topology.NetworkIsolation](t *testing.T, h Harness[P]) {
	RunCases(t, networkCases(h))
}

func networkCases[P topology.NetworkIsolation](h Harness[P]) []Case {
	p := networkPort(h)
	ensure := func(t T, want topology.NetworkRules) topology.Change {
		t.Helper()
		change, err := p.ensure(t.Context(), want)
		require.NoError(t, err)
		return change
	}
	return slices.Concat(contentCases(h.Outsider, p), []Case{
		{"A value without rules is stored as one that allows nothing", func(t T) {
			closed := topology.NetworkRules{Namespace: p.place(t)}
			require.Equal(t, topology.Created, ensure(t, closed).Action)
			p.requireStored(t, closed.Namespace, closed)
		}},
		{"A rule that is open to every peer is found and removed", func(t T) {
			name := p.place(t)
			open := p.value(name)
			open.Ingress = append(open.Ingress, topology.NetworkRule{})
			ensure(t, open)
			change := ensure(t, p.value(name))
			RequireChange(t, topology.Change{
				Kind: topology.KindNetworkRules, Name: name, Action: topology.Updated,
				Fields: []topology.FieldChange{{Path: "ingress[1]", From: "everybody"}},
				Before: open, After: p.value(name),
			}, change)
			p.requireStored(t, name, p.value(name))
		}},
		{"A peer in every namespace differs from one in the own namespace", func(t T) {
			everywhere := topology.NetworkRules{
				Namespace: p.place(t),
				Ingress:   []topology.NetworkRule{{Peers: []topology.NetworkPeer{{EveryNamespace: true}}}},
			}
			ensure(t, everywhere)
			p.requireStored(t, everywhere.Namespace, everywhere)
		}},
	})
}

func networkPort[P topology.NetworkIsolation](h Harness[P]) port[topology.NetworkRules] {
	return port[topology.NetworkRules]{
		kind: topology.KindNetworkRules,
		read: h.Topology.NetworkRules, ensure: h.Topology.EnsureNetworkRules, remove: h.Topology.DeleteNetworkRules,
		dryEnsure: h.DryRun.EnsureNetworkRules, dryRemove: h.DryRun.DeleteNetworkRules,
		value:   func(name string) topology.NetworkRules { return networkRules(name, 53) },
		other:   func(name string) topology.NetworkRules { return networkRules(name, 5353) },
		differs: topology.FieldChange{Path: "egress[0].ports[0].port", From: "53", To: "5353"},
		scratch: func(r topology.NetworkRules) {
			clear(r.Egress[0].Peers[0].PodLabels)
			clear(r.Egress[0].Ports)
			r.Egress[1].Peers[0].Except[0] = ""
			r.Ingress[0] = topology.NetworkRule{}
		},
		place: h.newNamespace, namespaced: true,
	}
}

// networkRules returns rules with every kind of peer and port.
func networkRules(name string, port int32) topology.NetworkRules {
	labelled := topology.NetworkPeer{
		NamespaceLabels: map[string]string{"a": "b"}, PodLabels: map[string]string{"c": "d"},
	}
	return topology.NetworkRules{
		Namespace: name,
		Ingress:   []topology.NetworkRule{{Peers: []topology.NetworkPeer{{}}}},
		Egress: []topology.NetworkRule{
			{
				Peers: []topology.NetworkPeer{labelled},
				Ports: []topology.NetworkPort{
					{Protocol: netpolicy.UDP, Port: port},
					{Protocol: netpolicy.SCTP, Port: 1000, EndPort: 2000},
					{Protocol: netpolicy.TCP},
				},
			},
			{Peers: []topology.NetworkPeer{
				{CIDR: "198.51.100.0/24", Except: []string{"198.51.100.0/28"}}, {CIDR: "2001:db8::/32"},
			}},
		},
	}
}
