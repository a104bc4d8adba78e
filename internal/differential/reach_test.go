// Package differential compares Polyphony's evaluations with other implementations of the same
// specification.
package differential

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// The number of random clusters, and of connections in each.
const (
	states      = 10_000
	connections = 10
)

func TestReachAgreesWithCyclonus(t *testing.T) {
	allowed, denied := 0, 0
	for seed := range uint64(states) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		policies := g.policies()
		theirs := matcher.BuildNetworkPolicies(g.coin(), policies)
		ours := netpolicy.State{NamespaceLabels: namespaces}
		for _, p := range policies {
			ours.Policies = append(ours.Policies, k8s.NetworkPolicyOf(p))
		}
		for range connections {
			conn := g.connection()
			want, have := theirs.IsTrafficAllowed(traffic(conn)).IsAllowed(), ours.Reach(conn)
			if want != have.Allowed {
				text, err := json.MarshalIndent(policies, "", " ")
				require.NoError(t, err)
				require.Equal(t, want, have.Allowed, "seed %d: %+v\n%s\n%s", seed, conn, have.Reason, text)
			}
			if want {
				allowed++
			} else {
				denied++
			}
		}
	}
	t.Logf("%d clusters, %d connections allowed, %d denied", states, allowed, denied)
	require.Greater(t, allowed, states)
	require.Greater(t, denied, states)
}

var namespaces = map[string]map[string]string{
	"acme":   {"kubernetes.io/metadata.name": "acme", "app": "web", "team": "a", "stage": "prod"},
	"globex": {"kubernetes.io/metadata.name": "globex", "app": "db", "team": "b"},
	"tools":  {"kubernetes.io/metadata.name": "tools", "app": "web", "stage": "prod"},
}

// Cyclonus does not select pods without the label by NotIn. The selectors of Kubernetes do
// (labels.Requirement.Matches of apimachinery), and so does netpolicy.
func TestReachDiffersFromCyclonusAboutNotIn(t *testing.T) {
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "acme"},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "team", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"a"}},
			}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		},
	}
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	require.NoError(t, err)
	unlabelled := map[string]string{"app": "web"}
	require.True(t, selector.Matches(labels.Set(unlabelled)))

	conn := netpolicy.Connection{
		From:     netpolicy.Endpoint{Namespace: "globex"},
		To:       netpolicy.Endpoint{Namespace: "acme", PodLabels: unlabelled},
		Protocol: netpolicy.TCP, Port: 80,
	}
	ours := netpolicy.State{NamespaceLabels: namespaces, Policies: []netpolicy.Policy{k8s.NetworkPolicyOf(policy)}}
	require.False(t, ours.Reach(conn).Allowed, "the policy selects the pod, and allows nothing")
	require.True(t, matcher.BuildNetworkPolicies(false, []*networkingv1.NetworkPolicy{policy}).IsTrafficAllowed(traffic(conn)).IsAllowed())
}

// traffic converts a connection to the type of Cyclonus.
func traffic(c netpolicy.Connection) *matcher.Traffic {
	name := ""
	for n, p := range c.To.PortNames {
		if p == (netpolicy.NamedPort{Protocol: c.Protocol, Port: c.Port}) {
			name = n
		}
	}
	return &matcher.Traffic{
		Source: peer(c.From), Destination: peer(c.To), ResolvedPort: int(c.Port), ResolvedPortName: name, Protocol: corev1.Protocol(c.Protocol),
	}
}

func peer(p netpolicy.Endpoint) *matcher.TrafficPeer {
	to := &matcher.TrafficPeer{IP: p.Address.String()}
	if p.Namespace != "" {
		to.Internal = &matcher.InternalPeer{PodLabels: p.PodLabels, NamespaceLabels: namespaces[p.Namespace], Namespace: p.Namespace}
	}
	return to
}

// generator makes random policies and connections from few names and numbers, so that they often
// match.
type generator struct{ *rand.Rand }

func (g generator) coin() bool { return g.IntN(2) == 0 }

func pick[V any](g generator, from ...V) V { return from[g.IntN(len(from))] }

func several[V any](g generator, most int, make func() V) []V {
	var all []V
	for range g.IntN(most + 1) {
		all = append(all, make())
	}
	return all
}

