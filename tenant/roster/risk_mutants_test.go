package roster_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/faketest"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// without returns a planner that is without what an edit hides from it. A plan cannot compare what
// a change does not show.
func without(edit func(*topology.Change)) planner {
	return func(t *testing.T, s roster.Score, top *fake.Topology) roster.Plan {
		p, err := roster.MakePlan(t.Context(), s, faketest.Edited{Topology: top, Edit: edit})
		require.NoError(t, err)
		return p
	}
}

// values returns an edit of the values of an update.
func values[V interface{ Clone() V }](edit func(before, after *V)) func(*topology.Change) {
	return func(c *topology.Change) {
		before, ok := c.Before.(V)
		after, ok2 := c.After.(V)
		if ok && ok2 {
			before, after = before.Clone(), after.Clone()
			edit(&before, &after)
			c.Before, c.After = before, after
		}
	}
}

// same returns an edit after which a field seems to be what it was.
func same[V interface{ Clone() V }, F any](field func(*V) *F) func(*topology.Change) {
	return values(func(before, after *V) { *field(after) = *field(before) })
}

func allowed[F any](field func(*topology.Allowances) *F) func(*topology.Change) {
	return same(func(n *topology.Namespace) *F { return field(&n.Allowed) })
}

// sameLimits returns an edit after which one kind of bound seems to be what it was.
func sameLimits(
	of topology.LimitType, field func(*topology.Limit) *map[string]resource.Quantity,
) func(*topology.Change) {
	return values(func(before, after *topology.LimitRange) {
		is := func(l topology.Limit) bool { return l.Type == of }
		from, to := slices.IndexFunc(before.Limits, is), slices.IndexFunc(after.Limits, is)
		switch {
		case from >= 0 && to >= 0:
			*field(&after.Limits[to]) = *field(&before.Limits[from])
		case from >= 0:
			kept := topology.Limit{Type: of}
			*field(&kept) = *field(&before.Limits[from])
			after.Limits = append(after.Limits, kept)
		}
	})
}

func limitMin(l *topology.Limit) *map[string]resource.Quantity { return &l.Min }
func limitMax(l *topology.Limit) *map[string]resource.Quantity { return &l.Max }

// subjects returns an edit of every subject that has a right.
func subjects(edit func(*rbac.Subject)) func(*topology.Change) {
	each := func(a *topology.Access) {
		for i := range a.Grants {
			for j := range a.Grants[i].Subjects {
				edit(&a.Grants[i].Subjects[j])
			}
		}
	}
	return values(func(before, after *topology.Access) { each(before); each(after) })
}

// forKind returns an edit of the updates of one kind.
func forKind(kind topology.Kind, edit func(*topology.Change)) func(*topology.Change) {
	return func(c *topology.Change) {
		if c.Kind == kind && c.Action == topology.Updated {
			edit(c)
		}
	}
}

func turnAround(c *topology.Change) { c.Before, c.After = c.After, c.Before }

func countAlways(c *topology.Change) { c.Inexact = true }

