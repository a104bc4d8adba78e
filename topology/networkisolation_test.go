package topology_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

func TestNetworkRulesPrintForPeople(t *testing.T) {
	labels := map[string]string{"b": "2", "a": "1"}
	for want, value := range map[string]fmt.Stringer{
		"everybody on every port": topology.NetworkRule{},
		"192.0.2.0/24 or every pod in the same namespace on TCP 80, UDP 8000-8010, SCTP": topology.NetworkRule{
			Peers: []topology.NetworkPeer{{CIDR: "192.0.2.0/24"}, {}},
			Ports: []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 80}, {Protocol: netpolicy.UDP, Port: 8000, EndPort: 8010}, {Protocol: netpolicy.SCTP}},
		},
		"192.0.2.0/24 except 192.0.2.1/32, 192.0.2.2/32": topology.NetworkPeer{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.1/32", "192.0.2.2/32"}},
		"pods a=1,b=2 in every namespace":                topology.NetworkPeer{PodLabels: labels, EveryNamespace: true},
		"every pod in namespaces a=1,b=2":                topology.NetworkPeer{NamespaceLabels: labels},
	} {
		require.Equal(t, want, value.String())
	}
}
