package netpolicy_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// FuzzSelectorMatches compares Selector.Matches with the selectors of Kubernetes. An API server
// does not store a selector that Kubernetes refuses.
func FuzzSelectorMatches(f *testing.F) {
	for _, operator := range []string{"In", "NotIn", "Exists", "DoesNotExist", "", "in", "Gt"} {
		f.Add("app", "web", "tier", operator, "a,b", "tier", "a")
		f.Add("", "", "tier", operator, "", "app", "web")
		f.Add("app", "web", "app", operator, "web", "app", "web")
		f.Add("", "", "tier", operator, ",", "tier", "")
	}
	f.Fuzz(func(t *testing.T, key, value, exprKey, operator, values, labelKey, labelValue string) {
		ours, theirs := netpolicy.Selector{}, &metav1.LabelSelector{}
		if key != "" {
			ours.Labels = map[string]string{key: value}
			theirs.MatchLabels = ours.Labels
		}
		if exprKey != "" {
			var list []string
			if values != "" {
				list = strings.Split(values, ",")
			}
			ours.Expressions = []netpolicy.Requirement{
				{Key: exprKey, Operator: netpolicy.Operator(operator), Values: list},
			}
			theirs.MatchExpressions = []metav1.LabelSelectorRequirement{
				{Key: exprKey, Operator: metav1.LabelSelectorOperator(operator), Values: list},
			}
		}
		selector, err := metav1.LabelSelectorAsSelector(theirs)
		for _, have := range []map[string]string{
			nil, {labelKey: labelValue}, {labelKey: labelValue, key: value}, {exprKey: labelValue, key: value},
		} {
			matches := ours.Matches(have)
			switch {
			case err == nil:
				require.Equal(t, selector.Matches(labels.Set(have)), matches, "%+v of %v", ours, have)
			case exprKey != "" && !slices.Contains([]string{"In", "NotIn", "Exists", "DoesNotExist"}, operator):
				require.False(t, matches, "an unknown operator selects nothing")
			}
		}
	})
}

// FuzzStateReach checks what holds for any policies, valid or not: without policies everything is
// allowed, more rules never allow less, and fewer rules never allow more.
func FuzzStateReach(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, "192.0.2.0/24", "192.0.2.128/25", "192.0.2.1", "tier", "a", "NotIn", "http", int32(80), int32(90))
		f.Add(seed, "2001:db8::/32", "not a range", "2001:db8::1", "", "", "none", "", int32(-1), int32(0))
	}
	f.Fuzz(func(t *testing.T, seed uint64, cidr, except, address, key, value, operator, name string, port, end int32) {
		g := policyMaker{rand.New(rand.NewPCG(seed, 0)), cidr, except, address, key, value, operator, name, port, end}
		state := netpolicy.State{NamespaceLabels: map[string]map[string]string{"acme": g.labels(), "globex": g.labels()}}
		for range g.IntN(5) {
			state.Policies = append(state.Policies, g.policy())
		}
		conn := g.connection()
		before := state.Reach(conn)
		if conn.Validate() == nil {
			require.NotEmpty(t, before.Reason)
			refuses := func(d netpolicy.Decision) bool { return !d.Allowed }
			require.Equal(t, before.Allowed, !slices.ContainsFunc(before.Decisions, refuses))
		}

		open := netpolicy.State{NamespaceLabels: state.NamespaceLabels}.Reach(conn)
		require.True(t, open.Allowed, "without policies everything is open: %s", open.Reason)

		wider := netpolicy.State{NamespaceLabels: state.NamespaceLabels}
		for _, p := range state.Policies {
			p = p.Clone()
			for _, rules := range []*netpolicy.Rules{p.Ingress, p.Egress} {
				if rules != nil {
					*rules = slices.Insert(*rules, g.IntN(len(*rules)+1), g.rule())
				}
			}
			wider.Policies = append(wider.Policies, p)
		}
		after := wider.Reach(conn)
		require.True(t, after.Allowed || !before.Allowed,
			"more rules, less allowed: %s, then %s", before.Reason, after.Reason)

		narrower := netpolicy.State{NamespaceLabels: state.NamespaceLabels}
		for _, p := range slices.Backward(state.Policies) {
			p = p.Clone()
			for _, rules := range []*netpolicy.Rules{p.Ingress, p.Egress} {
				if rules != nil && len(*rules) > 0 {
					*rules = (*rules)[1:]
				}
			}
			narrower.Policies = append(narrower.Policies, p)
		}
		after = narrower.Reach(conn)
		require.True(t, before.Allowed || !after.Allowed,
			"fewer rules, more allowed: %s, then %s", before.Reason, after.Reason)
	})
}

