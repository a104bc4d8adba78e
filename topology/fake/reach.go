package fake

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// NetworkPolicies implements topology.Reachability.
func (t *Topology) NetworkPolicies(ctx context.Context, namespace string) ([]topology.NetworkPolicy, error) {
	if err := t.begin(ctx, call{"read", "NetworkPolicies", namespace}); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	var policies []topology.NetworkPolicy
	for _, name := range slices.Sorted(maps.Keys(t.state.namespaces)) {
		if namespace == "" || name == namespace {
			policies = append(policies, t.state.namespaces[name].networkPolicies()...)
		}
	}
	return policies, nil
}

// Reach implements topology.Reachability.
func (t *Topology) Reach(ctx context.Context, conn topology.Connection) (topology.ReachAnswer, error) {
	if err := t.begin(ctx, call{"ask", "Reach", conn.To.Namespace}); err != nil {
		return topology.ReachAnswer{}, err
	}
	if err := conn.Check(); err != nil {
		return topology.ReachAnswer{}, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	state := topology.NetworkState{NamespaceLabels: map[string]map[string]string{}}
	for _, name := range []string{conn.From.Namespace, conn.To.Namespace} {
		ns := t.state.namespaces[name]
		switch {
		case name == "" || state.NamespaceLabels[name] != nil:
		case ns == nil:
			return topology.ReachAnswer{}, call{"ask", "Reach", name}.fails(topology.ErrNotFound, "")
		default:
			state.NamespaceLabels[name] = ns.labels()
			state.Policies = append(state.Policies, ns.networkPolicies()...)
		}
	}
	return state.Reach(conn), nil
}

// networkPolicies are Polyphony's own and those of others, by name.
func (n *namespace) networkPolicies() []topology.NetworkPolicy {
	var policies []topology.NetworkPolicy
	switch rules := n.network.value; {
	case n.network.foreign: // an empty policy in Kubernetes, which lets nobody in
		policies = append(policies, topology.NetworkPolicy{Namespace: n.value.Name, Name: "polyphony", Ingress: &topology.PolicyRules{}})
	case rules != nil:
		policies = append(policies, rules.Policy())
	}
	for _, p := range n.policies {
		policies = append(policies, p.Clone())
	}
	slices.SortFunc(policies, func(a, b topology.NetworkPolicy) int { return strings.Compare(a.Name, b.Name) })
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
	maps.Copy(labels, topology.DomainLabels(n.value.Allowed.Domains))
	if n.value.Managed {
		labels[topology.LabelTenant] = n.value.Name
		if n.value.Roster != "" {
			labels[topology.LabelRoster] = n.value.Roster
		}
	}
	labels["kubernetes.io/metadata.name"] = n.value.Name // which nobody else can say
	return labels
}
