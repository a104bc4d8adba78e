package topologytest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// policyCases check policies that Polyphony does not manage.
func (r reachability) policyCases() []Case {
	return []Case{
		{"A foreign policy that opens a namespace is applied, listed and named", func(t T) {
			own, other := r.newNamespace(t), r.newNamespace(t)
			rules := r.ensureRules(t, topology.NetworkRules{Namespace: own, Egress: []topology.NetworkRule{{
				Peers: []topology.NetworkPeer{{EveryNamespace: true}},
				Ports: []topology.NetworkPort{{Protocol: netpolicy.UDP, Port: 53}},
			}}})
			visit := web(podIn(other, nil), podIn(own, nil))
			r.requireRefused(t, visit, isOpen("egress", other), refuses("ingress", rules))
			leak := r.add(t, own, "leak", netpolicy.Policy{Ingress: &netpolicy.Rules{{}}})
			r.requireAllowed(t, visit, isOpen("egress", other), permits("ingress", 0, leak))
			r.requireAllowed(t, web(outside, podIn(own, nil)), permits("ingress", 0, leak))
			require.ElementsMatch(t, []netpolicy.Policy{
				{Namespace: own, Name: "leak", Ingress: &netpolicy.Rules{{}}},
				{
					Namespace: own, Name: r.managed(t, own).Name, Managed: true, Ingress: &netpolicy.Rules{},
					Egress: &netpolicy.Rules{{
						Peers: []netpolicy.Peer{{Namespaces: &netpolicy.Selector{}, Pods: &netpolicy.Selector{}}},
						Ports: []netpolicy.Port{{Protocol: netpolicy.UDP, Port: 53}},
					}},
				},
			}, r.policies(t, own))
		}},
		{"A foreign policy in the place of Polyphony's own is listed, and is not managed", func(t T) {
			own := r.newNamespace(t)
			r.outsider.Occupy(t, own, topology.KindNetworkRules)
			policies := r.policies(t, own)
			require.Len(t, policies, 1)
			require.Equal(t, own, policies[0].Namespace)
			require.False(t, policies[0].Managed)
		}},
		{"A copy of Polyphony's own policy in another place is applied, and is not managed", r.checkCopies},
		{"Policies add up, and a refusal names them all by name", func(t T) {
			own := r.newNamespace(t)
			from := func(cidr string) netpolicy.Policy {
				return netpolicy.Policy{Ingress: &netpolicy.Rules{{Peers: []netpolicy.Peer{{CIDR: cidr}}}}}
			}
			two, one := r.add(t, own, "two", from("192.0.2.0/24")), r.add(t, own, "one", from("198.51.100.0/24"))
			rules := r.ensureRules(t, topology.NetworkRules{Namespace: own})
			r.requireAllowed(t, web(outside, podIn(own, nil)), permits("ingress", 0, two))
			r.requireAllowed(t, web(at("198.51.100.1"), podIn(own, nil)), permits("ingress", 0, one))
			all := []string{one, rules, two}
			slices.Sort(all)
			r.requireRefused(t, web(at("203.0.113.1"), podIn(own, nil)), refuses("ingress", all...))
		}},
	}
}

// checkCopies has a copy with an additional rule, beside Polyphony's own policy and without it.
func (r reachability) checkCopies(t T) {
	own := r.newNamespace(t)
	rules := r.ensureRules(t, topology.NetworkRules{Namespace: own})
	leak := r.managed(t, own)
	leak.Ingress = &netpolicy.Rules{{}}
	copied := r.add(t, own, "copy", leak)
	require.Equal(t, rules, own+"/"+r.managed(t, own).Name)
	require.Len(t, r.policies(t, own), 2)
	r.requireAllowed(t, web(outside, podIn(own, nil)), permits("ingress", 0, copied))
	_, err := r.top.DeleteNetworkRules(t.Context(), own)
	require.NoError(t, err)
	leak.Name, leak.Managed = "copy", false
	require.Equal(t, []netpolicy.Policy{leak}, r.policies(t, own))
}

