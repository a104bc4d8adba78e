package topologytest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// mutant is an adapter that breaks one rule of one capability.
type mutant struct {
	capability, rule string
	breaks           func(top, dry *puppet.Puppet, out *brokenOutsider)
}

// The methods for one kind of value.
type (
	reader[V any]  = func(context.Context, string) (V, error)
	ensurer[V any] = func(context.Context, V) (topology.Change, error)
	remover        = func(context.Context, string) (topology.Change, error)
)

// methods holds pointers to the methods for one kind of value, so that a mutant can replace them.
type methods[V any] struct {
	read              *reader[V]
	ensure, dryEnsure *ensurer[V]
	remove, dryRemove *remover
	name              func(V) string
}

var errBroken = errors.New("broken")

// contentMutants returns adapters that break the rules of contentCases for a capability.
func contentMutants[V any](capability string, kind topology.Kind, of func(top, dry *puppet.Puppet) methods[V]) []mutant {
	m := func(rule string, breaks func(m methods[V], out *brokenOutsider)) mutant {
		return mutant{capability, rule, func(top, dry *puppet.Puppet, out *brokenOutsider) { breaks(of(top, dry), out) }}
	}
	return []mutant{
		m("A read of a value that does not exist is ErrNotFound", func(m methods[V], _ *brokenOutsider) {
			*m.read = func(context.Context, string) (v V, err error) { return v, nil }
		}),
		m("Ensure creates the value, and a read returns it", func(m methods[V], _ *brokenOutsider) {
			*m.ensure = func(_ context.Context, v V) (topology.Change, error) { //nolint:unparam // it is an ensurer
				return topology.Change{Kind: kind, Name: m.name(v), Action: topology.Created, After: v}, nil
			}
		}),
		m("Ensure creates the value, and a read returns it", func(m methods[V], _ *brokenOutsider) { puppet.Change(m.ensure, forgetsAfter) }),
		m("A second Ensure changes nothing", func(m methods[V], _ *brokenOutsider) { addsValues(m.ensure) }),
		m("A second Ensure changes nothing", func(m methods[V], _ *brokenOutsider) {
			puppet.Change(m.ensure, func(c *topology.Change) { c.Action = topology.Updated })
		}),
		m("Ensure repairs a difference, names its field and returns both values", func(m methods[V], _ *brokenOutsider) {
			puppet.Change(m.ensure, func(c *topology.Change) { c.Fields = nil })
		}),
		m("Ensure repairs a difference, names its field and returns both values", func(m methods[V], _ *brokenOutsider) { puppet.Change(m.ensure, forgetsBefore) }),
		m("Ensure repairs a difference, names its field and returns both values", func(m methods[V], _ *brokenOutsider) {
			puppet.Change(m.ensure, func(c *topology.Change) { c.Before = c.After }) // read after the write
		}),
		m("Delete removes the value and returns it, and a second Delete changes nothing", func(m methods[V], _ *brokenOutsider) { puppet.Change(m.remove, forgetsBefore) }),
		m("Delete removes the value and returns it, and a second Delete changes nothing", func(m methods[V], _ *brokenOutsider) {
			puppet.Change(m.remove, func(c *topology.Change) { c.Action = topology.Deleted })
		}),
		m("A cancelled context changes nothing", func(m methods[V], _ *brokenOutsider) {
			ensure := *m.ensure
			*m.ensure = func(ctx context.Context, v V) (topology.Change, error) { return ensure(context.WithoutCancel(ctx), v) }
		}),
		m("Concurrent calls of Ensure converge without an error", func(m methods[V], _ *brokenOutsider) {
			ensure := *m.ensure
			var busy atomic.Bool
			*m.ensure = func(ctx context.Context, v V) (topology.Change, error) {
				if busy.Swap(true) {
					return topology.Change{}, errBroken
				}
				time.Sleep(time.Millisecond) // so that the calls overlap
				defer busy.Store(false)
				return ensure(ctx, v)
			}
		}),
		m("Values are not aliased", func(m methods[V], _ *brokenOutsider) {
			ensure, read := *m.ensure, *m.read
			var mu sync.Mutex
			kept := map[string]V{}
			*m.ensure = func(ctx context.Context, v V) (topology.Change, error) {
				mu.Lock()
				defer mu.Unlock()
				kept[m.name(v)] = v
				return ensure(ctx, v)
			}
			*m.read = func(ctx context.Context, name string) (V, error) {
				mu.Lock()
				defer mu.Unlock()
				if v, ok := kept[name]; ok {
					return v, nil
				}
				return read(ctx, name)
			}
		}),
		m("A dry run returns the change that Ensure and Delete would make, and makes none", func(m methods[V], _ *brokenOutsider) { *m.dryEnsure = *m.ensure }),
		m("A dry run returns the change that Ensure and Delete would make, and makes none", func(m methods[V], _ *brokenOutsider) { puppet.Change(m.dryEnsure, forgetsAfter) }),
		m("A dry run returns the change that Ensure and Delete would make, and makes none", func(m methods[V], _ *brokenOutsider) { puppet.Change(m.dryEnsure, forgetsBefore) }),
		m("A dry run returns the change that Ensure and Delete would make, and makes none", func(m methods[V], _ *brokenOutsider) { puppet.Change(m.dryRemove, forgetsBefore) }),
		m("The values of a change are not aliased", func(m methods[V], _ *brokenOutsider) {
			ensure := *m.ensure
			*m.ensure = func(ctx context.Context, v V) (topology.Change, error) {
				c, err := ensure(ctx, v)
				if c.After != nil {
					c.After = v
				}
				return c, err
			}
		}),
	}
}

