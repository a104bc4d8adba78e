package k8s_test

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// twin has the capabilities that the test compares.
type twin interface {
	topology.Namespaces
	topology.NetworkIsolation
	topology.AccessControl
	topology.ReadVisibility
	topology.Authorizer
	topology.GrantsInForce
	topology.Reachability
	topology.Inspector
}

// stranger makes changes that Polyphony would not make.
type stranger interface {
	CreateNamespace(t topologytest.T, name, owner string)
	LabelNamespace(t topologytest.T, name, key, value string)
	Grant(t topologytest.T, namespace string, g topology.Grant)
	AddNetworkPolicy(t topologytest.T, p netpolicy.Policy)
}

// pair is a fake and a cluster that get the same random changes. Names are few, so that they often
// match. No other test uses them.
type pair struct {
	grammar
	prefix           string
	tenants, foreign []string // namespaces
	fake, real       twin
	strangers        []stranger
	admin            *kubernetes.Clientset
	made             int // the number of names given out
}

const (
	pairTenants = 4
	pairRounds  = 3 // of changes
)

func newPair(t *testing.T, seed uint64) *pair {
	t.Helper()
	model, client := fake.New(fake.Options{}), admin(t)
	p := &pair{
		grammar: grammar{rand.New(rand.NewPCG(20251122, seed))}, prefix: "twins-" + strings.ToLower(cryptorand.Text()[:6]), admin: client,
		fake: model, real: cluster(t), strangers: []stranger{fakeStranger{model.Outsider()}, outsider{client}},
	}
	for i := range pairTenants {
		p.tenants = append(p.tenants, fmt.Sprint(p.prefix, "-", i))
	}
	p.foreign = []string{p.tenants[0] + "-a", p.prefix + "-other"} // the first begins with the name of a tenant
	return p
}

func (p *pair) namespaces() []string {
	return append(p.tenants[:len(p.tenants):len(p.tenants)], p.foreign...)
}

// ensure applies the same Ensure to both.
func (p *pair) ensure(t *testing.T, do func(top twin) (topology.Change, error)) {
	t.Helper()
	modelled, err := do(p.fake)
	require.NoError(t, err)
	change, err := do(p.real)
	require.NoError(t, err)
	require.Equal(t, change.Action, modelled.Action, "%+v\n%+v", change, modelled)
}

// interfere makes the same foreign change to both.
func (p *pair) interfere(do func(o stranger)) {
	for _, o := range p.strangers {
		do(o)
	}
}

// furnish creates namespaces of tenants and of others, and changes their contents several times.
func (p *pair) furnish(t *testing.T) {
	t.Helper()
	for _, name := range p.foreign {
		p.interfere(func(o stranger) { o.CreateNamespace(t, name, "someone") })
		p.label(t, name, "app.kubernetes.io/managed-by", "someone") // a cluster derives the owner from it
	}
	for _, name := range p.tenants { // before their service accounts have rights
		p.ensureNamespace(t, name)
		removeLater(t, p.admin, name)
	}
	for round := range pairRounds {
		for _, name := range p.tenants {
			p.ensureTenant(t, name, round)
		}
		for _, name := range p.namespaces() {
			p.disturb(t, name, round)
		}
	}
}

func (p *pair) ensureTenant(t *testing.T, name string, round int) {
	t.Helper()
	p.ensureNamespace(t, name)
	access := topology.Access{Namespace: name, Grants: p.grants("viewer", "admin", "editor")}
	p.ensure(t, func(top twin) (topology.Change, error) { return top.EnsureAccess(t.Context(), access) })
	p.ensureReaders(t, name, some(p.grammar, p.prefix+"-devs", p.prefix+"-ops", p.prefix+"-readers"))
	rules := topology.NetworkRules{Namespace: name, Ingress: p.networkRules(), Egress: p.networkRules()}
	p.ensure(t, func(top twin) (topology.Change, error) {
		if name == p.tenants[round] || name == p.tenants[round+1] { // these have none in the last round
			return top.DeleteNetworkRules(t.Context(), name)
		}
		return top.EnsureNetworkRules(t.Context(), rules)
	})
}

