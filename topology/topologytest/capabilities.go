package topologytest

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// QuotaTopology is what Quotas tests.
type QuotaTopology interface {
	Base
	topology.Quotas
}

// Quotas checks the rules of topology.Quotas.
func Quotas[P QuotaTopology](t *testing.T, h Harness[P]) {
	runChecks(t, quotaChecks(h.Topology, h.Outsider, quotaPort(h)))
}

func quotaPort[P QuotaTopology](h Harness[P]) port[topology.Quota] {
	quota := func(name, cpu string) topology.Quota {
		return topology.Quota{Namespace: name, Hard: map[string]resource.Quantity{
			"requests.cpu": resource.MustParse(cpu), "pods": resource.MustParse("5"), "count/jobs.batch": resource.MustParse("0"),
			"gold.storageclass.storage.k8s.io/requests.storage": resource.MustParse("10Gi"),
		}}
	}
	return port[topology.Quota]{
		kind: "Quota", read: h.Topology.Quota, ensure: h.Topology.EnsureQuota, remove: h.Topology.DeleteQuota,
		dryEnsure: h.DryRun.EnsureQuota, dryRemove: h.DryRun.DeleteQuota,
		value:   func(name string) topology.Quota { return quota(name, "1500m") },
		other:   func(name string) topology.Quota { return quota(name, "2") },
		differs: topology.FieldChange{Path: "hard[requests.cpu]", From: "1500m", To: "2"},
		scratch: func(q topology.Quota) { clear(q.Hard) },
		place:   func(t T) string { return newNamespace(t, h.Topology) },
	}
}

func quotaChecks[P QuotaTopology](top P, outsider Outsider, p port[topology.Quota]) []check {
	return slices.Concat(contents(top, outsider, p), []check{
		{"a quota that was ensured comes into force", func(t T) {
			name := p.place(t)
			p.store(t, name)
			require.NoError(t, top.AwaitQuota(t.Context(), name))
		}},
		{"awaiting a quota that is not there is ErrNotFound", func(t T) {
			requireError(t, top.AwaitQuota(t.Context(), p.place(t)), topology.ErrNotFound)
		}},
		{"an amount that is written otherwise is unchanged", func(t T) {
			name := p.place(t)
			p.store(t, name)
			same := p.value(name)
			same.Hard["requests.cpu"] = resource.MustParse("1.5")
			change, err := p.ensure(t.Context(), same)
			require.NoError(t, err)
			require.Equal(t, topology.Unchanged, change.Action)
		}},
	})
}

// LimitTopology is what LimitRanges tests.
type LimitTopology interface {
	Base
	topology.LimitRanges
}

