package roster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/guardrail"
	"github.com/polyphony-go/polyphony/internal/podsecurity"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const nameLabel = "kubernetes.io/metadata.name"

// opening is something that becomes possible. One of the risks must be named for it.
type opening struct {
	what string
	any  []roster.Risk
}

// inForce is what a tenant has, as its ports read it.
type inForce struct {
	namespace topology.Namespace
	quota     topology.Quota
	limits    topology.LimitRange
	policies  []netpolicy.Policy
	grants    []rbac.Binding
}

func newTopology() *fake.Topology {
	platform := fake.DefaultPlatform()
	inNamespace := func(name string) []topology.NetworkPeer {
		return []topology.NetworkPeer{{NamespaceLabels: map[string]string{nameLabel: name}}}
	}
	platform.IPv6 = true
	platform.IngressControllers, platform.Monitoring = inNamespace("ingress"), inNamespace("monitoring")
	platform.APIServer = []topology.NetworkRule{{
		Peers: []topology.NetworkPeer{{CIDR: "192.0.2.1/32"}},
		Ports: []topology.NetworkPort{{Protocol: netpolicy.TCP, Port: 6443}},
	}}
	platform.StorageClasses = []topology.StorageClass{{Name: "fast"}, {Name: "standard"}}
	return fake.New(fake.Options{Platform: &platform})
}

// provisioned returns what a Score makes of a tenant, and the topology that has it.
func provisioned(t *testing.T, s tenant.TenantScore) (inForce, *fake.Topology) {
	t.Helper()
	top := newTopology()
	return provision(t, s, top), top
}

// provision runs a Score, and returns what the tenant then has.
func provision(t *testing.T, s tenant.TenantScore, top *fake.Topology) inForce {
	t.Helper()
	_, err := score.Run(t.Context(), roster.Score{Tenants: []tenant.TenantScore{s}}.On(top))
	require.NoError(t, err)
	return inForceOn(t, top)
}

// inForceOn returns what the tenant has. An object that is missing is a zero value.
func inForceOn(t *testing.T, top *fake.Topology) (have inForce) {
	t.Helper()
	var err error
	have.namespace, err = top.Namespace(t.Context(), "acme")
	require.NoError(t, err)
	if have.quota, err = top.Quota(t.Context(), "acme"); !errors.Is(err, topology.ErrNotFound) {
		require.NoError(t, err)
	}
	if have.limits, err = top.LimitRange(t.Context(), "acme"); !errors.Is(err, topology.ErrNotFound) {
		require.NoError(t, err)
	}
	have.policies, err = top.NetworkPolicies(t.Context(), "acme")
	require.NoError(t, err)
	have.grants, err = top.GrantsInForce(t.Context())
	require.NoError(t, err)
	return have
}

// openings returns what is possible now and was not. Each fence is asked by itself: it is an
// opening if one fence lets something through, though another may still refuse it.
func openings(t *testing.T, was, is inForce) (all []opening) {
	t.Helper()
	if was.namespace.Protected && !is.namespace.Protected {
		all = append(all, opening{"the tenant can be deleted", []roster.Risk{roster.RiskUnfences}})
	}
	add := func(risk roster.Risk, changed bool, possible func(inForce) []bool, describe func(int) string) {
		if !changed {
			return
		}
		before, after := possible(was), possible(is)
		for i := range after {
			if after[i] && !before[i] {
				all = append(all, opening{describe(i), []roster.Risk{risk}})
			}
		}
	}
	add(roster.RiskUnfences, was.namespace.PodSecurity != is.namespace.PodSecurity,
		func(f inForce) []bool { return f.admitsPods(t) }, func(i int) string { return pods[i] })
	add(roster.RiskWidens, !reflect.DeepEqual(was.namespace.Allowed, is.namespace.Allowed),
		func(f inForce) []bool { return f.admitsWrites(t) }, func(i int) string { return string(writes[i].Object) })
	add(roster.RiskWidens, !reflect.DeepEqual(was.grants, is.grants),
		inForce.grantsRights, func(i int) string { return fmt.Sprintf("%+v", questions[i]) })
	connects := !reflect.DeepEqual(was.policies, is.policies) ||
		!reflect.DeepEqual(was.namespace.Labels, is.namespace.Labels)
	add(roster.RiskOpens, connects,
		inForce.connects, func(i int) string { return fmt.Sprintf("%+v", connections[i]) })
	all = append(all, raised("quota", was.quota.Hard, is.quota.Hard)...)
	return append(all, limitOpenings(was.limits, is.limits)...)
}

// raised returns the amounts whose upper bound is higher now, or gone.
func raised(what string, was, is map[string]resource.Quantity) (all []opening) {
	for name, bound := range was {
		now, bounded := is[name]
		switch {
		case !bounded:
			all = append(all, opening{what + ": any " + name, []roster.Risk{roster.RiskUnfences}})
		case now.Cmp(bound) > 0:
			all = append(all, opening{what + ": more " + name, []roster.Risk{roster.RiskRaises}})
		}
	}
	return all
}

func (f inForce) admitsPods(t *testing.T) (possible []bool) {
	for _, pod := range pods {
		reasons, err := podsecurity.Check(f.namespace.PodSecurity, json.RawMessage(pod))
		require.NoError(t, err)
		possible = append(possible, len(reasons) == 0)
	}
	return possible
}

func (f inForce) admitsWrites(t *testing.T) (possible []bool) {
	for _, w := range writes {
		w.Rules, w.Allowed = topology.AllGuardrails(), f.namespace.Allowed
		findings, err := guardrail.Check(w)
		require.NoError(t, err)
		possible = append(possible, len(findings) == 0)
	}
	return possible
}

