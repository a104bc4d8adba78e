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
	if err := t.begin(ctx, adapter.Ask(topology.KindReach, conn.To.Namespace)); err != nil {
		return netpolicy.Answer{}, err
	}
	if err := conn.Validate(); err != nil {
		return netpolicy.Answer{}, adapter.Ask(topology.KindReach, conn.To.Namespace).Invalid(err)
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

// networkPolicies are Polyphony's own and those of others, by name.
func (n *namespace) networkPolicies() []netpolicy.Policy {
	var policies []netpolicy.Policy
	switch rules := n.network.value; {
	case n.network.foreign: // an empty policy in Kubernetes, which lets nobody in
		policies = append(policies, netpolicy.Policy{Namespace: n.value.Name, Name: "polyphony", Ingress: &netpolicy.Rules{}})
	case rules != nil:
		policies = append(policies, rules.Policy())
	}
	for _, p := range n.policies {
		policies = append(policies, p.Clone())
	}
	slices.SortFunc(policies, func(a, b netpolicy.Policy) int { return strings.Compare(a.Name, b.Name) })
	return policies
}

// labels are those that selectors of namespaces see: also those by which Kubernetes knows a namespace's name and pod security, and the marks of domains.
func (n *namespace) labels() map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, n.foreignLabels)
	maps.Copy(labels, n.value.Labels)
	if n.value.PodSecurity != "" {
		for _, mode := range []string{"enforce", "audit", "warn"} {
			labels["pod-security.kubernetes.io/"+mode], labels["pod-security.kubernetes.io/"+mode+"-version"] = string(n.value.PodSecurity), "latest"
		}
	}
	maps.Copy(labels, adapter.DomainLabels(n.value.Allowed.Domains))
	if n.value.Managed {
		labels[topology.LabelTenant] = n.value.Name
		if n.value.Roster != "" {
			labels[topology.LabelRoster] = n.value.Roster
		}
	}
	labels["kubernetes.io/metadata.name"] = n.value.Name // which nobody else can say
	return labels
}
