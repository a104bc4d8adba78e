package topologytest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

func reachabilityMutants() []mutant {
	m := func(rule string, breaks func(top *puppet.Puppet)) mutant {
		return mutant{"Reachability", rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) { breaks(top) }}
	}
	// decides is an adapter that decides by other policies than there are, and knows no labels of
	// namespaces but their names.
	decides := func(rule string, by func([]netpolicy.Policy) []netpolicy.Policy) mutant {
		return m(rule, func(top *puppet.Puppet) {
			list := top.OnNetworkPolicies
			top.OnReach = func(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error) {
				policies, err := list(ctx, "")
				state := netpolicy.State{Policies: by(policies), NamespaceLabels: map[string]map[string]string{}}
				for _, name := range []string{c.From.Namespace, c.To.Namespace} {
					state.NamespaceLabels[name] = map[string]string{"kubernetes.io/metadata.name": name, topology.LabelTenant: name}
				}
				return state.Reach(c), err
			}
		})
	}
	// lists is an adapter that lists other policies than there are.
	lists := func(rule string, as func([]netpolicy.Policy) []netpolicy.Policy) mutant {
		return m(rule, func(top *puppet.Puppet) {
			puppet.After(&top.OnNetworkPolicies, func(_ string, policies *[]netpolicy.Policy, _ *error) {
				*policies = as(*policies)
			})
		})
	}
	// manages takes the policies for managed that a condition selects.
	manages := func(selects func(netpolicy.Policy) bool) func([]netpolicy.Policy) []netpolicy.Policy {
		return func(policies []netpolicy.Policy) []netpolicy.Policy {
			for i, p := range policies {
				policies[i].Managed = selects(p)
			}
			return policies
		}
	}
	misreads := func(rule string, misread func(*netpolicy.Policy)) mutant {
		return decides(rule, func(policies []netpolicy.Policy) []netpolicy.Policy {
			for i := range policies {
				misread(&policies[i])
			}
			return policies
		})
	}
	onRule := func(misread func(*netpolicy.Rule)) func(*netpolicy.Policy) {
		return func(p *netpolicy.Policy) {
			for _, rules := range []*netpolicy.Rules{p.Ingress, p.Egress} {
				for i := 0; rules != nil && i < len(*rules); i++ {
					misread(&(*rules)[i])
				}
			}
		}
	}
	onPeer := func(misread func(*netpolicy.Peer)) func(*netpolicy.Policy) {
		return onRule(func(r *netpolicy.Rule) {
			for i := range r.Peers {
				misread(&r.Peers[i])
			}
		})
	}
	onPort := func(misread func(*netpolicy.Port)) func(*netpolicy.Policy) {
		return onRule(func(r *netpolicy.Rule) {
			for i := range r.Ports {
				misread(&r.Ports[i])
			}
		})
	}
	onExpressions := func(misread func([]netpolicy.Requirement) []netpolicy.Requirement) func(*netpolicy.Policy) {
		return onPeer(func(p *netpolicy.Peer) {
			if p.Pods != nil {
				p.Pods.Expressions = misread(p.Pods.Expressions)
			}
		})
	}
	nothing := func(*netpolicy.Policy) {}

	const (
		none      = "A namespace without policies is open in both directions, and the answer says so"
		own       = "Rules for the own namespace let its pods reach each other and nothing else, until they are deleted"
		addresses = "A range of addresses leaves out its exceptions, and matches pods only by their address"
		marks     = "Labels of a namespace include its name, domains and pod security, and no other can claim its name"
		consent   = "A connection between namespaces needs a rule at both ends"
		foreign   = "A foreign policy that opens a namespace is applied, listed and named"
		place     = "A foreign policy in the place of Polyphony's own is listed, and is not managed"
		copies    = "A copy of Polyphony's own policy in another place is applied, and is not managed"
		labels    = "Labels are compared with In, NotIn, Exists and DoesNotExist, and all of them must hold"
		peers     = "A peer matches pods by their labels, in namespaces by theirs"
		ports     = "A port matches a number, a range, a named port of the pod, or every port of a protocol"
		selected  = "A policy isolates the pods that it selects and leaves others open"
		direction = "A policy for one direction leaves the other open"
		sum       = "Policies add up, and a refusal names them all by name"
		sorted    = "Policies are listed by namespace and name, and without a namespace those of all namespaces"
	)
	// sees is an adapter that decides by what it sees otherwise than it is.
	sees := func(mistake func(*netpolicy.Policy, map[string]string)) mutant {
		return m(marks, func(top *puppet.Puppet) {
			top.OnReach = func(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error) {
				in, err := top.OnInspect(ctx, top.OnName())
				state := netpolicy.State{Policies: in.Policies, NamespaceLabels: map[string]map[string]string{}}
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
		m(none, func(top *puppet.Puppet) {
			puppet.After(&top.OnReach, func(_ netpolicy.Connection, a *netpolicy.Answer, _ *error) { a.Reason = "" })
		}),
		m(none, func(top *puppet.Puppet) {
			puppet.After(&top.OnReach, func(_ netpolicy.Connection, a *netpolicy.Answer, _ *error) {
				a.Allowed = !strings.Contains(a.Reason, "open") // as if nobody were allowed what nobody allows
			})
		}),
		m(none, func(top *puppet.Puppet) {
			puppet.After(&top.OnReach, func(_ netpolicy.Connection, a *netpolicy.Answer, _ *error) { a.Decisions = nil })
		}),
		misreads(own, func(p *netpolicy.Policy) { p.Ingress = &netpolicy.Rules{{}} }),
		m(own, func(top *puppet.Puppet) { // which it has seen once
			seen := map[string]netpolicy.Answer{}
			key := func(c netpolicy.Connection) string {
				return c.From.Namespace + c.From.Address.String() + c.To.Namespace + c.To.Address.String()
			}
			puppet.Before(&top.OnReach, func(_ context.Context, c netpolicy.Connection) (netpolicy.Answer, error, bool) {
				a, ok := seen[key(c)]
				return a, nil, ok
			})
			puppet.After(&top.OnReach, func(c netpolicy.Connection, a *netpolicy.Answer, _ *error) { seen[key(c)] = *a })
		}),
		misreads(addresses, onPeer(func(p *netpolicy.Peer) { p.Except = nil })),
		misreads(addresses, onPeer(func(p *netpolicy.Peer) { p.Except = p.Except[:1] })),
		m(addresses, func(top *puppet.Puppet) {
			reach := top.OnReach
			top.OnReach = func(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error) {
				if c.To.Namespace != "" {
					c.To.Address = at("192.0.2.1").Address
				}
				return reach(ctx, c)
			}
		}),
		misreads(consent, func(p *netpolicy.Policy) { p.Egress = nil }),
		misreads(consent, nothing), // without the labels that others have given
		misreads(consent, onPeer(func(p *netpolicy.Peer) { p.Pods = nil })),
		sees(func(_ *netpolicy.Policy, labels map[string]string) {
			maps.DeleteFunc(labels, func(_, value string) bool { return value == adapter.DomainHeld })
		}),
		sees(func(_ *netpolicy.Policy, labels map[string]string) {
			maps.DeleteFunc(labels, func(_, value string) bool { return value == adapter.DomainAbove })
		}),
		sees(func(_ *netpolicy.Policy, labels map[string]string) {
			for key, value := range labels {
				if value == adapter.DomainAbove {
					labels[key] = adapter.DomainHeld
				}
			}
		}),
		sees(func(_ *netpolicy.Policy, labels map[string]string) {
			delete(labels, "pod-security.kubernetes.io/enforce")
		}),
		sees(func(_ *netpolicy.Policy, labels map[string]string) {
			delete(labels, "kubernetes.io/metadata.name")
		}),
		sees(func(p *netpolicy.Policy, _ map[string]string) { // as if any namespace could have any name
			onPeer(func(peer *netpolicy.Peer) {
				if peer.Namespaces != nil {
					delete(peer.Namespaces.Labels, "kubernetes.io/metadata.name")
				}
			})(p)
		}),
		decides(foreign, func(policies []netpolicy.Policy) []netpolicy.Policy {
			return slices.DeleteFunc(policies, func(p netpolicy.Policy) bool { return !p.Managed })
		}),
		lists(foreign, func(policies []netpolicy.Policy) []netpolicy.Policy {
			return slices.DeleteFunc(policies, func(p netpolicy.Policy) bool { return !p.Managed })
		}),
		lists(foreign, manages(func(netpolicy.Policy) bool { return true })),
		lists(foreign, manages(func(netpolicy.Policy) bool { return false })),
		lists(place, func(policies []netpolicy.Policy) []netpolicy.Policy {
			return slices.DeleteFunc(policies, func(p netpolicy.Policy) bool { return p.Name == "polyphony" })
		}),
		lists(place, manages(func(p netpolicy.Policy) bool { return p.Name == "polyphony" })),
		lists(copies, manages(func(netpolicy.Policy) bool { return true })),
		lists(copies, manages(func(p netpolicy.Policy) bool { return p.Managed || p.Name == "copy" })),
		lists(copies, func(policies []netpolicy.Policy) []netpolicy.Policy {
			if slices.ContainsFunc(policies, func(p netpolicy.Policy) bool { return p.Managed }) {
				return policies
			}
			return nil // as if the copy had been deleted with Polyphony's own
		}),
		decides(copies, func(policies []netpolicy.Policy) []netpolicy.Policy {
			return slices.DeleteFunc(policies, func(p netpolicy.Policy) bool { return !p.Managed })
		}),
		misreads(labels, onExpressions(func([]netpolicy.Requirement) []netpolicy.Requirement { return nil })),
		misreads(labels, onExpressions(func(all []netpolicy.Requirement) []netpolicy.Requirement { return all[:1] })),
		misreads(labels, onExpressions(func(all []netpolicy.Requirement) []netpolicy.Requirement {
			if all[0].Operator == netpolicy.NotIn { // as if what is not there were in
				all = append(all, netpolicy.Requirement{Key: all[0].Key, Operator: netpolicy.Exists})
			}
			return all
		})),
		misreads(peers, onPeer(func(p *netpolicy.Peer) { p.Namespaces = nil })),
		misreads(peers, onPeer(func(p *netpolicy.Peer) { p.Namespaces = &netpolicy.Selector{} })),
		misreads(peers, onPeer(func(p *netpolicy.Peer) { p.Pods = nil })),
		misreads(ports, onPort(func(p *netpolicy.Port) { p.Name = "" })),
		misreads(ports, onPort(func(p *netpolicy.Port) { p.EndPort = 0 })),
		misreads(ports, onPort(func(p *netpolicy.Port) { p.Protocol = netpolicy.TCP })),
		m(ports, func(top *puppet.Puppet) {
			reach := top.OnReach
			top.OnReach = func(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error) {
				c.To.PortNames = nil
				return reach(ctx, c)
			}
		}),
		misreads(selected, func(p *netpolicy.Policy) { p.Pods = netpolicy.Selector{} }),
		misreads(selected, func(p *netpolicy.Policy) { p.Pods.Expressions = nil }),
		misreads(direction, func(p *netpolicy.Policy) {
			if p.Ingress == nil {
				p.Ingress = &netpolicy.Rules{}
			}
		}),
		misreads(direction, func(p *netpolicy.Policy) {
			if p.Egress == nil {
				p.Egress = &netpolicy.Rules{}
			}
		}),
		decides(sum, func(policies []netpolicy.Policy) []netpolicy.Policy { return policies[:1] }),
		decides(sum, func(policies []netpolicy.Policy) []netpolicy.Policy {
			slices.Reverse(policies)
			return policies
		}),
		m("A connection that is not valid is ErrInvalid", func(top *puppet.Puppet) {
			puppet.Before(&top.OnReach, func(_ context.Context, c netpolicy.Connection) (netpolicy.Answer, error, bool) {
				return netpolicy.Answer{}, nil, c.Validate() != nil
			})
		}),
		misreads("At either end, a namespace that does not exist is ErrNotFound", nothing),
		m("A namespace that does not exist has no policies", func(top *puppet.Puppet) {
			puppet.After(&top.OnNetworkPolicies, func(_ string, policies *[]netpolicy.Policy, err *error) {
				if len(*policies) == 0 {
					*err = topology.ErrNotFound
				}
			})
		}),
		m(sorted, func(top *puppet.Puppet) {
			puppet.After(&top.OnNetworkPolicies, func(_ string, policies *[]netpolicy.Policy, _ *error) { slices.Reverse(*policies) })
		}),
		m(sorted, func(top *puppet.Puppet) {
			puppet.After(&top.OnNetworkPolicies, func(_ string, policies *[]netpolicy.Policy, _ *error) {
				slices.SortFunc(*policies, func(a, b netpolicy.Policy) int {
					return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
				})
			})
		}),
		m(sorted, func(top *puppet.Puppet) {
			puppet.After(&top.OnNetworkPolicies, func(namespace string, policies *[]netpolicy.Policy, _ *error) {
				*policies = slices.DeleteFunc(*policies, func(p netpolicy.Policy) bool { return p.Namespace != namespace })
			})
		}),
		m("A question changes nothing", func(top *puppet.Puppet) {
			puppet.Before(&top.OnReach, func(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error, bool) {
				_, err := top.OnEnsureNetworkRules(ctx, topology.NetworkRules{Namespace: c.From.Namespace})
				return netpolicy.Answer{}, err, err != nil
			})
		}),
		m("Values are not aliased", func(top *puppet.Puppet) {
			list, kept := top.OnNetworkPolicies, map[string][]netpolicy.Policy{}
			top.OnNetworkPolicies = func(ctx context.Context, namespace string) (policies []netpolicy.Policy, err error) {
				if kept[namespace] == nil {
					kept[namespace], err = list(ctx, namespace)
				}
				return kept[namespace], err
			}
		}),
		m("A cancelled context gets no answer", func(top *puppet.Puppet) { puppet.Uncancelled(&top.OnReach) }),
		m("A cancelled context gets no answer", func(top *puppet.Puppet) { puppet.Uncancelled(&top.OnNetworkPolicies) }),
	}
}
