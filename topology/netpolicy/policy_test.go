package netpolicy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

func TestStringNamesPeersPortsAndDecisions(t *testing.T) {
	labels := netpolicy.Selector{Labels: map[string]string{"b": "2", "a": "1"}}
	everything := netpolicy.Selector{}
	for want, value := range map[string]fmt.Stringer{
		"everybody on every port": netpolicy.Rule{},
		"192.0.2.0/24 or every pod in the same namespace on TCP 80, UDP 8000-8010, SCTP": netpolicy.Rule{
			Peers: []netpolicy.Peer{{CIDR: "192.0.2.0/24"}, {}},
			Ports: []netpolicy.Port{
				{Protocol: netpolicy.TCP, Port: 80},
				{Protocol: netpolicy.UDP, Port: 8000, EndPort: 8010},
				{Protocol: netpolicy.SCTP},
			},
		},
		"192.0.2.0/24 except 192.0.2.1/32, 192.0.2.2/32": netpolicy.Peer{
			CIDR: "192.0.2.0/24", Except: []string{"192.0.2.1/32", "192.0.2.2/32"},
		},
		"pods a=1,b=2 in every namespace":    netpolicy.Peer{Pods: &labels, Namespaces: &everything},
		"every pod in namespaces a=1,b=2":    netpolicy.Peer{Namespaces: &labels},
		"every pod in every namespace":       netpolicy.Peer{Pods: &everything, Namespaces: &everything},
		"pods a=1,b=2 in the same namespace": netpolicy.Peer{Pods: &labels},
		"no NetworkPolicy in acme isolates the egress of such pods, so they are open": netpolicy.Decision{
			Direction: netpolicy.Egress, Namespace: "acme", Allowed: true,
		},
		"ingress rule 2 of NetworkPolicy acme/db allows it": netpolicy.Decision{
			Direction: netpolicy.Ingress, Namespace: "acme", Allowed: true, Policies: []string{"db"}, Rule: 2,
		},
		"no ingress rule of NetworkPolicy acme/a, acme/b allows it": netpolicy.Decision{
			Direction: netpolicy.Ingress, Namespace: "acme", Policies: []string{"a", "b"},
		},
		"TCP http": netpolicy.Port{Protocol: netpolicy.TCP, Name: "http"},
		"app=web,tier notin (a, b),team exists": netpolicy.Selector{
			Labels: map[string]string{"app": "web"},
			Expressions: []netpolicy.Requirement{
				{Key: "tier", Operator: netpolicy.NotIn, Values: []string{"a", "b"}},
				{Key: "team", Operator: netpolicy.Exists},
			},
		},
	} {
		require.Equal(t, want, value.String())
	}
}