// policyMaker makes policies and connections from a few words, some of which come from the fuzzer.
type policyMaker struct {
	*rand.Rand
	cidr, except, address, key, value, operator, name string
	port, end                                         int32
}

func oneOf[V any](g policyMaker, values ...V) V { return values[g.IntN(len(values))] }

func upTo[V any](g policyMaker, most int, build func() V) []V {
	var all []V
	for range g.IntN(most + 1) {
		all = append(all, build())
	}
	return all
}

func (g policyMaker) labels() map[string]string {
	return map[string]string{oneOf(g, "app", g.key): oneOf(g, "web", g.value)}
}

func (g policyMaker) selector() netpolicy.Selector {
	s := netpolicy.Selector{Expressions: upTo(g, 1, func() netpolicy.Requirement {
		return netpolicy.Requirement{
			Key: oneOf(g, "app", g.key), Values: []string{g.value},
			Operator: oneOf(g, netpolicy.NotIn, netpolicy.Operator(g.operator)),
		}
	})}
	if g.IntN(3) == 0 {
		s.Labels = g.labels()
	}
	return s
}

func (g policyMaker) policy() netpolicy.Policy {
	p := netpolicy.Policy{Namespace: oneOf(g, "acme", "globex"), Name: g.name, Pods: g.selector()}
	if g.IntN(3) > 0 {
		p.Ingress = new(netpolicy.Rules(upTo(g, 2, g.rule)))
	}
	if g.IntN(3) > 0 {
		p.Egress = new(netpolicy.Rules(upTo(g, 2, g.rule)))
	}
	return p
}

func (g policyMaker) rule() netpolicy.Rule {
	return netpolicy.Rule{Peers: upTo(g, 2, g.peer), Ports: upTo(g, 2, func() netpolicy.Port {
		return netpolicy.Port{
			Protocol: g.protocol(), Port: oneOf(g, 0, 80, g.port), EndPort: oneOf(g, 0, g.end), Name: oneOf(g, "", g.name),
		}
	})}
}

func (g policyMaker) peer() netpolicy.Peer {
	if g.IntN(3) == 0 {
		return netpolicy.Peer{
			CIDR: oneOf(g, "0.0.0.0/0", "::/0", g.cidr), Except: upTo(g, 1, func() string { return g.except }),
		}
	}
	var p netpolicy.Peer
	if g.IntN(2) == 0 {
		p.Namespaces = new(g.selector())
	}
	if g.IntN(2) == 0 {
		p.Pods = new(g.selector())
	}
	return p
}

func (g policyMaker) protocol() netpolicy.Protocol {
	return oneOf(g, netpolicy.TCP, netpolicy.TCP, netpolicy.UDP, netpolicy.SCTP)
}

func (g policyMaker) endpoint() netpolicy.Endpoint {
	address, _ := netip.ParseAddr(g.address) // the zero Addr if it is not an address
	return oneOf(g, netpolicy.Endpoint{Address: address}, netpolicy.Endpoint{
		Namespace: oneOf(g, "acme", "globex", "unknown"), PodLabels: g.labels(), Address: address,
		PortNames: map[string]netpolicy.NamedPort{g.name: {Protocol: g.protocol(), Port: 80}},
	})
}

func (g policyMaker) connection() netpolicy.Connection {
	return netpolicy.Connection{From: g.endpoint(), To: g.endpoint(), Protocol: g.protocol(), Port: oneOf(g, 80, g.port)}
}
