package netpolicy_test

import (
	"fmt"
	"strings"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// The only ingress rule of the policy allows pods of the same namespace, on every port.
func ExampleState_Reach() {
	sameNamespace := netpolicy.Rule{Peers: []netpolicy.Peer{{}}}
	state := netpolicy.State{Policies: []netpolicy.Policy{
		{Namespace: "globex", Name: "closed", Ingress: &netpolicy.Rules{sameNamespace}},
	}}
	for _, from := range []string{"globex", "acme"} {
		answer := state.Reach(netpolicy.Connection{
			From:     netpolicy.Endpoint{Namespace: from},
			To:       netpolicy.Endpoint{Namespace: "globex"},
			Protocol: netpolicy.TCP, Port: 80,
		})
		fmt.Printf("from %s: %t\n  %s\n", from, answer.Allowed, strings.ReplaceAll(answer.Reason, "; ", "\n  "))
	}
	// Output:
	// from globex: true
	//   no NetworkPolicy in globex isolates the egress of such pods, so they are open
	//   ingress rule 0 of NetworkPolicy globex/closed allows it
	// from acme: false
	//   no NetworkPolicy in acme isolates the egress of such pods, so they are open
	//   no ingress rule of NetworkPolicy globex/closed allows it
}

// A label that is missing satisfies NotIn, but not In.
func ExampleSelector_Matches() {
	requirement := netpolicy.Requirement{Key: "tier", Operator: netpolicy.NotIn, Values: []string{"db"}}
	selector := netpolicy.Selector{Expressions: []netpolicy.Requirement{requirement}}
	fmt.Println(selector, selector.Matches(nil), selector.Matches(map[string]string{"tier": "db"}))
	// Output:
	// tier notin (db) true false
}