// namespacedMutants returns adapters that break the rules for values in a namespace.
func namespacedMutants[V any](capability string, kind topology.Kind, of func(top, dry *puppet.Puppet) methods[V]) []mutant {
	m := func(rule string, breaks func(m methods[V], out *brokenOutsider)) mutant {
		return mutant{capability, rule, func(top, dry *puppet.Puppet, out *brokenOutsider) { breaks(of(top, dry), out) }}
	}
	return append(contentMutants(capability, kind, of),
		m("Ensure in a namespace that does not exist is ErrNotFound", func(m methods[V], _ *brokenOutsider) { *m.ensure = *m.dryEnsure }),
		m("A dry run plans for a namespace that does not exist yet", func(m methods[V], _ *brokenOutsider) {
			*m.dryEnsure = func(context.Context, V) (topology.Change, error) { return topology.Change{}, topology.ErrNotFound }
		}),
		m("Delete in a namespace that does not exist changes nothing", func(m methods[V], _ *brokenOutsider) {
			*m.remove = func(context.Context, string) (topology.Change, error) { return topology.Change{}, topology.ErrNotFound }
		}),
		m("A foreign object in the same place is ErrConflict and stays untouched", func(_ methods[V], out *brokenOutsider) { out.occupiedIsGone = true }),
		m("A foreign object in the same place is ErrConflict and stays untouched", func(m methods[V], _ *brokenOutsider) {
			*m.ensure = func(context.Context, V) (topology.Change, error) { return topology.Change{}, nil }
		}),
	)
}

func forgetsBefore(c *topology.Change) { c.Before = nil }

func forgetsAfter(c *topology.Change) { c.After = nil }

// addsValues makes an adapter return values although nothing changes.
func addsValues[V any](ensure *ensurer[V]) {
	puppet.After(ensure, func(v V, c *topology.Change, _ *error) { c.Before, c.After = v, v })
}

