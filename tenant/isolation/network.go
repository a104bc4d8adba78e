package isolation

import (
	"fmt"
	"slices"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// networkWitnesses compares the one policy that Polyphony manages with want as a whole, and finds
// rules of other policies in the namespace that allow more than connections within it.
func networkWitnesses(policies []netpolicy.Policy, want netpolicy.Policy) []string {
	var managed []netpolicy.Policy
	var others []string
	for _, p := range policies {
		if p.Managed {
			managed = append(managed, p)
			continue
		}
		others = append(others, openRules(p, "ingress from", p.Ingress)...)
		others = append(others, openRules(p, "egress to", p.Egress)...)
	}
	return slices.Concat(managedWitnesses(managed, want), others)
}

// managedWitnesses returns what is wrong with the policies that Polyphony manages. There must be
// exactly one: a second one allows what the first one does not.
func managedWitnesses(managed []netpolicy.Policy, want netpolicy.Policy) []string {
	if len(managed) == 0 {
		return []string{"no NetworkPolicy in " + want.Namespace + " is managed by Polyphony"}
	}
	var lines []string
	for i, p := range managed {
		if i > 0 {
			lines = append(lines, policyText(p)+" is managed by Polyphony too, and should not be there")
		}
		lines = append(lines, ownDifferences(p, want)...)
	}
	return lines
}

// policyText names a policy, such as "NetworkPolicy globex/db".
func policyText(p netpolicy.Policy) string { return "NetworkPolicy " + p.Namespace + "/" + p.Name }

// ownDifferences compares the tenant's own policy with want. Its name does not count. A direction
// that the policy does not isolate is open.
func ownDifferences(have, want netpolicy.Policy) []string {
	name := policyText(have)
	want.Name = have.Name
	var lines []string
	if have.Ingress == nil {
		lines, have.Ingress = append(lines, name+" does not isolate ingress, which is therefore open"), want.Ingress
	}
	if have.Egress == nil {
		lines, have.Egress = append(lines, name+" does not isolate egress, which is therefore open"), want.Egress
	}
	return append(lines, differences(name, have, want)...)
}

// openRules returns a line for each rule that allows connections with anything but pods of the
// policy's own namespace.
func openRules(p netpolicy.Policy, direction string, rules *netpolicy.Rules) []string {
	if rules == nil {
		return nil
	}
	var lines []string
	for _, rule := range *rules {
		if len(rule.Peers) == 0 || slices.ContainsFunc(rule.Peers, isElsewhere) {
			lines = append(lines, fmt.Sprintf(
				"%s is not managed by Polyphony and allows %s %s", policyText(p), direction, rule))
		}
	}
	return lines
}

// isElsewhere reports whether a peer can be outside the policy's own namespace.
func isElsewhere(p netpolicy.Peer) bool { return p.CIDR != "" || p.Namespaces != nil }