// LimitRanges checks the rules of topology.LimitRanges.
func LimitRanges[P LimitTopology](t *testing.T, h Harness[P]) {
	amounts := func(cpu, memory string) map[string]resource.Quantity {
		return map[string]resource.Quantity{"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory)}
	}
	limits := func(name, maximum string) topology.LimitRange {
		return topology.LimitRange{Namespace: name, Limits: []topology.Limit{
			{
				Type: topology.LimitContainer, Min: amounts("10m", "16Mi"), Max: amounts(maximum, "1Gi"),
				Default: amounts("500m", "256Mi"), DefaultRequest: amounts("100m", "128Mi"),
			},
			{Type: topology.LimitPVC, Max: map[string]resource.Quantity{"storage": resource.MustParse("5Gi")}},
		}}
	}
	runChecks(t, contents(h.Topology, h.Outsider, port[topology.LimitRange]{
		kind: "LimitRange", read: h.Topology.LimitRange, ensure: h.Topology.EnsureLimitRange, remove: h.Topology.DeleteLimitRange,
		dryEnsure: h.DryRun.EnsureLimitRange, dryRemove: h.DryRun.DeleteLimitRange,
		value:   func(name string) topology.LimitRange { return limits(name, "2") },
		other:   func(name string) topology.LimitRange { return limits(name, "4") },
		differs: topology.FieldChange{Path: "limits[Container].max[cpu]", From: "2", To: "4"},
		scratch: func(l topology.LimitRange) { clear(l.Limits[0].Max); l.Limits[1] = topology.Limit{} },
		place:   func(t T) string { return newNamespace(t, h.Topology) },
	}))
}

// NetworkTopology is what NetworkIsolation tests.
type NetworkTopology interface {
	Base
	topology.NetworkIsolation
}

// NetworkIsolation checks the rules of topology.NetworkIsolation.
func NetworkIsolation[P NetworkTopology](t *testing.T, h Harness[P]) {
	p := networkPort(h)
	runChecks(t, slices.Concat(contents(h.Topology, h.Outsider, p), []check{
		{"no rules at all can be stored, and stay none", func(t T) {
			name := p.place(t)
			closed := topology.NetworkRules{Namespace: name}
			_, err := p.ensure(t.Context(), closed)
			require.NoError(t, err)
			p.requireStored(t, name, closed)
		}},
		{"a rule that lets everybody in is seen and taken away", func(t T) {
			name := p.place(t)
			open := p.value(name)
			open.Ingress = append(open.Ingress, topology.NetworkRule{})
			_, err := p.ensure(t.Context(), open)
			require.NoError(t, err)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			require.Equal(t, []topology.FieldChange{{Path: "ingress[1]", From: "{}"}}, change.Fields)
			p.requireStored(t, name, p.value(name))
		}},
		{"a peer in every namespace is not one in the own namespace", func(t T) {
			name := p.place(t)
			everywhere := topology.NetworkRules{Namespace: name, Ingress: []topology.NetworkRule{{Peers: []topology.NetworkPeer{{EveryNamespace: true}}}}}
			_, err := p.ensure(t.Context(), everywhere)
			require.NoError(t, err)
			p.requireStored(t, name, everywhere)
		}},
	}))
}

func networkPort[P NetworkTopology](h Harness[P]) port[topology.NetworkRules] {
	rules := func(name string, port int32) topology.NetworkRules {
		return topology.NetworkRules{
			Namespace: name,
			Ingress:   []topology.NetworkRule{{Peers: []topology.NetworkPeer{{}}}},
			Egress: []topology.NetworkRule{
				{
					Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{"a": "b"}, PodLabels: map[string]string{"c": "d"}}},
					Ports: []topology.NetworkPort{{Protocol: topology.UDP, Port: port}, {Protocol: topology.SCTP, Port: 1000, EndPort: 2000}, {Protocol: topology.TCP}},
				},
				{Peers: []topology.NetworkPeer{{CIDR: "198.51.100.0/24", Except: []string{"198.51.100.0/28"}}, {CIDR: "2001:db8::/32"}}},
			},
		}
	}
	return port[topology.NetworkRules]{
		kind: "NetworkRules", read: h.Topology.NetworkRules, ensure: h.Topology.EnsureNetworkRules, remove: h.Topology.DeleteNetworkRules,
		dryEnsure: h.DryRun.EnsureNetworkRules, dryRemove: h.DryRun.DeleteNetworkRules,
		value:   func(name string) topology.NetworkRules { return rules(name, 53) },
		other:   func(name string) topology.NetworkRules { return rules(name, 5353) },
		differs: topology.FieldChange{Path: "egress[0].ports[0].port", From: "53", To: "5353"},
		scratch: func(r topology.NetworkRules) {
			clear(r.Egress[0].Peers[0].PodLabels)
			clear(r.Egress[0].Ports)
			r.Egress[1].Peers[0].Except[0] = ""
			r.Ingress[0] = topology.NetworkRule{}
		},
		place: func(t T) string { return newNamespace(t, h.Topology) },
	}
}

// AccessTopology is what AccessControl tests.
type AccessTopology interface {
	Base
	topology.AccessControl
}

