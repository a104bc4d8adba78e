package k8s

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

var networkPolicies = singleton[*networkingv1.NetworkPolicy, networkingv1.NetworkPolicySpec, topology.NetworkRules]{
	kind:   topology.KindNetworkRules,
	client: func(c kube.Clients) kube.Client[*networkingv1.NetworkPolicy] { return c.NetworkPolicies },
	spec:   func(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicySpec { return &p.Spec },
	same:   func(a, b *networkingv1.NetworkPolicySpec) bool { return equality.Semantic.DeepEqual(a, b) },
	read:   toNetworkRules, render: renderNetworkPolicy,
}

// NetworkRules implements topology.NetworkIsolation.
func (t *Topology) NetworkRules(ctx context.Context, namespace string) (topology.NetworkRules, error) {
	return networkPolicies.get(ctx, t, namespace)
}

// EnsureNetworkRules implements topology.NetworkIsolation. All rules are one NetworkPolicy, so that
// they change at once.
func (t *Topology) EnsureNetworkRules(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
	return networkPolicies.ensure(ctx, t, want.Namespace, want)
}

// DeleteNetworkRules implements topology.NetworkIsolation.
func (t *Topology) DeleteNetworkRules(ctx context.Context, namespace string) (topology.Change, error) {
	return networkPolicies.remove(ctx, t, namespace)
}

// renderNetworkPolicy sets both policy types even without a rule, which denies everything.
func renderNetworkPolicy(want topology.NetworkRules) *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: meta(want.Namespace, objectName, want.Namespace),
		Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		},
	}
	for _, rule := range want.Ingress {
		policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{
			From: renderPeers(rule.Peers), Ports: renderPorts(rule.Ports),
		})
	}
	for _, rule := range want.Egress {
		policy.Spec.Egress = append(policy.Spec.Egress, networkingv1.NetworkPolicyEgressRule{
			To: renderPeers(rule.Peers), Ports: renderPorts(rule.Ports),
		})
	}
	return policy
}

func renderPeers(peers []topology.NetworkPeer) []networkingv1.NetworkPolicyPeer {
	var rendered []networkingv1.NetworkPolicyPeer
	for _, peer := range peers {
		if peer.CIDR != "" {
			rendered = append(rendered, networkingv1.NetworkPolicyPeer{
				IPBlock: &networkingv1.IPBlock{CIDR: peer.CIDR, Except: peer.Except},
			})
			continue
		}
		to := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: peer.PodLabels}}
		if len(peer.NamespaceLabels) > 0 || peer.EveryNamespace {
			to.NamespaceSelector = &metav1.LabelSelector{MatchLabels: peer.NamespaceLabels}
		}
		rendered = append(rendered, to)
	}
	return rendered
}

func renderPorts(ports []topology.NetworkPort) []networkingv1.NetworkPolicyPort {
	var rendered []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		to := networkingv1.NetworkPolicyPort{Protocol: new(corev1.Protocol(port.Protocol))}
		if port.Port != 0 {
			to.Port = new(intstr.FromInt32(port.Port))
		}
		if port.EndPort != 0 {
			to.EndPort = new(port.EndPort)
		}
		rendered = append(rendered, to)
	}
	return rendered
}

// toNetworkRules reads the rules of a policy. It leaves out what topology.NetworkRules cannot
// express: expressions in selectors, named ports, and a selection of pods.
func toNetworkRules(have *networkingv1.NetworkPolicy) topology.NetworkRules {
	rules := topology.NetworkRules{Namespace: have.Namespace}
	for _, rule := range have.Spec.Ingress {
		rules.Ingress = append(rules.Ingress, topology.NetworkRule{Peers: toPeers(rule.From), Ports: toPorts(rule.Ports)})
	}
	for _, rule := range have.Spec.Egress {
		rules.Egress = append(rules.Egress, topology.NetworkRule{Peers: toPeers(rule.To), Ports: toPorts(rule.Ports)})
	}
	return rules
}

func toPeers(peers []networkingv1.NetworkPolicyPeer) []topology.NetworkPeer {
	var read []topology.NetworkPeer
	for _, peer := range peers {
		var to topology.NetworkPeer
		if peer.IPBlock != nil {
			to.CIDR, to.Except = peer.IPBlock.CIDR, slices.Clone(peer.IPBlock.Except)
		}
		if peer.PodSelector != nil {
			to.PodLabels = maps.Clone(peer.PodSelector.MatchLabels)
		}
		if peer.NamespaceSelector != nil {
			to.NamespaceLabels = maps.Clone(peer.NamespaceSelector.MatchLabels)
			to.EveryNamespace = len(to.NamespaceLabels) == 0
		}
		read = append(read, to)
	}
	return read
}

func toPorts(ports []networkingv1.NetworkPolicyPort) []topology.NetworkPort {
	var read []topology.NetworkPort
	for _, port := range ports {
		to := topology.NetworkPort{Protocol: netpolicy.TCP}
		if port.Protocol != nil {
			to.Protocol = netpolicy.Protocol(*port.Protocol)
		}
		if port.Port != nil {
			to.Port = port.Port.IntVal
		}
		if port.EndPort != nil {
			to.EndPort = *port.EndPort
		}
		read = append(read, to)
	}
	return read
}