func (p *pair) ensureNamespace(t *testing.T, name string) {
	t.Helper()
	namespace := p.namespace(name)
	p.ensure(t, func(top twin) (topology.Change, error) { return top.EnsureNamespace(t.Context(), namespace) })
}

func (p *pair) ensureReaders(t *testing.T, tenant string, groups []string) {
	t.Helper()
	readers := topology.ClusterReaders{Tenant: tenant, Groups: groups}
	p.ensure(t, func(top twin) (topology.Change, error) { return top.EnsureClusterReaders(t.Context(), readers) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		_, _ = p.real.DeleteClusterReaders(ctx, tenant) // deletes more than once
	})
}

// disturb makes random foreign changes in a namespace.
func (p *pair) disturb(t *testing.T, name string, round int) {
	t.Helper()
	for range 2 {
		grant := p.grant(p.newName())
		p.interfere(func(o stranger) { o.Grant(t, name, grant) })
	}
	policy := p.policy(name, p.newName())
	p.interfere(func(o stranger) { o.AddNetworkPolicy(t, policy) })
	p.label(t, name, "example.com/zone", one(p.grammar, "a", "b"))
	if slices.Contains(p.foreign, name) { // as if it were the namespace of a tenant
		p.label(t, name, []string{topology.LabelTenant, "kubernetes.io/metadata.name", "team"}[round], one(p.grammar, p.tenants...))
	}
}

func (p *pair) label(t *testing.T, name, key, value string) {
	t.Helper()
	p.interfere(func(o stranger) { o.LabelNamespace(t, name, key, value) })
}

// newName returns an unused name, whose order among others is random.
func (p *pair) newName() string {
	p.made++
	return fmt.Sprintf("%s-%d", one(p.grammar, "a", "leak", "q", "z"), p.made)
}

// awaitGrants creates one more object of each kind and waits until the API server applies it, and
// so all earlier ones.
func (p *pair) awaitGrants(t *testing.T) {
	t.Helper()
	name := p.prefix + "-last"
	last := topology.Grant{
		Role: name, Rules: []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
		Subjects: []rbac.Subject{{Kind: rbac.User, Name: name}},
	}
	p.interfere(func(o stranger) { o.Grant(t, p.tenants[0], last) })
	p.ensureReaders(t, name, []string{name})
	for _, q := range []rbac.Question{{User: name, Namespace: p.tenants[0]}, {Groups: []string{name}}} {
		q.Verb, q.Resource = "get", "pods"
		require.Eventually(t, func() bool {
			answer, err := p.real.Authorize(t.Context(), q)
			return err == nil && answer.Allowed
		}, eventuallyWait, eventuallyTick)
	}
}

// networkState returns the policies and labels in the namespaces of the pair.
func (p *pair) networkState(t *testing.T, top twin) netpolicy.State {
	t.Helper()
	state := netpolicy.State{NamespaceLabels: map[string]map[string]string{}}
	policies, err := top.NetworkPolicies(t.Context(), "")
	require.NoError(t, err)
	for _, policy := range policies {
		if strings.HasPrefix(policy.Namespace, p.prefix) {
			state.Policies = append(state.Policies, policy)
		}
	}
	in, err := top.Inspect(t.Context())
	require.NoError(t, err)
	for _, ns := range in.Namespaces {
		if strings.HasPrefix(ns.Namespace.Name, p.prefix) {
			state.NamespaceLabels[ns.Namespace.Name] = ns.Labels
		}
	}
	return state
}

// fakeStranger adapts the Outsider of the fake.
type fakeStranger struct{ fake.Outsider }

func (o fakeStranger) CreateNamespace(_ topologytest.T, name, owner string) {
	o.Outsider.CreateNamespace(name, owner)
}

func (o fakeStranger) LabelNamespace(_ topologytest.T, name, key, value string) {
	o.Outsider.LabelNamespace(name, key, value)
}

func (o fakeStranger) Grant(_ topologytest.T, namespace string, g topology.Grant) {
	o.Outsider.Grant(namespace, g)
}

func (o fakeStranger) AddNetworkPolicy(_ topologytest.T, p netpolicy.Policy) {
	o.Outsider.AddNetworkPolicy(p)
}
