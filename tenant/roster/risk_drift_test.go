package roster_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// drift is what others do to one object of a tenant between two runs. The object was made from own,
// and an edit takes the value of other.
type drift struct {
	name string
	do   func(ctx context.Context, top *fake.Topology, own, other tenant.Desired) error

	effect effect // of the repair
}

var drifts = []drift{
	{"edited namespace", func(ctx context.Context, top *fake.Topology, _, other tenant.Desired) error {
		return only(top.EnsureNamespace(ctx, other.Namespace))
	}, sometimes},
	{"pod security removed", func(_ context.Context, top *fake.Topology, _, _ tenant.Desired) error {
		top.Outsider().SetPodSecurity("acme", "")
		return nil
	}, never},
	{"edited network rules", func(ctx context.Context, top *fake.Topology, _, other tenant.Desired) error {
		return only(top.EnsureNetworkRules(ctx, other.Network))
	}, sometimes},
	{"deleted network rules", func(ctx context.Context, top *fake.Topology, _, _ tenant.Desired) error {
		return only(top.DeleteNetworkRules(ctx, "acme"))
	}, never},
	{"edited quota", func(ctx context.Context, top *fake.Topology, _, other tenant.Desired) error {
		return only(top.EnsureQuota(ctx, other.Quota))
	}, sometimes},
	{"deleted quota", func(ctx context.Context, top *fake.Topology, _, _ tenant.Desired) error {
		return only(top.DeleteQuota(ctx, "acme"))
	}, never},
	{"edited limits", func(ctx context.Context, top *fake.Topology, _, other tenant.Desired) error {
		return only(top.EnsureLimitRange(ctx, other.LimitRange))
	}, sometimes},
	{"deleted limits", func(ctx context.Context, top *fake.Topology, _, _ tenant.Desired) error {
		return only(top.DeleteLimitRange(ctx, "acme"))
	}, always}, // the defaults come back
	{"edited access", func(ctx context.Context, top *fake.Topology, _, other tenant.Desired) error {
		return only(top.EnsureAccess(ctx, other.Access))
	}, sometimes},
	{"deleted access", func(ctx context.Context, top *fake.Topology, _, _ tenant.Desired) error {
		return only(top.DeleteAccess(ctx, "acme"))
	}, always},
	{"roles with fewer rights", editedRoles(func(rules []rbac.Rule) []rbac.Rule { return rules[1:] }), always},
	{"roles with more rights", editedRoles(func(rules []rbac.Rule) []rbac.Rule {
		everything := []string{"*"}
		return append(rules, rbac.Rule{APIGroups: everything, Resources: everything, Verbs: everything})
	}), never},
	{"fewer readers", func(ctx context.Context, top *fake.Topology, own, _ tenant.Desired) error {
		own.Readers.Groups = own.Readers.Groups[min(1, len(own.Readers.Groups)):]
		return only(top.EnsureClusterReaders(ctx, own.Readers))
	}, always},
	{"more readers", func(ctx context.Context, top *fake.Topology, own, _ tenant.Desired) error {
		own.Readers.Groups = append(own.Readers.Groups, "others")
		return only(top.EnsureClusterReaders(ctx, own.Readers))
	}, never},
	{"deleted readers", func(ctx context.Context, top *fake.Topology, _, _ tenant.Desired) error {
		return only(top.DeleteClusterReaders(ctx, "acme"))
	}, always},
}

// only returns the error of a call.
func only(_ topology.Change, err error) error { return err }

// editedRoles returns an edit of the rules of every role that the tenant has.
func editedRoles(
	edit func([]rbac.Rule) []rbac.Rule,
) func(context.Context, *fake.Topology, tenant.Desired, tenant.Desired) error {
	return func(ctx context.Context, top *fake.Topology, own, _ tenant.Desired) error {
		access := own.Access.Clone()
		for i := range access.Grants {
			access.Grants[i].Rules = edit(access.Grants[i].Rules)
		}
		return only(top.EnsureAccess(ctx, access))
	}
}

