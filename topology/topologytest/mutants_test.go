package topologytest

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// mutant is an adapter that breaks one rule of one capability.
type mutant struct {
	capability, rule string
	breaks           func(top, dry *puppet, out *brokenOutsider)
}

// method is one method for one kind of value.
type (
	reader[V any]  = func(context.Context, string) (V, error)
	ensurer[V any] = func(context.Context, V) (topology.Change, error)
	remover        = func(context.Context, string) (topology.Change, error)
)

// methods are those of one kind of value, to be exchanged.
type methods[V any] struct {
	read              *reader[V]
	ensure, dryEnsure *ensurer[V]
	remove, dryRemove *remover
	name              func(V) string
}

var errBroken = errors.New("broken")

// contentMutants break the rules for contents, in any capability that has them.
func contentMutants[V any](capability string, of func(top, dry *puppet) methods[V]) []mutant {
	m := func(rule string, breaks func(m methods[V], out *brokenOutsider)) mutant {
		return mutant{capability, rule, func(top, dry *puppet, out *brokenOutsider) { breaks(of(top, dry), out) }}
	}
	return []mutant{
		m("read of what is not there is ErrNotFound", func(m methods[V], _ *brokenOutsider) {
			*m.read = func(context.Context, string) (v V, err error) { return v, nil }
		}),
		m("ensure creates, and read answers what was ensured", func(m methods[V], _ *brokenOutsider) {
			*m.ensure = func(_ context.Context, v V) (topology.Change, error) { //nolint:unparam // it is an ensurer
				return topology.Change{Kind: topology.Kind(capability), Name: m.name(v), Action: topology.Created}, nil
			}
		}),
		m("ensure twice is unchanged", func(m methods[V], _ *brokenOutsider) {
			change(m.ensure, func(c *topology.Change) { c.Action = topology.Updated })
		}),
		m("ensure repairs a difference and names its field", func(m methods[V], _ *brokenOutsider) {
			change(m.ensure, func(c *topology.Change) { c.Fields = nil })
		}),
		m("delete removes, and a second delete is unchanged", func(m methods[V], _ *brokenOutsider) {
			change(m.remove, func(c *topology.Change) { c.Action = topology.Deleted })
		}),
		m("a cancelled context changes nothing", func(m methods[V], _ *brokenOutsider) {
			ensure := *m.ensure
			*m.ensure = func(ctx context.Context, v V) (topology.Change, error) { return ensure(context.WithoutCancel(ctx), v) }
		}),
		m("concurrent ensures converge without an error", func(m methods[V], _ *brokenOutsider) {
			ensure := *m.ensure
			var busy atomic.Bool
			*m.ensure = func(ctx context.Context, v V) (topology.Change, error) {
				if busy.Swap(true) {
					return topology.Change{}, errBroken
				}
				time.Sleep(time.Millisecond) // so that they really meet
				defer busy.Store(false)
				return ensure(ctx, v)
			}
		}),
		m("values are not aliased", func(m methods[V], _ *brokenOutsider) {
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
		m("a dry run says what would be done and does nothing", func(m methods[V], _ *brokenOutsider) { *m.dryEnsure = *m.ensure }),
	}
}

// namespacedMutants break the rules for contents of namespaces.
func namespacedMutants[V any](capability string, of func(top, dry *puppet) methods[V]) []mutant {
	m := func(rule string, breaks func(m methods[V], out *brokenOutsider)) mutant {
		return mutant{capability, rule, func(top, dry *puppet, out *brokenOutsider) { breaks(of(top, dry), out) }}
	}
	return append(contentMutants(capability, of),
		m("ensure in a namespace that does not exist is ErrNotFound", func(m methods[V], _ *brokenOutsider) { *m.ensure = *m.dryEnsure }),
		m("a dry run takes a missing namespace as planned", func(m methods[V], _ *brokenOutsider) {
			*m.dryEnsure = func(context.Context, V) (topology.Change, error) { return topology.Change{}, topology.ErrNotFound }
		}),
		m("delete in a namespace that does not exist is unchanged", func(m methods[V], _ *brokenOutsider) {
			*m.remove = func(context.Context, string) (topology.Change, error) { return topology.Change{}, topology.ErrNotFound }
		}),
		m("what is somebody else's is ErrConflict and stays untouched", func(_ methods[V], out *brokenOutsider) { out.occupiedIsGone = true }),
		m("what is somebody else's is ErrConflict and stays untouched", func(m methods[V], _ *brokenOutsider) {
			*m.ensure = func(context.Context, V) (topology.Change, error) { return topology.Change{}, nil }
		}),
	)
}

// change alters every Change that a method returns.
func change[A any](method *func(context.Context, A) (topology.Change, error), alter func(*topology.Change)) {
	do := *method
	*method = func(ctx context.Context, a A) (topology.Change, error) {
		c, err := do(ctx, a)
		alter(&c)
		return c, err
	}
}

func mutants() []mutant {
	all := namespacedMutants("Quota", func(top, dry *puppet) methods[topology.Quota] {
		return methods[topology.Quota]{read: &top.quota, ensure: &top.ensureQuota, remove: &top.deleteQuota, dryEnsure: &dry.ensureQuota, dryRemove: &dry.deleteQuota,
			name: func(q topology.Quota) string { return q.Namespace }}
	})
	all = append(all, namespacedMutants("LimitRange", func(top, dry *puppet) methods[topology.LimitRange] {
		return methods[topology.LimitRange]{read: &top.limitRange, ensure: &top.ensureLimitRange, remove: &top.deleteLimitRange, dryEnsure: &dry.ensureLimitRange, dryRemove: &dry.deleteLimitRange,
			name: func(l topology.LimitRange) string { return l.Namespace }}
	})...)
	all = append(all, namespacedMutants("NetworkRules", func(top, dry *puppet) methods[topology.NetworkRules] {
		return methods[topology.NetworkRules]{read: &top.networkRules, ensure: &top.ensureNetworkRules, remove: &top.deleteNetworkRules, dryEnsure: &dry.ensureNetworkRules, dryRemove: &dry.deleteNetworkRules,
			name: func(n topology.NetworkRules) string { return n.Namespace }}
	})...)
	all = append(all, namespacedMutants("Access", func(top, dry *puppet) methods[topology.Access] {
		return methods[topology.Access]{read: &top.access, ensure: &top.ensureAccess, remove: &top.deleteAccess, dryEnsure: &dry.ensureAccess, dryRemove: &dry.deleteAccess,
			name: func(a topology.Access) string { return a.Namespace }}
	})...)
	all = append(all, contentMutants("ClusterReaders", func(top, dry *puppet) methods[topology.ClusterReaders] {
		return methods[topology.ClusterReaders]{read: &top.clusterReaders, ensure: &top.ensureClusterReaders, remove: &top.deleteClusterReaders, dryEnsure: &dry.ensureClusterReaders, dryRemove: &dry.deleteClusterReaders,
			name: func(r topology.ClusterReaders) string { return r.Tenant }}
	})...)
	all = append(all, contentMutants("Guardrails", func(top, dry *puppet) methods[topology.GuardrailSet] {
		return methods[topology.GuardrailSet]{read: &top.guardrails, ensure: &top.ensureGuardrails, remove: &top.deleteGuardrails, dryEnsure: &dry.ensureGuardrails, dryRemove: &dry.deleteGuardrails,
			name: func(topology.GuardrailSet) string { return "fake" }}
	})...)
	all = append(all, capabilityMutants()...)
	all = append(all, domainMutants()...)
	all = append(all, admissionMutants()...)
	all = append(all, fenceMutants()...)
	all = append(all, rosterMutants()...)
	all = append(all, guardrailMutants()...)
	all = append(all, reachabilityMutants()...)
	all = append(all, grantsMutants()...)
	all = append(all, inspectorMutants()...)
	all = append(all, leaseMutants()...)
	all = append(all, namespaceMutants()...)
	return append(all, tenantMutants()...)
}

// brokenOutsider is an outsider who may see what is not so.
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
	if namespace == "" { // the fake needs none of those
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

// suite is every case of a harness, by capability.
func suite(h Harness[*puppet]) map[string][]check {
	return map[string][]check{
		"Platform": platformChecks(h), "Namespace": namespaceChecks(h), "Quota": quotaChecks(h), "LimitRange": limitChecks(h),
		"NetworkRules": networkChecks(h), "Access": accessChecks(h), "ClusterReaders": visibilityChecks(h), "Authorizer": authorizerChecks(h),
		"Volumes": volumeChecks(h), "Tenant": tenantChecks(h), "Domains": domainChecks(h), "Admission": admissionChecks(h), "Guardrails": guardrailChecks(h),
		"Reachability": reachabilityChecks(h), "GrantsInForce": grantsChecks(h), "Inspector": inspectorChecks(h), "Leases": leaseChecks(h), "Rosters": rosterChecks(h),
	}
}

func newHarness(breaks func(top, dry *puppet, out *brokenOutsider)) Harness[*puppet] {
	sound := fake.New(fake.Options{})
	top, dry, out := newPuppet(sound), newPuppet(sound.DryRun()), &brokenOutsider{Outsider: sound.Outsider()}
	breaks(top, dry, out)
	return Harness[*puppet]{Topology: top, DryRun: dry, Outsider: out}
}

func sound(_, _ *puppet, _ *brokenOutsider) {}

// TestEveryCaseCanFail runs each case against the adapters that break its rule: it must fail with each, there must be one for every case, and
// none may fail with a sound adapter.
func TestEveryCaseCanFail(t *testing.T) {
	eventuallyPatience.Store(int64(50 * time.Millisecond))
	t.Cleanup(func() { eventuallyPatience.Store(int64(20 * time.Second)) })
	tested := map[string]bool{}
	for _, m := range mutants() {
		found := false
		for _, c := range suite(newHarness(m.breaks))[m.capability] {
			if c.rule == m.rule {
				found = true
				require.True(t, fails(t, c), "%s: %q does not notice", m.capability, m.rule)
			}
		}
		require.True(t, found, "%s has no case %q", m.capability, m.rule)
		tested[m.capability+": "+m.rule] = true
	}
	for capability, checks := range suite(newHarness(sound)) {
		for _, c := range checks {
			require.True(t, tested[capability+": "+c.rule], "no adapter breaks the rule of %s that %q", capability, c.rule)
			require.False(t, fails(t, c), "%s: %q fails with a sound adapter", capability, c.rule)
		}
	}
}

func fails(t *testing.T, c check) bool {
	v := &verdict{}
	synctest.Test(t, func(t *testing.T) { // where cases that wait take no time
		v.ctx = t.Context()
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if recover() != nil { // a case may stumble over what a broken adapter answers
					v.failed = true
				}
			}()
			c.run(v)
		})
		wg.Wait()
		for _, f := range v.cleanups {
			f()
		}
		time.Sleep(2 * time.Hour) // what a broken adapter leaves behind has ended by then
	})
	return v.failed
}

// verdict is a T that notes whether the case has failed.
type verdict struct {
	ctx      context.Context //nolint:containedctx // that is what a T is
	failed   bool
	cleanups []func()
}

func (v *verdict) Helper()                  {}
func (v *verdict) Errorf(string, ...any)    { v.failed = true }
func (v *verdict) Context() context.Context { return v.ctx }
func (v *verdict) Cleanup(f func())         { v.cleanups = append(v.cleanups, f) }

func (v *verdict) FailNow() {
	v.failed = true
	runtime.Goexit()
}