// isolationCases check which pods and directions a policy isolates.
func (r reachability) isolationCases() []Case {
	return []Case{
		{"A policy isolates the pods that it selects and leaves others open", func(t T) {
			own := r.newNamespace(t)
			notTest := netpolicy.Requirement{Key: "stage", Operator: netpolicy.NotIn, Values: []string{"test"}}
			policy := r.add(t, own, "selects", netpolicy.Policy{
				Pods: netpolicy.Selector{
					Labels: map[string]string{"app": "db"}, Expressions: []netpolicy.Requirement{notTest},
				},
				Ingress: &netpolicy.Rules{},
			})
			r.requireRefused(t, web(outside, podIn(own, map[string]string{"app": "db"})), refuses("ingress", policy))
			for _, labels := range []map[string]string{nil, {"app": "web"}, {"app": "db", "stage": "test"}} {
				r.requireAllowed(t, web(outside, podIn(own, labels)), isOpen("ingress", own))
			}
		}},
		{"A policy for one direction leaves the other open", func(t T) {
			in, out := r.newNamespace(t), r.newNamespace(t)
			ingress := r.add(t, in, "ingress", netpolicy.Policy{Ingress: &netpolicy.Rules{}})
			egress := r.add(t, out, "egress", netpolicy.Policy{Egress: &netpolicy.Rules{}})
			r.requireRefused(t, web(outside, podIn(in, nil)), refuses("ingress", ingress))
			r.requireAllowed(t, web(podIn(in, nil), outside), isOpen("egress", in))
			r.requireAllowed(t, web(outside, podIn(out, nil)), isOpen("ingress", out))
			r.requireRefused(t, web(podIn(out, nil), outside), refuses("egress", egress))
			r.requireAllowed(t, web(podIn(in, nil), podIn(out, nil)), isOpen("egress", in), isOpen("ingress", out))
			r.requireRefused(t, web(podIn(out, nil), podIn(in, nil)), refuses("egress", egress), refuses("ingress", ingress))
		}},
	}
}

// listCases check NetworkPolicies.
func (r reachability) listCases() []Case {
	return []Case{
		{"Policies are listed by namespace and name, and without a namespace those of all namespaces", func(t T) {
			name := r.newNamespace(t)
			longer := name + "-a" // "-" sorts before "/"
			r.outsider.CreateNamespace(t, longer, "team-blue")
			for _, policy := range []string{longer + "/a", name + "/b", name + "/a"} {
				namespace, name, _ := strings.Cut(policy, "/")
				r.add(t, namespace, name, netpolicy.Policy{Ingress: &netpolicy.Rules{}})
			}
			require.Equal(t, []string{name + "/a", name + "/b"}, r.policyNames(t, name))
			all := r.policies(t, "")
			require.True(t, slices.IsSortedFunc(all, func(a, b netpolicy.Policy) int {
				return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
			}))
			ours := slices.DeleteFunc(r.policyNames(t, ""), func(policy string) bool {
				return !strings.HasPrefix(policy, name)
			})
			require.Equal(t, []string{name + "/a", name + "/b", longer + "/a"}, ours)
		}},
		{"A namespace that does not exist has no policies", func(t T) {
			require.Empty(t, r.policies(t, NewName()))
		}},
		{"Values are not aliased", func(t T) {
			name := r.newNamespace(t)
			want := foreignPolicy(name)
			r.outsider.AddNetworkPolicy(t, want)
			for range 2 {
				policies := r.policies(t, name)
				require.Equal(t, []netpolicy.Policy{want}, policies)
				clear(policies[0].Pods.Labels)
				for _, rule := range *policies[0].Ingress {
					rule.Peers[0].Pods.Expressions[0].Values[0] = "scratched"
					clear(rule.Peers[0].Namespaces.Labels)
					rule.Peers[1].Except[0] = "scratched"
					clear(rule.Ports)
				}
				(*policies[0].Ingress)[0] = netpolicy.Rule{}
			}
		}},
	}
}

// foreignPolicy returns a policy with every kind of peer and port.
func foreignPolicy(namespace string) netpolicy.Policy {
	tier := netpolicy.Requirement{Key: "tier", Operator: netpolicy.In, Values: []string{"a"}}
	return netpolicy.Policy{
		Namespace: namespace, Name: "foreign", Pods: netpolicy.Selector{Labels: map[string]string{"app": "db"}},
		Ingress: &netpolicy.Rules{{
			Peers: []netpolicy.Peer{
				{
					Namespaces: &netpolicy.Selector{Labels: map[string]string{"a": "b"}},
					Pods:       &netpolicy.Selector{Expressions: []netpolicy.Requirement{tier}},
				},
				{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.0/28"}},
			},
			Ports: []netpolicy.Port{
				{Protocol: netpolicy.TCP, Name: "http"}, {Protocol: netpolicy.UDP, Port: 53, EndPort: 54},
			},
		}},
	}
}
