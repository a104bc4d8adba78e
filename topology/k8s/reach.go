package k8s

import (
	"cmp"
	"context"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/polyphony-go/polyphony/topology"
)

// NetworkPolicies implements topology.Reachability.
func (t *Topology) NetworkPolicies(ctx context.Context, namespace string) ([]topology.NetworkPolicy, error) {
	var policies []topology.NetworkPolicy
	c := call{"read", "NetworkPolicies", namespace}
	err := t.retry(ctx, c, func(ctx context.Context) error {
		policies = nil
		return t.clients.networkPolicies(namespace).EachPage(ctx, "", func(list *networkingv1.NetworkPolicyList) {
			for i := range list.Items {
				policies = append(policies, NetworkPolicyOf(&list.Items[i]))
			}
		})
	})
	slices.SortFunc(policies, func(a, b topology.NetworkPolicy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return policies, err
}

// Reach implements topology.Reachability: it reads the policies and labels of the namespaces at both ends.
func (t *Topology) Reach(ctx context.Context, conn topology.Connection) (topology.ReachAnswer, error) {
	if err := conn.Check(); err != nil {
		return topology.ReachAnswer{}, err
	}
	state := topology.NetworkState{NamespaceLabels: map[string]map[string]string{}}
	for _, namespace := range []string{conn.From.Namespace, conn.To.Namespace} {
		if _, done := state.NamespaceLabels[namespace]; done || namespace == "" {
			continue
		}
		err := t.retry(ctx, call{"ask", "Reach", namespace}, func(ctx context.Context) error {
			have, err := t.clients.namespaces().Get(ctx, namespace)
			state.NamespaceLabels[namespace] = have.Labels
			return err
		})
		if err != nil {
			return topology.ReachAnswer{}, err
		}
		policies, err := t.NetworkPolicies(ctx, namespace)
		if err != nil {
			return topology.ReachAnswer{}, err
		}
		state.Policies = append(state.Policies, policies...)
	}
	return state.Reach(conn), nil
}

// NetworkPolicyOf reads a policy, whoever made it. Where it does not say which directions it is about, it is about ingress, and
// about egress if it has rules for that.
func NetworkPolicyOf(have *networkingv1.NetworkPolicy) topology.NetworkPolicy {
	p := topology.NetworkPolicy{Namespace: have.Namespace, Name: have.Name, Pods: *toSelector(&have.Spec.PodSelector)}
	types := have.Spec.PolicyTypes
	if len(types) == 0 {
		types = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(have.Spec.Egress) > 0 {
			types = append(types, networkingv1.PolicyTypeEgress)
		}
	}
	if slices.Contains(types, networkingv1.PolicyTypeIngress) {
		p.Ingress = &topology.PolicyRules{}
		for _, rule := range have.Spec.Ingress {
			*p.Ingress = append(*p.Ingress, topology.PolicyRule{Peers: toPolicyPeers(rule.From), Ports: toPolicyPorts(rule.Ports)})
		}
	}
	if slices.Contains(types, networkingv1.PolicyTypeEgress) {
		p.Egress = &topology.PolicyRules{}
		for _, rule := range have.Spec.Egress {
			*p.Egress = append(*p.Egress, topology.PolicyRule{Peers: toPolicyPeers(rule.To), Ports: toPolicyPorts(rule.Ports)})
		}
	}
	return p
}

func toPolicyPeers(peers []networkingv1.NetworkPolicyPeer) []topology.PolicyPeer {
	var read []topology.PolicyPeer
	for _, peer := range peers {
		to := topology.PolicyPeer{Namespaces: toSelector(peer.NamespaceSelector), Pods: toSelector(peer.PodSelector)}
		if peer.IPBlock != nil {
			to.CIDR, to.Except = peer.IPBlock.CIDR, peer.IPBlock.Except
		}
		read = append(read, to)
	}
	return read
}

func toPolicyPorts(ports []networkingv1.NetworkPolicyPort) []topology.PolicyPort {
	var read []topology.PolicyPort
	for _, port := range ports {
		to := topology.PolicyPort{Protocol: topology.TCP}
		if port.Protocol != nil {
			to.Protocol = topology.Protocol(*port.Protocol)
		}
		if port.Port != nil && port.Port.Type == intstr.String {
			to.Name = port.Port.StrVal
		} else if port.Port != nil {
			to.Port = port.Port.IntVal
		}
		if port.EndPort != nil {
			to.EndPort = *port.EndPort
		}
		read = append(read, to)
	}
	return read
}

func toSelector(have *metav1.LabelSelector) *topology.LabelSelector {
	if have == nil {
		return nil
	}
	s := &topology.LabelSelector{Labels: have.MatchLabels}
	for _, e := range have.MatchExpressions {
		s.Expressions = append(s.Expressions, topology.LabelRequirement{Key: e.Key, Operator: topology.LabelOperator(e.Operator), Values: e.Values})
	}
	return s
}
