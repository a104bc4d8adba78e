package k8s

import (
	"cmp"
	"context"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// NetworkPolicies implements topology.Reachability.
func (t *Topology) NetworkPolicies(ctx context.Context, namespace string) ([]netpolicy.Policy, error) {
	var policies []netpolicy.Policy
	c := adapter.Read(topology.KindNetworkPolicies, namespace)
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		policies = nil
		return kube.EachIn(ctx, t.clients.NetworkPolicies, namespace, "", func(have *networkingv1.NetworkPolicy) {
			policies = append(policies, NetworkPolicyOf(have))
		})
	})
	slices.SortFunc(policies, func(a, b netpolicy.Policy) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
	return policies, err
}

// Reach implements topology.Reachability. It reads the policies and labels of the namespaces at
// both ends.
func (t *Topology) Reach(ctx context.Context, conn netpolicy.Connection) (netpolicy.Answer, error) {
	if err := conn.Validate(); err != nil {
		return netpolicy.Answer{}, adapter.Ask(topology.KindReach, conn.To.Namespace).Invalid(err)
	}
	state := netpolicy.State{NamespaceLabels: map[string]map[string]string{}}
	for _, namespace := range []string{conn.From.Namespace, conn.To.Namespace} {
		if _, done := state.NamespaceLabels[namespace]; done || namespace == "" {
			continue
		}
		err := t.retry.Do(ctx, adapter.Ask(topology.KindReach, namespace), func(ctx context.Context) error {
			have, err := t.clients.Namespaces.Get(ctx, "", namespace)
			if err == nil {
				state.NamespaceLabels[namespace] = have.Labels
			}
			return err
		})
		if err != nil {
			return netpolicy.Answer{}, err
		}
		policies, err := t.NetworkPolicies(ctx, namespace)
		if err != nil {
			return netpolicy.Answer{}, err
		}
		state.Policies = append(state.Policies, policies...)
	}
	return state.Reach(conn), nil
}

// NetworkPolicyOf returns the value of any NetworkPolicy. A policy that states no policy types is
// about ingress, and about egress if it has egress rules. A policy is managed if it has both the
// name of Polyphony's own and the label of the tenant.
func NetworkPolicyOf(have *networkingv1.NetworkPolicy) netpolicy.Policy {
	p := netpolicy.Policy{
		Namespace: have.Namespace, Name: have.Name, Pods: *toSelector(&have.Spec.PodSelector),
		Managed: have.Name == objectName && owned(have, have.Namespace),
	}
	types := have.Spec.PolicyTypes
	if len(types) == 0 {
		types = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(have.Spec.Egress) > 0 {
			types = append(types, networkingv1.PolicyTypeEgress)
		}
	}
	if slices.Contains(types, networkingv1.PolicyTypeIngress) {
		p.Ingress = &netpolicy.Rules{}
		for _, rule := range have.Spec.Ingress {
			*p.Ingress = append(*p.Ingress, netpolicy.Rule{Peers: toPolicyPeers(rule.From), Ports: toPolicyPorts(rule.Ports)})
		}
	}
	if slices.Contains(types, networkingv1.PolicyTypeEgress) {
		p.Egress = &netpolicy.Rules{}
		for _, rule := range have.Spec.Egress {
			*p.Egress = append(*p.Egress, netpolicy.Rule{Peers: toPolicyPeers(rule.To), Ports: toPolicyPorts(rule.Ports)})
		}
	}
	return p
}

func toPolicyPeers(peers []networkingv1.NetworkPolicyPeer) []netpolicy.Peer {
	var read []netpolicy.Peer
	for _, peer := range peers {
		to := netpolicy.Peer{Namespaces: toSelector(peer.NamespaceSelector), Pods: toSelector(peer.PodSelector)}
		if peer.IPBlock != nil {
			to.CIDR, to.Except = peer.IPBlock.CIDR, peer.IPBlock.Except
		}
		read = append(read, to)
	}
	return read
}

func toPolicyPorts(ports []networkingv1.NetworkPolicyPort) []netpolicy.Port {
	var read []netpolicy.Port
	for _, port := range ports {
		to := netpolicy.Port{Protocol: netpolicy.TCP}
		if port.Protocol != nil {
			to.Protocol = netpolicy.Protocol(*port.Protocol)
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

func toSelector(have *metav1.LabelSelector) *netpolicy.Selector {
	if have == nil {
		return nil
	}
	s := &netpolicy.Selector{Labels: have.MatchLabels}
	for _, e := range have.MatchExpressions {
		s.Expressions = append(s.Expressions, netpolicy.Requirement{
			Key: e.Key, Operator: netpolicy.Operator(e.Operator), Values: e.Values,
		})
	}
	return s
}