func (g generator) policies() []*networkingv1.NetworkPolicy {
	n := 0
	return several(g, 4, func() *networkingv1.NetworkPolicy {
		n++
		p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("p", n), Namespace: pick(g, "acme", "globex", "tools")}}
		p.Spec.PodSelector = g.selector()
		p.Spec.PolicyTypes = pick(g,
			[]networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
			[]networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress})
		p.Spec.Ingress = several(g, 2, func() networkingv1.NetworkPolicyIngressRule {
			return networkingv1.NetworkPolicyIngressRule{From: several(g, 2, g.peer), Ports: several(g, 2, g.port)}
		})
		p.Spec.Egress = several(g, 2, func() networkingv1.NetworkPolicyEgressRule {
			return networkingv1.NetworkPolicyEgressRule{To: several(g, 2, g.peer), Ports: several(g, 2, g.port)}
		})
		return p
	})
}

func (g generator) selector() metav1.LabelSelector {
	var s metav1.LabelSelector
	keys := []string{"app", "team", "stage", "kubernetes.io/metadata.name"}
	values := []string{"web", "db", "a", "b", "prod", "acme"}
	if g.IntN(3) == 0 {
		s.MatchLabels = map[string]string{pick(g, keys...): pick(g, values...)}
	}
	if g.IntN(3) == 0 {
		e := metav1.LabelSelectorRequirement{Key: pick(g, keys...), Operator: pick(g,
			metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)}
		switch e.Operator {
		case metav1.LabelSelectorOpNotIn:
			e.Key = "app" // a label that everything has; see TestReachDiffersFromCyclonusAboutNotIn
			fallthrough
		case metav1.LabelSelectorOpIn:
			e.Values = []string{pick(g, values...), pick(g, values...)}
		}
		s.MatchExpressions = []metav1.LabelSelectorRequirement{e}
	}
	return s
}

func (g generator) peer() networkingv1.NetworkPolicyPeer {
	switch g.IntN(4) {
	case 0:
		return networkingv1.NetworkPolicyPeer{IPBlock: pick(g,
			&networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"10.0.0.0/8"}}, &networkingv1.IPBlock{CIDR: "10.1.0.0/16"},
			&networkingv1.IPBlock{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.128/25", "192.0.2.1/32"}},
			&networkingv1.IPBlock{CIDR: "2001:db8::/32", Except: []string{"2001:db8:1::/48"}}, &networkingv1.IPBlock{CIDR: "::/0"})}
	case 1:
		return networkingv1.NetworkPolicyPeer{PodSelector: new(g.selector())}
	case 2:
		return networkingv1.NetworkPolicyPeer{NamespaceSelector: new(g.selector())}
	default:
		return networkingv1.NetworkPolicyPeer{PodSelector: new(g.selector()), NamespaceSelector: new(g.selector())}
	}
}

func (g generator) port() networkingv1.NetworkPolicyPort {
	p := networkingv1.NetworkPolicyPort{Protocol: new(pick(g, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP))}
	switch g.IntN(4) {
	case 0:
	case 1:
		p.Port = new(intstr.FromString(pick(g, "http", "metrics")))
	case 2:
		p.Port, p.EndPort = new(intstr.FromInt32(80)), new(pick(g, int32(80), int32(90), int32(8080)))
	default:
		p.Port = new(intstr.FromInt32(pick(g, int32(80), int32(81), int32(8080))))
	}
	return p
}

func (g generator) party(outside bool) netpolicy.Endpoint {
	if outside {
		return netpolicy.Endpoint{Address: netip.MustParseAddr(pick(g, "192.0.2.1", "192.0.2.2", "192.0.2.200", "10.1.2.3", "2001:db8::1", "2001:db8:1::1"))}
	}
	labels := map[string]string{"app": pick(g, "web", "db")}
	if g.coin() {
		labels["team"] = pick(g, "a", "b")
	}
	return netpolicy.Endpoint{
		Namespace: pick(g, "acme", "globex", "tools"), PodLabels: labels, Address: netip.MustParseAddr(pick(g, "10.1.0.1", "10.2.0.1", "2001:db8:1::2")),
		PortNames: map[string]netpolicy.NamedPort{
			"http": {Protocol: netpolicy.TCP, Port: pick(g, int32(80), int32(8080))}, "metrics": {Protocol: pick(g, netpolicy.TCP, netpolicy.UDP), Port: 81},
		},
	}
}

func (g generator) connection() netpolicy.Connection {
	outside := g.IntN(4) // 0: the source is outside, 1: the destination is
	return netpolicy.Connection{
		From: g.party(outside == 0), To: g.party(outside == 1),
		Protocol: pick(g, netpolicy.TCP, netpolicy.UDP, netpolicy.SCTP), Port: pick(g, int32(80), int32(81), int32(85), int32(8080)),
	}
}
