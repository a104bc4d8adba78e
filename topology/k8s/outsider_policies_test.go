package k8s_test

import (
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// AddNetworkPolicy creates the policy with explicit policy types, and with the label of the tenant
// if it is a copy of a managed one.
func (o outsider) AddNetworkPolicy(t topologytest.T, p netpolicy.Policy) {
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name},
		Spec:       networkingv1.NetworkPolicySpec{PodSelector: *selectorOf(&p.Pods)},
	}
	if p.Managed {
		policy.Labels = map[string]string{topology.LabelTenant: p.Namespace}
	}
	if p.Ingress != nil {
		policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
		for _, r := range *p.Ingress {
			policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: peersOf(r.Peers), Ports: portsOf(r.Ports)})
		}
	}
	if p.Egress != nil {
		policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		for _, r := range *p.Egress {
			policy.Spec.Egress = append(policy.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: peersOf(r.Peers), Ports: portsOf(r.Ports)})
		}
	}
	_, err := o.client.NetworkingV1().NetworkPolicies(p.Namespace).Create(t.Context(), policy, metav1.CreateOptions{})
	require.NoError(t, err)
}

func peersOf(peers []netpolicy.Peer) []networkingv1.NetworkPolicyPeer {
	var all []networkingv1.NetworkPolicyPeer
	for _, p := range peers {
		to := networkingv1.NetworkPolicyPeer{NamespaceSelector: selectorOf(p.Namespaces), PodSelector: selectorOf(p.Pods)}
		if p.CIDR != "" {
			to.IPBlock = &networkingv1.IPBlock{CIDR: p.CIDR, Except: p.Except}
		}
		all = append(all, to)
	}
	return all
}

func portsOf(ports []netpolicy.Port) []networkingv1.NetworkPolicyPort {
	var all []networkingv1.NetworkPolicyPort
	for _, p := range ports {
		to := networkingv1.NetworkPolicyPort{Protocol: new(corev1.Protocol(p.Protocol))}
		switch {
		case p.Name != "":
			to.Port = new(intstr.FromString(p.Name))
		case p.Port != 0:
			to.Port = new(intstr.FromInt32(p.Port))
		}
		if p.EndPort != 0 {
			to.EndPort = new(p.EndPort)
		}
		all = append(all, to)
	}
	return all
}

func selectorOf(s *netpolicy.Selector) *metav1.LabelSelector {
	if s == nil {
		return nil
	}
	to := &metav1.LabelSelector{MatchLabels: s.Labels}
	for _, e := range s.Expressions {
		to.MatchExpressions = append(to.MatchExpressions, metav1.LabelSelectorRequirement{Key: e.Key, Operator: metav1.LabelSelectorOperator(e.Operator), Values: e.Values})
	}
	return to
}