func mutants() []mutant {
	all := namespacedMutants("Quotas", topology.KindQuota, func(top, dry *puppet.Puppet) methods[topology.Quota] {
		return methods[topology.Quota]{read: &top.OnQuota, ensure: &top.OnEnsureQuota, remove: &top.OnDeleteQuota, dryEnsure: &dry.OnEnsureQuota, dryRemove: &dry.OnDeleteQuota,
			name: func(q topology.Quota) string { return q.Namespace }}
	})
	all = append(all, namespacedMutants("LimitRanges", topology.KindLimitRange, func(top, dry *puppet.Puppet) methods[topology.LimitRange] {
		return methods[topology.LimitRange]{read: &top.OnLimitRange, ensure: &top.OnEnsureLimitRange, remove: &top.OnDeleteLimitRange, dryEnsure: &dry.OnEnsureLimitRange, dryRemove: &dry.OnDeleteLimitRange,
			name: func(l topology.LimitRange) string { return l.Namespace }}
	})...)
	all = append(all, namespacedMutants("NetworkIsolation", topology.KindNetworkRules, func(top, dry *puppet.Puppet) methods[topology.NetworkRules] {
		return methods[topology.NetworkRules]{read: &top.OnNetworkRules, ensure: &top.OnEnsureNetworkRules, remove: &top.OnDeleteNetworkRules, dryEnsure: &dry.OnEnsureNetworkRules, dryRemove: &dry.OnDeleteNetworkRules,
			name: func(n topology.NetworkRules) string { return n.Namespace }}
	})...)
	all = append(all, namespacedMutants("AccessControl", topology.KindAccess, func(top, dry *puppet.Puppet) methods[topology.Access] {
		return methods[topology.Access]{read: &top.OnAccess, ensure: &top.OnEnsureAccess, remove: &top.OnDeleteAccess, dryEnsure: &dry.OnEnsureAccess, dryRemove: &dry.OnDeleteAccess,
			name: func(a topology.Access) string { return a.Namespace }}
	})...)
	all = append(all, contentMutants("ReadVisibility", topology.KindClusterReaders, func(top, dry *puppet.Puppet) methods[topology.ClusterReaders] {
		return methods[topology.ClusterReaders]{read: &top.OnClusterReaders, ensure: &top.OnEnsureClusterReaders, remove: &top.OnDeleteClusterReaders, dryEnsure: &dry.OnEnsureClusterReaders, dryRemove: &dry.OnDeleteClusterReaders,
			name: func(r topology.ClusterReaders) string { return r.Tenant }}
	})...)
	all = append(all, contentMutants("Guardrails", topology.KindGuardrails, func(top, dry *puppet.Puppet) methods[topology.GuardrailSet] {
		return methods[topology.GuardrailSet]{read: &top.OnGuardrails, ensure: &top.OnEnsureGuardrails, remove: &top.OnDeleteGuardrails, dryEnsure: &dry.OnEnsureGuardrails, dryRemove: &dry.OnDeleteGuardrails,
			name: func(topology.GuardrailSet) string { return "fake" }}
	})...)
	all = append(all, capabilityMutants()...)
	all = append(all, domainMutants()...)
	all = append(all, admissionMutants()...)
	all = append(all, fenceMutants()...)
	all = append(all, rosterListMutants()...)
	all = append(all, snapshotMutants()...)
	all = append(all, guardrailMutants()...)
	all = append(all, reachabilityMutants()...)
	all = append(all, grantsMutants()...)
	all = append(all, inspectorMutants()...)
	all = append(all, leaseMutants()...)
	all = append(all, namespaceMutants()...)
	return all
}

// brokenOutsider is an Outsider whose answers can be wrong.
type brokenOutsider struct {
	fake.Outsider
	occupiedIsGone bool
	labelIsGone    bool
}

func (o *brokenOutsider) CreateNamespace(_ T, name, owner string) {
	o.Outsider.CreateNamespace(name, owner)
}
func (o *brokenOutsider) LabelNamespace(_ T, name, key, value string) {
	o.Outsider.LabelNamespace(name, key, value)
}
func (o *brokenOutsider) RemovePodSecurity(_ T, name string) { o.SetPodSecurity(name, "") }
func (o *brokenOutsider) Occupy(_ T, namespace string, kind topology.Kind) {
	o.Outsider.Occupy(namespace, kind)
}
func (o *brokenOutsider) Hold(_ T, namespace string)    { o.Outsider.Hold(namespace, "example.com/hold") }
func (o *brokenOutsider) Release(_ T, namespace string) { o.Outsider.Release(namespace) }

func (o *brokenOutsider) Occupied(_ T, namespace string, kind topology.Kind) bool {
	return !o.occupiedIsGone && o.Outsider.Occupied(namespace, kind)
}