// AccessControl checks the rules of topology.AccessControl.
func AccessControl[P AccessTopology](t *testing.T, h Harness[P]) {
	p := accessPort(h)
	runChecks(t, slices.Concat(contents(h.Topology, h.Outsider, p), []check{
		{"a grant that is no longer wanted is withdrawn", func(t T) {
			name := p.place(t)
			p.store(t, name)
			less := p.value(name)
			less.Grants = less.Grants[:1]
			change, err := p.ensure(t.Context(), less)
			require.NoError(t, err)
			require.Equal(t, topology.Updated, change.Action)
			require.Len(t, change.Fields, 1)
			require.Equal(t, "grants[viewer]", change.Fields[0].Path)
			p.requireStored(t, name, less)
		}},
		{"a rule that somebody added is seen and taken away", func(t T) {
			name := p.place(t)
			wider := p.value(name)
			wider.Grants[0].Rules = append(wider.Grants[0].Rules, topology.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}})
			_, err := p.ensure(t.Context(), wider)
			require.NoError(t, err)
			change, err := p.ensure(t.Context(), p.value(name))
			require.NoError(t, err)
			require.Len(t, change.Fields, 1)
			require.Equal(t, "grants[admin].rules[1]", change.Fields[0].Path)
			p.requireStored(t, name, p.value(name))
		}},
	}))
}

func accessPort[P AccessTopology](h Harness[P]) port[topology.Access] {
	access := func(name, verb string) topology.Access {
		return topology.Access{Namespace: name, Grants: []topology.Grant{
			{
				Role:     "admin",
				Rules:    []topology.Rule{{APIGroups: []string{"", "apps"}, Resources: []string{"pods", "pods/log", "deployments"}, Verbs: []string{"get", verb}}},
				Subjects: []topology.Subject{{Kind: topology.Group, Name: "devs"}, {Kind: topology.ServiceAccount, Namespace: "ci", Name: "bot"}},
			},
			{
				Role:     "viewer",
				Rules:    []topology.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}}},
				Subjects: []topology.Subject{{Kind: topology.User, Name: "alice@example.com"}},
			},
		}}
	}
	return port[topology.Access]{
		kind: "Access", read: h.Topology.Access, ensure: h.Topology.EnsureAccess, remove: h.Topology.DeleteAccess,
		dryEnsure: h.DryRun.EnsureAccess, dryRemove: h.DryRun.DeleteAccess,
		value:   func(name string) topology.Access { return access(name, "list") },
		other:   func(name string) topology.Access { return access(name, "watch") },
		differs: topology.FieldChange{Path: "grants[admin].rules[0].verbs", From: `["get","list"]`, To: `["get","watch"]`},
		scratch: func(a topology.Access) {
			a.Grants[0].Rules[0].Verbs[0] = "*"
			a.Grants[0].Subjects[0].Name = "everybody"
			a.Grants[1] = topology.Grant{}
		},
		place: func(t T) string { return newNamespace(t, h.Topology) },
	}
}

// VisibilityTopology is what ReadVisibility tests.
type VisibilityTopology interface {
	Base
	topology.ReadVisibility
	topology.Authorizer
}

// ReadVisibility checks the rules of topology.ReadVisibility.
func ReadVisibility[P VisibilityTopology](t *testing.T, h Harness[P]) {
	readers := func(name, group string) topology.ClusterReaders {
		return topology.ClusterReaders{Tenant: name, Groups: []string{group, "shared"}}
	}
	p := port[topology.ClusterReaders]{
		kind: "ClusterReaders", read: h.Topology.ClusterReaders, ensure: h.Topology.EnsureClusterReaders, remove: h.Topology.DeleteClusterReaders,
		dryEnsure: h.DryRun.EnsureClusterReaders, dryRemove: h.DryRun.DeleteClusterReaders,
		value:   func(name string) topology.ClusterReaders { return readers(name, "a") },
		other:   func(name string) topology.ClusterReaders { return readers(name, "b") },
		differs: topology.FieldChange{Path: "groups", From: `["a","shared"]`, To: `["b","shared"]`},
		scratch: func(r topology.ClusterReaders) { clear(r.Groups) },
		place: func(t T) string {
			name := newName()
			t.Cleanup(func() { _, _ = h.Topology.DeleteClusterReaders(context.Background(), name) })
			return name
		},
		loose: true,
	}
	runChecks(t, slices.Concat(contents(h.Topology, h.Outsider, p), []check{
		{"cluster readers read workloads anywhere, no secrets, and write nothing", func(t T) {
			group, where := newName(), newNamespace(t, h.Topology)
			_, err := p.ensure(t.Context(), topology.ClusterReaders{Tenant: p.place(t), Groups: []string{group}})
			require.NoError(t, err)
			ask := asker{t, h.Topology, topology.AccessQuestion{Groups: []string{group}, Namespace: where}}
			ask.becomes(true, "list", "apps", "deployments", "")
			ask.is(true, "get", "", "pods", "")
			ask.is(false, "create", "", "pods", "")
			ask.is(false, "get", "", "secrets", "")
			ask.is(false, "get", "", "configmaps", "")
			ask.is(false, "get", "", "pods", "log")
		}},
		{"a group that two tenants share keeps the right until both have lost it", func(t T) {
			group, where, one, two := newName(), newNamespace(t, h.Topology), p.place(t), p.place(t)
			ask := asker{t, h.Topology, topology.AccessQuestion{Groups: []string{group}, Namespace: where}}
			for _, name := range []string{one, two} {
				_, err := p.ensure(t.Context(), topology.ClusterReaders{Tenant: name, Groups: []string{group}})
				require.NoError(t, err)
			}
			_, err := p.remove(t.Context(), one)
			require.NoError(t, err)
			p.requireStored(t, two, topology.ClusterReaders{Tenant: two, Groups: []string{group}})
			ask.becomes(true, "list", "", "pods", "")
			_, err = p.remove(t.Context(), two)
			require.NoError(t, err)
			ask.becomes(false, "list", "", "pods", "")
		}},
	}))
}