// mutants are plans that lack one comparison, or make one too many.
//
// A plan that does not compare the groups of readers is not among them. Readers are the groups of
// the members, so a group that is new among them is a new member too.
var mutants = []struct {
	name, aspect string
	edit         func(*topology.Change)
}{
	{"pod security", "podSecurity", same(func(n *topology.Namespace) *topology.PodSecurity { return &n.PodSecurity })},
	{"protection", "deletionProtection", same(func(n *topology.Namespace) *bool { return &n.Protected })},
	{"labels", "labels", same(func(n *topology.Namespace) *map[string]string { return &n.Labels })},
	{"labels that come", "labels", values(func(before, after *topology.Namespace) {
		hideLabels(after, func(key, _ string) bool { return has(before.Labels, key) })
	})},
	{"labels that go", "labels", values(func(before, after *topology.Namespace) {
		hideLabels(before, func(key, _ string) bool { return has(after.Labels, key) })
	})},
	{"labels with another value", "labels", values(func(before, after *topology.Namespace) {
		for key := range after.Labels {
			if value, ok := before.Labels[key]; ok {
				after.Labels[key] = value
			}
		}
	})},
	{"default token", "defaultToken", allowed(func(a *topology.Allowances) *bool { return &a.DefaultToken })},
	{"domains", "domains", allowed(func(a *topology.Allowances) *[]string { return &a.Domains })},
	{"external names", "externalNames", allowed(func(a *topology.Allowances) *[]string { return &a.ExternalNames })},
	{"registries", "imageRegistries", allowed(func(a *topology.Allowances) *[]string { return &a.ImageRegistries })},
	{"annotations", "ingressAnnotations",
		allowed(func(a *topology.Allowances) *[]string { return &a.IngressAnnotations })},
	{"storage classes", "classes", allowed(func(a *topology.Allowances) *[]string { return &a.StorageClasses })},
	{"inline drivers", "inlineDrivers", allowed(func(a *topology.Allowances) *[]string { return &a.InlineDrivers })},
	{"priority classes", "priorityClasses", allowed(func(a *topology.Allowances) *[]string { return &a.PriorityClasses })},
	{"runtime classes", "runtimeClasses", allowed(func(a *topology.Allowances) *[]string { return &a.RuntimeClasses })},
	{"tolerations", "tolerations", allowed(func(a *topology.Allowances) *[]string { return &a.Tolerations })},
	{"service types", "objects",
		allowed(func(a *topology.Allowances) *[]topology.ServiceType { return &a.ServiceTypes })},
	{"ingress", "ingress", same(func(n *topology.NetworkRules) *[]topology.NetworkRule { return &n.Ingress })},
	{"egress", "egress", same(func(n *topology.NetworkRules) *[]topology.NetworkRule { return &n.Egress })},
	{"ports", "egress", values(func(before, after *topology.NetworkRules) { anyPort(before); anyPort(after) })},
	{"pods of a peer", "ingress", values(func(before, after *topology.NetworkRules) { anyPod(before); anyPod(after) })},
	{"quota", "objects", same(func(q *topology.Quota) *map[string]resource.Quantity { return &q.Hard })},
	{"a bound of the quota that is gone", "extended", values(func(before, after *topology.Quota) {
		kept := maps.Clone(before.Hard)
		maps.Copy(kept, after.Hard)
		after.Hard = kept
	})},
	{"maximum of containers", "container.max", sameLimits(topology.LimitContainer, limitMax)},
	{"minimum of containers", "container.min", sameLimits(topology.LimitContainer, limitMin)},
	{"maximum of pods", "pod.max", sameLimits(topology.LimitPod, limitMax)},
	{"minimum of pods", "pod.min", sameLimits(topology.LimitPod, limitMin)},
	{"maximum of claims", "claimMax", sameLimits(topology.LimitPVC, limitMax)},
	{"minimum of claims", "claimMin", sameLimits(topology.LimitPVC, limitMin)},
	{"default limit", "container.defaultLimit", sameLimits(topology.LimitContainer,
		func(l *topology.Limit) *map[string]resource.Quantity { return &l.Default })},
	{"default request", "container.defaultRequest", sameLimits(topology.LimitContainer,
		func(l *topology.Limit) *map[string]resource.Quantity { return &l.DefaultRequest })},
	{"pods that a lower default fits into", "container.defaultLimit", values(func(before, _ *topology.LimitRange) {
		before.Limits = slices.DeleteFunc(before.Limits, func(l topology.Limit) bool { return l.Type == topology.LimitPod })
	})},
	{"rights", "members", same(func(a *topology.Access) *[]topology.Grant { return &a.Grants })},
	{"kind of a subject", "members", subjects(func(s *rbac.Subject) { s.Kind = rbac.Group })},
	{"namespace of a subject", "members", subjects(func(s *rbac.Subject) { s.Namespace = "acme" })},
	{"readers", "readVisibility", func(c *topology.Change) {
		if c.Kind == topology.KindClusterReaders && c.Action == topology.Created {
			c.Action = topology.Unchanged
		}
	}},

	{"direction of a boundary", "podSecurity", forKind(topology.KindNamespace, turnAround)},
	{"direction of network rules", "ingress", forKind(topology.KindNetworkRules, turnAround)},
	{"direction of a quota", "requests", forKind(topology.KindQuota, turnAround)},
	{"direction of limits", "container.max", forKind(topology.KindLimitRange, turnAround)},
	{"direction of rights", "members", forKind(topology.KindAccess, turnAround)},
	{"direction of readers", "members", forKind(topology.KindClusterReaders, turnAround)},
	{"harmless boundaries", "displayName", forKind(topology.KindNamespace, countAlways)},
	{"harmless network rules", "egress", forKind(topology.KindNetworkRules, countAlways)},
	{"harmless quotas", "requests", forKind(topology.KindQuota, countAlways)},
	{"harmless limits", "pod.max", forKind(topology.KindLimitRange, countAlways)},
	{"harmless rights", "members", forKind(topology.KindAccess, countAlways)},
	{"harmless readers", "members", forKind(topology.KindClusterReaders, countAlways)},
}

// hideLabels removes the labels of a namespace that a function does not keep.
func hideLabels(n *topology.Namespace, keep func(key, value string) bool) {
	maps.DeleteFunc(n.Labels, func(key, value string) bool { return !keep(key, value) })
}

func has(labels map[string]string, key string) bool {
	_, ok := labels[key]
	return ok
}

func anyPort(n *topology.NetworkRules) {
	for _, rules := range [][]topology.NetworkRule{n.Ingress, n.Egress} {
		for i := range rules {
			rules[i].Ports = nil
		}
	}
}

func anyPod(n *topology.NetworkRules) {
	for _, rules := range [][]topology.NetworkRule{n.Ingress, n.Egress} {
		for i := range rules {
			for j := range rules[i].Peers {
				rules[i].Peers[j].PodLabels = nil
			}
		}
	}
}

// The positive control: a plan that lacks one comparison is seen to fail.
func TestPropertyFindsPlansThatLackAComparison(t *testing.T) {
	require.Empty(t, walk(t, 1, len(aspects), aspects, without(func(*topology.Change) {}), nil), "nothing is hidden")
	for _, mutant := range mutants {
		t.Run(mutant.name, func(t *testing.T) {
			among := slices.DeleteFunc(slices.Clone(aspects), func(a aspect) bool { return a.name != mutant.aspect })
			require.Len(t, among, 1)
			t.Log(search(t, func(seed uint64) string {
				return walk(t, seed, 30, among, without(mutant.edit), nil)
			}))
		})
	}
}

// search returns the first problem that a seed shows. It fails if none of many seeds does. Most
// problems show within a few seeds. Which ones depends on the generator, and on the roles.
func search(t *testing.T, problem func(seed uint64) string) string {
	t.Helper()
	const seeds = 300
	for seed := range uint64(seeds) {
		if found := problem(seed); found != "" {
			return found
		}
	}
	require.Fail(t, "not found", "none of %d seeds shows it", seeds)
	return ""
}
