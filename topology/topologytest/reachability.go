package topologytest

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// ReachabilityTopology is what Reachability needs: namespaces with labels, and rules in them.
type ReachabilityTopology interface {
	topology.Namespaces
	topology.NetworkIsolation
	topology.Reachability
}

// Reachability checks the rules of topology.Reachability. The decisions of an answer are those of
// [netpolicy.State]. An adapter chooses the words of its reasons.
func Reachability[P ReachabilityTopology](t *testing.T, h Harness[P]) {
	RunCases(t, reachabilityCases(h))
}

func reachabilityCases[P ReachabilityTopology](h Harness[P]) []Case {
	r := reachability{h.Topology, h.Outsider, h.newNamespace}
	return slices.Concat(r.ownRuleCases(), r.labelCases(), r.policyCases(), r.selectorCases(), r.isolationCases(),
		r.listCases(), r.questionCases())
}

type reachability struct {
	top          ReachabilityTopology
	outsider     Outsider
	newNamespace func(T) string
}

// ensureRules stores rules of Polyphony's, and returns the name of the policy that they become. An
// adapter chooses that name.
func (r reachability) ensureRules(t T, rules topology.NetworkRules) string {
	t.Helper()
	_, err := r.top.EnsureNetworkRules(t.Context(), rules)
	require.NoError(t, err)
	return rules.Namespace + "/" + r.managed(t, rules.Namespace).Name
}

// managed returns the one policy of a namespace that Polyphony manages.
func (r reachability) managed(t T, namespace string) netpolicy.Policy {
	t.Helper()
	policies := slices.DeleteFunc(r.policies(t, namespace), func(p netpolicy.Policy) bool { return !p.Managed })
	require.Len(t, policies, 1, "policies that are managed")
	require.NotEmpty(t, policies[0].Name)
	return policies[0]
}

// add stores a foreign policy and returns its name.
func (r reachability) add(t T, namespace, name string, p netpolicy.Policy) string {
	t.Helper()
	p.Namespace, p.Name = namespace, name
	r.outsider.AddNetworkPolicy(t, p)
	return namespace + "/" + name
}

func (r reachability) policies(t T, namespace string) []netpolicy.Policy {
	t.Helper()
	policies, err := r.top.NetworkPolicies(t.Context(), namespace)
	require.NoError(t, err)
	return policies
}

func (r reachability) policyNames(t T, namespace string) []string {
	t.Helper()
	var names []string
	for _, p := range r.policies(t, namespace) {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	return names
}

// requireAllowed fails the case unless a connection is let through, by these decisions.
func (r reachability) requireAllowed(t T, c netpolicy.Connection, decisions ...netpolicy.Decision) {
	t.Helper()
	r.require(t, true, c, decisions...)
}

// requireRefused fails the case unless a connection is refused, by these decisions.
func (r reachability) requireRefused(t T, c netpolicy.Connection, decisions ...netpolicy.Decision) {
	t.Helper()
	r.require(t, false, c, decisions...)
}

func (r reachability) require(t T, allowed bool, c netpolicy.Connection, decisions ...netpolicy.Decision) {
	t.Helper()
	answer, err := r.top.Reach(t.Context(), c)
	require.NoError(t, err)
	require.NotEmpty(t, answer.Reason)
	answer.Reason = ""
	require.Equal(t, netpolicy.Answer{Allowed: allowed, Decisions: decisions}, answer, "%+v", c)
}

// The decisions of answers. A policy is named as "namespace/name".

func isOpen(direction netpolicy.Direction, namespace string) netpolicy.Decision {
	return netpolicy.Decision{Direction: direction, Namespace: namespace, Allowed: true}
}

func permits(direction netpolicy.Direction, rule int, policy string) netpolicy.Decision {
	d := refuses(direction, policy)
	d.Allowed, d.Rule = true, rule
	return d
}

func refuses(direction netpolicy.Direction, policies ...string) netpolicy.Decision {
	d := netpolicy.Decision{Direction: direction}
	for _, policy := range policies {
		namespace, name, _ := strings.Cut(policy, "/")
		d.Namespace, d.Policies = namespace, append(d.Policies, name)
	}
	return d
}

func podIn(namespace string, labels map[string]string) netpolicy.Endpoint {
	return netpolicy.Endpoint{Namespace: namespace, PodLabels: labels}
}

func at(address string) netpolicy.Endpoint {
	return netpolicy.Endpoint{Address: netip.MustParseAddr(address)}
}

// outside is an endpoint that is not a pod.
var outside = at("192.0.2.1")

// web returns a connection whose port does not matter.
func web(from, to netpolicy.Endpoint) netpolicy.Connection {
	return netpolicy.Connection{From: from, To: to, Protocol: netpolicy.TCP, Port: 80}
}

func (r reachability) questionCases() []Case {
	return []Case{
		{"A connection that is not valid is ErrInvalid", func(t T) {
			pod := podIn(r.newNamespace(t), nil)
			for _, c := range []netpolicy.Connection{
				{},
				{To: pod, Protocol: netpolicy.TCP, Port: 80},
				{From: pod, Protocol: netpolicy.TCP, Port: 80},
				{From: outside, To: outside, Protocol: netpolicy.TCP, Port: 80},
				{From: outside, To: pod, Port: 80},
				{From: outside, To: pod, Protocol: "ICMP", Port: 80},
				{From: outside, To: pod, Protocol: netpolicy.TCP},
				{From: outside, To: pod, Protocol: netpolicy.TCP, Port: -1},
				{From: outside, To: pod, Protocol: netpolicy.TCP, Port: 65536},
			} {
				_, err := r.top.Reach(t.Context(), c)
				RequireError(t, err, topology.ErrInvalid)
			}
		}},
		{"At either end, a namespace that does not exist is ErrNotFound", func(t T) {
			existing, missing := r.newNamespace(t), NewName()
			for _, c := range []netpolicy.Connection{
				web(podIn(missing, nil), podIn(existing, nil)), web(podIn(existing, nil), podIn(missing, nil)),
				web(outside, podIn(missing, nil)),
			} {
				_, err := r.top.Reach(t.Context(), c)
				RequireError(t, err, topology.ErrNotFound)
				require.ErrorContains(t, err, missing)
			}
		}},
		{"A question changes nothing", func(t T) {
			name := r.newNamespace(t)
			r.outsider.AddNetworkPolicy(t, foreignPolicy(name))
			before := r.policies(t, name)
			_, err := r.top.Reach(t.Context(), web(podIn(name, nil), outside))
			require.NoError(t, err)
			require.Equal(t, before, r.policies(t, name))
			_, err = r.top.NetworkRules(t.Context(), name)
			RequireError(t, err, topology.ErrNotFound)
		}},
		{"A cancelled context gets no answer", func(t T) {
			name := r.newNamespace(t)
			_, err := r.top.Reach(cancelled(t), web(podIn(name, nil), outside))
			require.ErrorIs(t, err, context.Canceled)
			_, err = r.top.NetworkPolicies(cancelled(t), name)
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
