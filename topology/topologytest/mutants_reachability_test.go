package topologytest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

func reachabilityMutants() []mutant {
	m := func(rule string, breaks func(top *puppet)) mutant {
		return mutant{"Reachability", rule, func(top, _ *puppet, _ *brokenOutsider) { breaks(top) }}
	}
	// decides is an adapter that decides by other policies than there are, and knows no labels of namespaces but their names.
	decides := func(rule string, by func([]topology.NetworkPolicy) []topology.NetworkPolicy) mutant {
		return m(rule, func(top *puppet) {
			list := top.networkPolicies
			top.reach = func(ctx context.Context, c topology.Connection) (topology.ReachAnswer, error) {
				policies, err := list(ctx, "")
				state := topology.NetworkState{Policies: by(policies), NamespaceLabels: map[string]map[string]string{}}
				for _, name := range []string{c.From.Namespace, c.To.Namespace} {
					state.NamespaceLabels[name] = map[string]string{"kubernetes.io/metadata.name": name, topology.LabelTenant: name}
				}
				return state.Reach(c), err
			}
		})
	}
	misreads := func(rule string, misread func(*topology.NetworkPolicy)) mutant {
		return decides(rule, func(policies []topology.NetworkPolicy) []topology.NetworkPolicy {
			for i := range policies {
				misread(&policies[i])
			}
			return policies
		})
	}
	onRule := func(misread func(*topology.PolicyRule)) func(*topology.NetworkPolicy) {
		return func(p *topology.NetworkPolicy) {
			for _, rules := range []*topology.PolicyRules{p.Ingress, p.Egress} {
				for i := 0; rules != nil && i < len(*rules); i++ {
					misread(&(*rules)[i])
				}
			}
		}
	}
	onPeer := func(misread func(*topology.PolicyPeer)) func(*topology.NetworkPolicy) {
		return onRule(func(r *topology.PolicyRule) {
			for i := range r.Peers {
				misread(&r.Peers[i])
			}
		})
	}
	onPort := func(misread func(*topology.PolicyPort)) func(*topology.NetworkPolicy) {
		return onRule(func(r *topology.PolicyRule) {
			for i := range r.Ports {
				misread(&r.Ports[i])
			}
		})
	}
	onExpressions := func(misread func([]topology.LabelRequirement) []topology.LabelRequirement) func(*topology.NetworkPolicy) {
		return onPeer(func(p *topology.PolicyPeer) {
			if p.Pods != nil {
				p.Pods.Expressions = misread(p.Pods.Expressions)
			}
		})
	}
	nothing := func(*topology.NetworkPolicy) {}

	const (
		none      = "a namespace without policies is open in both directions, and the reason says so"
		own       = "Polyphony's own rules let the pods of a namespace reach each other and nobody else in, until they are deleted"
		addresses = "a range of addresses leaves out its exceptions, and is about pods only by their address"
		marks     = "a peer by the labels of its namespace sees what says its name, domains and pod security, and nobody else can say its name"
		consent   = "a peer by the labels of its namespace takes the consent of both ends"
		foreign   = "somebody else's policy that opens a namespace is seen, listed and named"
		labels    = "labels are compared with In, NotIn, Exists and DoesNotExist, and all of them must hold"
		peers     = "a peer is a pod of such labels in a namespace of such labels"
		ports     = "a port is a number, a range, a name of the pod's own, or every one of a protocol"
		selected  = "a policy is about the pods that it selects and leaves others open"
		direction = "a policy about one direction leaves the other open"
		sum       = "policies add up, and a refusal names them all by name"
		sorted    = "policies are listed by namespace and name, and those of no namespace are all"
	)
	// sees is an adapter that decides by what it sees otherwise than it is.
	sees := func(mistake func(*topology.NetworkPolicy, map[string]string)) mutant {
		return m(marks, func(top *puppet) {
			top.reach = func(ctx context.Context, c topology.Connection) (topology.ReachAnswer, error) {
				in, err := top.inspect(ctx, top.name())
				state := topology.NetworkState{Policies: in.Policies, NamespaceLabels: map[string]map[string]string{}}
				for _, ns := range in.Namespaces {
					state.NamespaceLabels[ns.Namespace.Name] = ns.Labels
					for i := range state.Policies {
						mistake(&state.Policies[i], ns.Labels)
					}
				}
				return state.Reach(c), err
			}
		})
	}
	return []mutant{
		m(none, func(top *puppet) {
			after(&top.reach, func(_ topology.Connection, a *topology.ReachAnswer, _ *error) { a.Reason = "" })
		}),
		m(none, func(top *puppet) {
			after(&top.reach, func(_ topology.Connection, a *topology.ReachAnswer, _ *error) {
				a.Allowed = !strings.Contains(a.Reason, "open") // as if nobody were allowed what nobody allows
			})
		}),
		misreads(own, func(p *topology.NetworkPolicy) { p.Ingress = &topology.PolicyRules{{}} }),
		m(own, func(top *puppet) { // which it has seen once
			seen := map[string]topology.ReachAnswer{}
			key := func(c topology.Connection) string {
				return c.From.Namespace + c.From.Address.String() + c.To.Namespace + c.To.Address.String()
			}
			before(&top.reach, func(_ context.Context, c topology.Connection) (topology.ReachAnswer, error, bool) {
				a, ok := seen[key(c)]
				return a, nil, ok
			})
			after(&top.reach, func(c topology.Connection, a *topology.ReachAnswer, _ *error) { seen[key(c)] = *a })
		}),
		misreads(addresses, onPeer(func(p *topology.PolicyPeer) { p.Except = nil })),
		misreads(addresses, onPeer(func(p *topology.PolicyPeer) { p.Except = p.Except[:1] })),
		m(addresses, func(top *puppet) {
			reach := top.reach
			top.reach = func(ctx context.Context, c topology.Connection) (topology.ReachAnswer, error) {
				if c.To.Namespace != "" {
					c.To.Address = at("192.0.2.1").Address
				}
				return reach(ctx, c)
			}
		}),
		misreads(consent, func(p *topology.NetworkPolicy) { p.Egress = nil }),
		misreads(consent, nothing), // without the labels that others have given
		misreads(consent, onPeer(func(p *topology.PolicyPeer) { p.Pods = nil })),
		sees(func(_ *topology.NetworkPolicy, labels map[string]string) {
			maps.DeleteFunc(labels, func(_, value string) bool { return value == topology.DomainHeld })
		}),
		sees(func(_ *topology.NetworkPolicy, labels map[string]string) {
			maps.DeleteFunc(labels, func(_, value string) bool { return value == topology.DomainAbove })
		}),
		sees(func(_ *topology.NetworkPolicy, labels map[string]string) {
			for key, value := range labels {
				if value == topology.DomainAbove {
					labels[key] = topology.DomainHeld
				}
			}
		}),
		sees(func(_ *topology.NetworkPolicy, labels map[string]string) {
			delete(labels, "pod-security.kubernetes.io/enforce")
		}),
		sees(func(_ *topology.NetworkPolicy, labels map[string]string) {
			delete(labels, "kubernetes.io/metadata.name")
		}),
		sees(func(p *topology.NetworkPolicy, _ map[string]string) { // as if any namespace could have any name
			onPeer(func(peer *topology.PolicyPeer) {
				if peer.Namespaces != nil {
					delete(peer.Namespaces.Labels, "kubernetes.io/metadata.name")
				}
			})(p)
		}),
		decides(foreign, func(policies []topology.NetworkPolicy) []topology.NetworkPolicy {
			return slices.DeleteFunc(policies, func(p topology.NetworkPolicy) bool { return p.Name != "polyphony" })
		}),
		m(foreign, func(top *puppet) {
			after(&top.networkPolicies, func(_ string, policies *[]topology.NetworkPolicy, _ *error) {
				*policies = slices.DeleteFunc(*policies, func(p topology.NetworkPolicy) bool { return p.Name != "polyphony" })
			})
		}),
		m("what stands where Polyphony's own would be is listed, whoever it belongs to", func(top *puppet) {
			after(&top.networkPolicies, func(_ string, policies *[]topology.NetworkPolicy, _ *error) {
				*policies = slices.DeleteFunc(*policies, func(p topology.NetworkPolicy) bool { return p.Name == "polyphony" })
			})
		}),
		misreads(labels, onExpressions(func([]topology.LabelRequirement) []topology.LabelRequirement { return nil })),
		misreads(labels, onExpressions(func(all []topology.LabelRequirement) []topology.LabelRequirement { return all[:1] })),
		misreads(labels, onExpressions(func(all []topology.LabelRequirement) []topology.LabelRequirement {
			if all[0].Operator == topology.NotIn { // as if what is not there were in
				all = append(all, topology.LabelRequirement{Key: all[0].Key, Operator: topology.Exists})
			}
			return all
		})),
		misreads(peers, onPeer(func(p *topology.PolicyPeer) { p.Namespaces = nil })),
		misreads(peers, onPeer(func(p *topology.PolicyPeer) { p.Namespaces = &topology.LabelSelector{} })),
		misreads(peers, onPeer(func(p *topology.PolicyPeer) { p.Pods = nil })),
		misreads(ports, onPort(func(p *topology.PolicyPort) { p.Name = "" })),
		misreads(ports, onPort(func(p *topology.PolicyPort) { p.EndPort = 0 })),
		misreads(ports, onPort(func(p *topology.PolicyPort) { p.Protocol = topology.TCP })),
		m(ports, func(top *puppet) {
			reach := top.reach
			top.reach = func(ctx context.Context, c topology.Connection) (topology.ReachAnswer, error) {
				c.To.PortNames = nil
				return reach(ctx, c)
			}
		}),
		misreads(selected, func(p *topology.NetworkPolicy) { p.Pods = topology.LabelSelector{} }),
		misreads(selected, func(p *topology.NetworkPolicy) { p.Pods.Expressions = nil }),
		misreads(direction, func(p *topology.NetworkPolicy) {
			if p.Ingress == nil {
				p.Ingress = &topology.PolicyRules{}
			}
		}),
		misreads(direction, func(p *topology.NetworkPolicy) {
			if p.Egress == nil {
				p.Egress = &topology.PolicyRules{}
			}
		}),
		decides(sum, func(policies []topology.NetworkPolicy) []topology.NetworkPolicy { return policies[:1] }),
		decides(sum, func(policies []topology.NetworkPolicy) []topology.NetworkPolicy {
			slices.Reverse(policies)
			return policies
		}),
		m("a connection that is none is ErrInvalid", func(top *puppet) {
			before(&top.reach, func(_ context.Context, c topology.Connection) (topology.ReachAnswer, error, bool) {
				return topology.ReachAnswer{}, nil, c.Check() != nil
			})
		}),
		misreads("a namespace that does not exist is ErrNotFound, at either end, and has no policies", nothing),
		m("a namespace that does not exist is ErrNotFound, at either end, and has no policies", func(top *puppet) {
			after(&top.networkPolicies, func(_ string, policies *[]topology.NetworkPolicy, err *error) {
				if len(*policies) == 0 {
					*err = topology.ErrNotFound
				}
			})
		}),
		m(sorted, func(top *puppet) {
			after(&top.networkPolicies, func(_ string, policies *[]topology.NetworkPolicy, _ *error) { slices.Reverse(*policies) })
		}),
		m(sorted, func(top *puppet) {
			after(&top.networkPolicies, func(_ string, policies *[]topology.NetworkPolicy, _ *error) {
				slices.SortFunc(*policies, func(a, b topology.NetworkPolicy) int {
					return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
				})
			})
		}),
		m(sorted, func(top *puppet) {
			after(&top.networkPolicies, func(namespace string, policies *[]topology.NetworkPolicy, _ *error) {
				*policies = slices.DeleteFunc(*policies, func(p topology.NetworkPolicy) bool { return p.Namespace != namespace })
			})
		}),
		m("a question changes nothing", func(top *puppet) {
			before(&top.reach, func(ctx context.Context, c topology.Connection) (topology.ReachAnswer, error, bool) {
				_, err := top.ensureNetworkRules(ctx, topology.NetworkRules{Namespace: c.From.Namespace})
				return topology.ReachAnswer{}, err, err != nil
			})
		}),
		m("values are not aliased", func(top *puppet) {
			list, kept := top.networkPolicies, map[string][]topology.NetworkPolicy{}
			top.networkPolicies = func(ctx context.Context, namespace string) (policies []topology.NetworkPolicy, err error) {
				if kept[namespace] == nil {
					kept[namespace], err = list(ctx, namespace)
				}
				return kept[namespace], err
			}
		}),
		m("a cancelled context gets no answer", func(top *puppet) { uncancelled(&top.reach) }),
		m("a cancelled context gets no answer", func(top *puppet) { uncancelled(&top.networkPolicies) }),
	}
}