func (f inForce) grantsRights() (possible []bool) {
	state := rbac.NewState(f.grants)
	for _, q := range questions {
		possible = append(possible, state.Answer(q).Allowed)
	}
	return possible
}

// connects asks for the connections that the tenant's own policy decides, and then for those that
// policies of others decide by the labels of the tenant.
func (f inForce) connects() (possible []bool) {
	state := netpolicy.State{Policies: f.policies, NamespaceLabels: map[string]map[string]string{
		"acme": {nameLabel: "acme"}, "blue": {nameLabel: "blue", "team": "blue"},
	}}
	for key, value := range f.namespace.Labels {
		state.NamespaceLabels["acme"][key] = value
	}
	for _, name := range []string{"globex", "ingress", "monitoring", "kube-system"} {
		state.NamespaceLabels[name] = map[string]string{nameLabel: name}
	}
	elsewhere := netpolicy.State{Policies: listeners, NamespaceLabels: state.NamespaceLabels}
	for _, c := range connections {
		if _, isListener := listeningFor[c.To.Namespace]; isListener {
			possible = append(possible, elsewhere.Reach(c).Allowed)
		} else {
			possible = append(possible, state.Reach(c).Allowed)
		}
	}
	return possible
}

// listeningFor are namespaces of others. The policy of each admits the namespaces that one
// requirement of a label selects. For any change of labels there is one that the namespace meets
// now and did not: labels that come meet Exists or In, and labels that go meet DoesNotExist or
// NotIn.
var listeningFor = func() map[string]netpolicy.Requirement {
	all := map[string]netpolicy.Requirement{}
	add := func(key string, operator netpolicy.Operator, values ...string) {
		name := fmt.Sprintf("listener-%d", len(all))
		all[name] = netpolicy.Requirement{Key: key, Operator: operator, Values: values}
	}
	for _, key := range []string{"team", "tier"} {
		add(key, netpolicy.Exists)
		add(key, netpolicy.DoesNotExist)
		for _, value := range []string{"red", "green", "gold", ""} {
			add(key, netpolicy.In, value)
			add(key, netpolicy.NotIn, value)
		}
	}
	return all
}()

var listeners = func() (all []netpolicy.Policy) {
	for name, requirement := range listeningFor {
		selector := netpolicy.Selector{Expressions: []netpolicy.Requirement{requirement}}
		all = append(all, netpolicy.Policy{
			Namespace: name, Name: "listener",
			Ingress: &netpolicy.Rules{{Peers: []netpolicy.Peer{{Namespaces: &selector}}}},
		})
	}
	return all
}()

var connections = func() (all []netpolicy.Connection) {
	web := map[string]string{"app": "web"}
	own := netpolicy.Endpoint{Namespace: "acme"}
	others := []netpolicy.Endpoint{
		own, {Namespace: "globex"}, {Namespace: "globex", PodLabels: web}, {Namespace: "blue"},
		{Namespace: "blue", PodLabels: web}, {Namespace: "ingress"}, {Namespace: "monitoring"},
		{Namespace: "kube-system"}, {Namespace: "kube-system", PodLabels: map[string]string{"k8s-app": "kube-dns"}},
	}
	for _, address := range []string{
		"198.51.100.7", "198.51.100.8", "198.51.100.200", "8.8.8.8", "8.8.4.4", "1.1.1.1", "10.0.0.1", "10.1.0.1",
		"192.0.2.1", "2620:fe::9", "2620:fe:1::9", "2a00::1",
	} {
		others = append(others, netpolicy.Endpoint{Address: netip.MustParseAddr(address)})
	}
	for _, other := range others {
		for _, port := range []int32{1, 80, 443, 444, 445, 446, 6443} {
			for _, protocol := range []netpolicy.Protocol{netpolicy.TCP, netpolicy.UDP} {
				all = append(all, netpolicy.Connection{From: own, To: other, Protocol: protocol, Port: port},
					netpolicy.Connection{From: other, To: own, Protocol: protocol, Port: port})
			}
		}
	}
	for name := range listeningFor {
		to := netpolicy.Endpoint{Namespace: name}
		all = append(all, netpolicy.Connection{From: own, To: to, Protocol: netpolicy.TCP, Port: 80})
	}
	return all
}()

// questions are all rights that a role has, in the tenant, and some of them elsewhere.
var questions = func() (all []rbac.Question) {
	principals := []rbac.Question{
		{Groups: []string{"devs"}}, {Groups: []string{"ops"}}, {User: "jane"}, {User: "devs"},
		{User: "system:serviceaccount:globex:bot"}, {User: "system:serviceaccount:acme:bot"},
	}
	rights := []rbac.Rule{
		{APIGroups: []string{"", "batch"}, Resources: []string{"pods", "secrets", "jobs"}, Verbs: []string{"get"}},
	}
	for _, role := range tenant.Roles() {
		rights = append(rights, role.Rules()...)
	}
	seen := map[string]bool{}
	for i, rule := range rights {
		for _, what := range product(rule.Verbs, rule.APIGroups, rule.Resources) {
			for _, q := range principals {
				q.Verb, q.APIGroup, q.Namespace = what[0], what[1], "acme"
				if i == 0 {
					q.Namespace = "globex"
				}
				q.Resource, q.Subresource = cutSubresource(what[2])
				if key := fmt.Sprint(q); !seen[key] {
					seen[key], all = true, append(all, q)
				}
			}
		}
	}
	return all
}()