func (o *brokenOutsider) NamespaceLabel(_ T, name, key string) string {
	if o.labelIsGone {
		return ""
	}
	return o.NamespaceLabels(name)[key]
}

func (o *brokenOutsider) ClaimVolume(_ T, namespace, claim string) {
	o.Outsider.ClaimVolume(namespace, topology.Volume{Name: claim, Size: resource.MustParse("1Gi")})
}

func (o *brokenOutsider) HoldLease(_ T, name, holder string, duration time.Duration) {
	o.Outsider.HoldLease(name, holder, duration)
}

func (o *brokenOutsider) Put(t T, namespace, group, resource, manifest string) {
	if namespace == "" { // the fake does not need them
		return
	}
	var object struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	require.NoError(t, json.Unmarshal([]byte(manifest), &object))
	o.Outsider.Put(namespace, group, resource, object.Metadata.Name, []byte(manifest))
}

func (o *brokenOutsider) SetGuardrailsVersion(_ T, version int) {
	o.Outsider.SetGuardrailsVersion(version)
}

func (o *brokenOutsider) Grant(_ T, namespace string, g topology.Grant) {
	o.Outsider.Grant(namespace, g)
}

func (o *brokenOutsider) AddNetworkPolicy(_ T, p netpolicy.Policy) {
	o.Outsider.AddNetworkPolicy(p)
}

// suite returns the cases of all capabilities, by capability.
func suite(h Harness[*puppet.Puppet]) map[string][]Case {
	return map[string][]Case{
		"Topology": topologyCases(h), "Platforms": platformCases(h), "Namespaces": namespaceCases(h), "Quotas": quotaCases(h),
		"LimitRanges": limitRangeCases(h), "NetworkIsolation": networkCases(h), "AccessControl": accessCases(h),
		"ReadVisibility": readVisibilityCases(h), "Authorizer": authorizerCases(h), "Volumes": volumeCases(h),
		"Domains":   domainCases(h),
		"Admission": admissionCases(h), "Guardrails": guardrailCases(h), "Reachability": reachabilityCases(h),
		"GrantsInForce": grantCases(h), "Inspector": inspectorCases(h), "Leases": leaseCases(h),
		"Rosters": rosterCases(h), "Snapshots": snapshotCases(h),
	}
}

func newHarness(breaks func(top, dry *puppet.Puppet, out *brokenOutsider)) Harness[*puppet.Puppet] {
	return harnessOf(fake.New(fake.Options{}), breaks)
}

func harnessOf(on *fake.Topology, breaks func(top, dry *puppet.Puppet, out *brokenOutsider)) Harness[*puppet.Puppet] {
	top, dry, out := puppet.New(on), puppet.New(on.DryRun()), &brokenOutsider{Outsider: on.Outsider()}
	breaks(top, dry, out)
	return Harness[*puppet.Puppet]{Topology: top, DryRun: dry, Outsider: out}
}

func sound(_, _ *puppet.Puppet, _ *brokenOutsider) {}

// TestEveryCaseCanFail runs each case against the adapters that break its rule. The case must fail
// with each of them, every case must have one, and no case may fail with a sound adapter.
func TestEveryCaseCanFail(t *testing.T) {
	tested := map[string]bool{}
	for _, m := range mutants() {
		found := false
		for _, c := range suite(newHarness(m.breaks))[m.capability] {
			if c.Rule == m.rule {
				found = true
				assert.True(t, puppet.Fails(t, func(v *puppet.Verdict) { c.Run(v) }), "%s: %q does not notice the broken adapter", m.capability, m.rule)
			}
		}
		assert.True(t, found, "%s has no case %q", m.capability, m.rule)
		tested[m.capability+": "+m.rule] = true
	}
	for capability, cases := range suite(newHarness(sound)) {
		for _, c := range cases {
			assert.True(t, tested[capability+": "+c.Rule], "no adapter breaks the rule of %s: %q", capability, c.Rule)
			assert.False(t, puppet.Fails(t, func(v *puppet.Verdict) { c.Run(v) }), "%s: %q fails with a sound adapter", capability, c.Rule)
		}
	}
}