// asker asks one subject's questions.
type asker struct {
	t        T
	top      topology.Authorizer
	question topology.AccessQuestion
}

func (a asker) may(verb, group, resource, subresource string) bool {
	a.t.Helper()
	q := a.question
	q.Verb, q.APIGroup, q.Resource, q.Subresource = verb, group, resource, subresource
	answer, err := a.top.Authorize(a.t.Context(), q)
	require.NoError(a.t, err)
	return answer.Allowed
}

func (a asker) is(allowed bool, verb, group, resource, subresource string) {
	a.t.Helper()
	require.Equal(a.t, allowed, a.may(verb, group, resource, subresource), "%s %s.%s/%s", verb, resource, group, subresource)
}

// becomes waits, since an infrastructure takes a moment to learn of a change.
func (a asker) becomes(allowed bool, verb, group, resource, subresource string) {
	a.t.Helper()
	eventually(a.t, verb+" "+resource, func() bool { return a.may(verb, group, resource, subresource) == allowed })
}

// AuthorizerTopology is what Authorizer tests.
type AuthorizerTopology interface {
	AccessTopology
	topology.Authorizer
}

// Authorizer checks the rules of topology.Authorizer.
func Authorizer[P AuthorizerTopology](t *testing.T, h Harness[P]) {
	p := accessPort(h)
	runChecks(t, []check{
		{"a grant allows what its rules say, to its subjects, in its namespace, and nothing else", func(t T) {
			name, other := p.place(t), p.place(t)
			p.store(t, name)
			devs := asker{t, h.Topology, topology.AccessQuestion{User: "bob", Groups: []string{"devs"}, Namespace: name}}
			devs.becomes(true, "list", "", "pods", "")
			devs.is(true, "get", "apps", "deployments", "")
			devs.is(true, "get", "", "pods", "log")
			devs.is(false, "create", "", "pods", "")
			devs.is(false, "get", "batch", "pods", "")
			devs.is(false, "get", "", "pods", "exec")
			devs.is(false, "get", "", "secrets", "")
			devs.question.Namespace = other
			devs.is(false, "get", "", "pods", "")
			devs.question.Namespace = ""
			devs.is(false, "get", "", "pods", "")

			bot := asker{t, h.Topology, topology.AccessQuestion{User: "system:serviceaccount:ci:bot", Namespace: name}}
			bot.is(true, "list", "", "pods", "")
			alice := asker{t, h.Topology, topology.AccessQuestion{User: "alice@example.com", Namespace: name}}
			alice.is(true, "get", "", "pods", "")
			alice.is(false, "list", "", "pods", "")
			stranger := asker{t, h.Topology, topology.AccessQuestion{User: "devs", Groups: []string{"bob"}, Namespace: name}}
			stranger.is(false, "get", "", "pods", "")
		}},
		{"what was withdrawn is no longer allowed", func(t T) {
			name := p.place(t)
			p.store(t, name)
			devs := asker{t, h.Topology, topology.AccessQuestion{Groups: []string{"devs"}, Namespace: name}}
			devs.becomes(true, "list", "", "pods", "")
			_, err := p.remove(t.Context(), name)
			require.NoError(t, err)
			devs.becomes(false, "list", "", "pods", "")
		}},
		{"an allowed answer names its reason", func(t T) {
			name := p.place(t)
			p.store(t, name)
			q := topology.AccessQuestion{Groups: []string{"devs"}, Namespace: name, Verb: "get", Resource: "pods"}
			eventually(t, "the reason", func() bool {
				answer, err := h.Topology.Authorize(t.Context(), q)
				require.NoError(t, err)
				return answer.Allowed && answer.Reason != ""
			})
		}},
		{"a question that asks nothing is ErrInvalid", func(t T) {
			for _, q := range []topology.AccessQuestion{{}, {User: "bob", Verb: "get"}, {User: "bob", Resource: "pods"}, {Verb: "get", Resource: "pods"}} {
				_, err := h.Topology.Authorize(t.Context(), q)
				requireError(t, err, topology.ErrInvalid)
			}
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Authorize(cancelled(t), topology.AccessQuestion{User: "bob", Verb: "get", Resource: "pods"})
			require.ErrorIs(t, err, context.Canceled)
		}},
	})
}

