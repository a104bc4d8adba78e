package fake

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// policyName is the name of the policy that enforces Polyphony's rules of a namespace.
const policyName = "polyphony"

// NetworkPolicies implements topology.Reachability.
func (t *Topology) NetworkPolicies(ctx context.Context, namespace string) ([]netpolicy.Policy, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindNetworkPolicies, namespace)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	var policies []netpolicy.Policy
	for _, name := range slices.Sorted(maps.Keys(t.state.namespaces)) {
		if namespace == "" || name == namespace {
			policies = append(policies, t.state.namespaces[name].networkPolicies()...)
		}
	}
	return policies, nil
}

// Reach implements topology.Reachability.
func (t *Topology) Reach(ctx context.Context, conn netpolicy.Connection) (netpolicy.Answer, error) {
	c := adapter.Ask(topology.KindReach, conn.To.Namespace)
	if err := t.begin(ctx, c); err != nil {
		return netpolicy.Answer{}, err
	}
	if err := conn.Validate(); err != nil {
		return netpolicy.Answer{}, c.Invalid(err)
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	state := netpolicy.State{NamespaceLabels: map[string]map[string]string{}}
	for _, name := range []string{conn.From.Namespace, conn.To.Namespace} {
		ns := t.state.namespaces[name]
		switch {
		case name == "" || state.NamespaceLabels[name] != nil:
		case ns == nil:
			return netpolicy.Answer{}, adapter.Ask(topology.KindReach, name).Fail(topology.ErrNotFound, "")
		default:
			state.NamespaceLabels[name] = ns.labels()
			state.Policies = append(state.Policies, ns.networkPolicies()...)
		}
	}
	return state.Reach(conn), nil
}

// networkPolicies returns the policies of a namespace, both Polyphony's and those of others, sorted
// by name.
func (n *namespace) networkPolicies() []netpolicy.Policy {
	var policies []netpolicy.Policy
	switch rules := n.network.value; {
	case n.network.foreign: // an empty policy in Kubernetes, which denies all ingress
		policies = append(policies, netpolicy.Policy{
			Namespace: n.value.Name, Name: policyName, Ingress: &netpolicy.Rules{},
		})
	case rules != nil:
		own := rules.Policy()
		own.Name = policyName
		policies = append(policies, own)
	}
	for _, p := range n.policies {
		policies = append(policies, p.Clone())
	}
	slices.SortFunc(policies, func(a, b netpolicy.Policy) int { return strings.Compare(a.Name, b.Name) })
	return policies
}