// repair lets one object of a random tenant drift, and compares the risks of the plan that repairs
// it with what becomes possible. Sometimes the plan changes the Score, too. It returns the first
// plan with a risk too many or too few, or "".
func repair(t *testing.T, seed uint64, rounds int, among []drift, plan planner, counts map[string]tally) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2027))
	for round := range rounds {
		d := among[round%len(among)]
		s := randomScore(r)
		other := randomScore(r)
		if r.IntN(4) > 0 { // nearly the same
			other = s
			for _, of := range [][]aspect{boundaryAspects, networkAspects, amountAspects, accessAspects} {
				other = setAspect(r, pick(r, of...), other)
			}
		}
		_, top := provisioned(t, s)
		require.NoError(t, d.do(t.Context(), top, desired(t, s, top), desired(t, other, top)))
		was := inForceOn(t, top)

		single := r.IntN(4) > 0
		if !single {
			s = setAspect(r, pick(r, aspects...), s)
		}
		p := plan(t, roster.Score{Tenants: []tenant.TenantScore{s}}, top)
		opened := openings(t, was, provision(t, s, top))
		if problem := disagreement(opened, allRisks(p)); problem != "" {
			return fmt.Sprintf("seed %d, round %d, %s: %s\n%s", seed, round, d.name, problem, p)
		}
		if counts != nil && single && len(p.Tenants) > 0 {
			counts[d.name] = counts[d.name].plus(allRisks(p))
		}
	}
	return ""
}

func desired(t *testing.T, s tenant.TenantScore, top *fake.Topology) tenant.Desired {
	t.Helper()
	platform, err := top.Platform(t.Context())
	require.NoError(t, err)
	want, err := s.Desired(platform)
	require.NoError(t, err)
	return want
}

// A plan that repairs drift names a risk if, and only if, the repair makes something possible: a
// fence that comes back opens nothing, and defaults or rights that come back do.
func TestPlanOfARepairNamesARiskIfAndOnlyIfSomethingBecomesPossible(t *testing.T) {
	counts := map[string]tally{}
	isRare := func(d drift) bool { return !counts[d.name].shows(d.effect) }
	for seed := uint64(0); seed < 20 || seed < 300 && slices.ContainsFunc(drifts, isRare); seed++ {
		require.Empty(t, repair(t, seed, 2*len(drifts), drifts, plainly, counts))
	}
	for _, d := range drifts {
		counts[d.name].require(t, d.name, d.effect)
	}
}

// The positive control: plans that judge what comes back in another way are seen to fail.
func TestPropertyOfRepairsFindsPlansThatLackAComparison(t *testing.T) {
	returns := func(kind topology.Kind, edit func(*topology.Change)) func(*topology.Change) {
		return func(c *topology.Change) {
			if c.Kind == kind && c.Action == topology.Created {
				edit(c)
			}
		}
	}
	hide := func(c *topology.Change) { c.Action = topology.Unchanged }
	count := func(c *topology.Change) { c.Action, c.Inexact = topology.Updated, true }
	for _, mutant := range []struct {
		name, drift string
		edit        func(*topology.Change)
	}{
		{"limits that come back", "deleted limits", returns(topology.KindLimitRange, hide)},
		{"rights that come back", "deleted access", returns(topology.KindAccess, hide)},
		{"readers that come back", "deleted readers", returns(topology.KindClusterReaders, hide)},
		{"rules of a role", "roles with fewer rights", values(func(before, after *topology.Access) {
			for i := range min(len(before.Grants), len(after.Grants)) {
				before.Grants[i].Rules = after.Grants[i].Rules
			}
		})},
		{"harmless network rules that come back", "deleted network rules", returns(topology.KindNetworkRules, count)},
		{"harmless quota that comes back", "deleted quota", returns(topology.KindQuota, count)},
		{"stricter pod security", "pod security removed", forKind(topology.KindNamespace, countAlways)},
	} {
		t.Run(mutant.name, func(t *testing.T) {
			among := slices.DeleteFunc(slices.Clone(drifts), func(d drift) bool { return d.name != mutant.drift })
			require.Len(t, among, 1)
			t.Log(search(t, func(seed uint64) string {
				return repair(t, seed, 10, among, without(mutant.edit), nil)
			}))
		})
	}
}
