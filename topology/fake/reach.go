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
	for name, ns := range t.state.namespaces {
		if namespace == "" || name == namespace {
			policies = append(policies, ns.networkPolicies()...)
		}
	}
	slices.SortFunc(policies, func(a, b topology.NetworkPolicy) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return policies, nil
}

// Reach implements topology.Reachability.
func (t *Topology) Reach(ctx context.Context, conn topology.Connection) (topology.ReachAnswer, error) {
	c := call{"ask", "Reach", conn.To.Namespace}
	if err := t.begin(ctx, c); err != nil {
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
			return topology.ReachAnswer{}, c.fails(topology.ErrNotFound, "the namespace "+name+" does not exist")
		default:
			state.NamespaceLabels[name] = ns.labels()
			state.Policies = append(state.Policies, ns.networkPolicies()...)
		}
	}
	return state.Reach(conn), nil
}

// networkPolicies are Polyphony's own and those of others.
func (n *namespace) networkPolicies() []topology.NetworkPolicy {
	var policies []topology.NetworkPolicy
	if rules := n.network.value; rules != nil && !n.network.foreign {
		policies = append(policies, topology.NetworkPolicy{
			Namespace: n.value.Name, Name: "polyphony", Ingress: policyRules(rules.Ingress), Egress: policyRules(rules.Egress),
		})
	}
	for _, p := range n.policies {
		policies = append(policies, p.Clone())
	}
	return policies
}

func policyRules(rules []topology.NetworkRule) *topology.PolicyRules {
	all := topology.PolicyRules{}
	for _, rule := range rules {
		var to topology.PolicyRule
		for _, peer := range rule.Peers {
			to.Peers = append(to.Peers, policyPeer(peer))
		}
		for _, port := range rule.Ports {
			to.Ports = append(to.Ports, topology.PolicyPort{Protocol: port.Protocol, Port: port.Port, EndPort: port.EndPort})
		}
		all = append(all, to)
	}
	return &all
}

func policyPeer(peer topology.NetworkPeer) topology.PolicyPeer {
	if peer.CIDR != "" {
		return topology.PolicyPeer{CIDR: peer.CIDR, Except: slices.Clone(peer.Except)}
	}
	to := topology.PolicyPeer{Pods: &topology.LabelSelector{Labels: maps.Clone(peer.PodLabels)}}
	if len(peer.NamespaceLabels) > 0 || peer.EveryNamespace {
		to.Namespaces = &topology.LabelSelector{Labels: maps.Clone(peer.NamespaceLabels)}
	}
	return to
}

// labels are those that selectors of namespaces see.
func (n *namespace) labels() map[string]string {
	labels := map[string]string{"kubernetes.io/metadata.name": n.value.Name}
	maps.Copy(labels, n.foreignLabels)
	maps.Copy(labels, n.value.Labels)
	if n.value.Managed {
		labels[topology.LabelTenant] = n.value.Name
	}
	return labels
}