// VolumeTopology is what Volumes tests.
type VolumeTopology interface {
	Base
	topology.Volumes
}

// Volumes checks the rules of topology.Volumes.
func Volumes[P VolumeTopology](t *testing.T, h Harness[P]) {
	runChecks(t, []check{
		{"claims are listed by name", func(t T) {
			name := newNamespace(t, h.Topology)
			for _, claim := range []string{"two", "one"} {
				h.Outsider.ClaimVolume(t, name, claim)
			}
			volumes, err := h.Topology.Volumes(t.Context(), name)
			require.NoError(t, err)
			require.Len(t, volumes, 2)
			require.Equal(t, "one", volumes[0].Name)
			require.Equal(t, "two", volumes[1].Name)
			require.Positive(t, volumes[0].Size.Sign())
		}},
		{"a namespace that does not exist has none", func(t T) {
			volumes, err := h.Topology.Volumes(t.Context(), newName())
			require.NoError(t, err)
			require.Empty(t, volumes)
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Volumes(cancelled(t), "any")
			require.ErrorIs(t, err, context.Canceled)
		}},
	})
}

// PlatformTopology is what Platforms tests.
type PlatformTopology interface {
	topology.Topology
	topology.Platforms
}

// Platforms checks the rules of topology.Platforms and of topology.Topology itself.
func Platforms[P PlatformTopology](t *testing.T, h Harness[P]) {
	runChecks(t, []check{
		{"the name is constant and not empty", func(t T) {
			require.NotEmpty(t, h.Topology.Name())
			require.Equal(t, h.Topology.Name(), h.DryRun.Name())
		}},
		{"a reachable topology says what it is and lacks nothing", func(t T) {
			ready, err := h.Topology.Ready(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, ready.Version)
			require.NotEmpty(t, ready.Distribution)
			require.Empty(t, ready.Missing)
		}},
		{"there are name servers, on UDP and TCP, and no rule is about everybody", func(t T) {
			p, err := h.Topology.Platform(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, p.DNS)
			for _, rule := range slices.Concat(p.DNS, p.APIServer) {
				require.NotEmpty(t, rule.Peers)
				require.NotEmpty(t, rule.Ports)
			}
			require.True(t, p.IPv4 || p.IPv6)
			require.True(t, slices.IsSortedFunc(p.OwnRanges, func(a, b netip.Prefix) int { return a.Compare(b) }))
		}},
		{"values are not aliased", func(t T) {
			p, err := h.Topology.Platform(t.Context())
			require.NoError(t, err)
			clear(p.DNS[0].Ports)
			again, err := h.Topology.Platform(t.Context())
			require.NoError(t, err)
			require.NotZero(t, again.DNS[0].Ports[0])
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, err := h.Topology.Platform(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
			_, err = h.Topology.Ready(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	})
}

const shortWait = 300 * time.Millisecond
