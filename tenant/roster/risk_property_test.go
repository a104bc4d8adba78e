package roster_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// planner makes a plan of a roster.
type planner func(*testing.T, roster.Score, *fake.Topology) roster.Plan

func plainly(t *testing.T, s roster.Score, top *fake.Topology) roster.Plan {
	p, err := roster.MakePlan(t.Context(), s, top)
	require.NoError(t, err)
	return p
}

// tally counts the pairs of Scores that differ in one aspect: with a risk, and without.
type tally struct{ risky, harmless int }

func (c tally) plus(risks []roster.Risk) tally {
	if len(risks) > 0 {
		c.risky++
	} else {
		c.harmless++
	}
	return c
}

func allRisks(p roster.Plan) (all []roster.Risk) {
	for _, t := range p.Tenants {
		all = append(all, t.Risks...)
	}
	return all
}

// walk alters a random Score again and again, one aspect after the other and sometimes another one
// with it, and compares the risks of each plan with what becomes possible. It returns the first
// plan with a risk too many or too few, or "".
func walk(t *testing.T, seed uint64, steps int, among []aspect, plan planner, counts map[string]tally) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 2026))
	s := randomScore(r)
	was, top := provisioned(t, s)
	for step := range steps {
		first := among[step%len(among)]
		altered := setAspect(r, first, s)
		single := r.IntN(4) > 0
		if !single {
			altered = setAspect(r, pick(r, aspects...), altered)
		}
		p := plan(t, roster.Score{Tenants: []tenant.TenantScore{altered}}, top)
		is := provision(t, altered, top)
		opened := openings(t, was, is)
		risks := allRisks(p)
		if problem := disagreement(opened, risks); problem != "" {
			return fmt.Sprintf("seed %d, step %d, %s: %s\n%s", seed, step, first.name, problem, p)
		}
		if counts != nil && single && len(p.Tenants) > 0 {
			counts[first.name] = counts[first.name].plus(risks)
		}
		s, was = altered, is
	}
	return ""
}

// disagreement returns what becomes possible without a risk that is named for it, or a risk that
// nothing is possible for, or "".
func disagreement(opened []opening, risks []roster.Risk) string {
	for _, o := range opened {
		if !slices.ContainsFunc(o.any, func(r roster.Risk) bool { return slices.Contains(risks, r) }) {
			return fmt.Sprintf("possible now, without one of the risks %q: %s", o.any, o.what)
		}
	}
	for _, risk := range risks {
		if !slices.ContainsFunc(opened, func(o opening) bool { return slices.Contains(o.any, risk) }) {
			return fmt.Sprintf("a risk, though nothing of it is possible now: %s", risk)
		}
	}
	return ""
}

// TestPlanNamesARiskIfAndOnlyIfSomethingBecomesPossible changes random Scores. What is possible
// before and after is asked of the evaluators of each fence, which know nothing of changes.
func TestPlanNamesARiskIfAndOnlyIfSomethingBecomesPossible(t *testing.T) {
	counts := map[string]tally{}
	isRare := func(a aspect) bool { return !counts[a.name].shows(a.effect) }
	for seed := uint64(0); seed < 25 || seed < 300 && slices.ContainsFunc(aspects, isRare); seed++ {
		require.Empty(t, walk(t, seed, 3*len(aspects), aspects, plainly, counts))
	}
	for _, a := range aspects {
		counts[a.name].require(t, a.name, a.effect)
	}
}

// shows reports whether there are enough pairs on each side that the effect has.
func (c tally) shows(of effect) bool {
	const enough = 5
	return (of == never || c.risky >= enough) && (of == always || c.harmless >= enough)
}

// require fails if the pairs do not show the effect, or show another one.
func (c tally) require(t *testing.T, name string, of effect) {
	t.Helper()
	t.Logf("%-25s %3d pairs with a risk, %3d without", name, c.risky, c.harmless)
	require.True(t, c.shows(of), "%s has too few pairs: %+v", name, c)
	if of == never {
		require.Zero(t, c.risky, "%s never makes anything possible", name)
	}
	if of == always {
		require.Zero(t, c.harmless, "%s always makes something possible", name)
	}
}

// A tenant that comes has no risk for others, except that its groups may read what others have. A
// tenant that goes loses all its data, or is protected.
func TestPlanNamesARiskIfATenantGoesOrReadsElsewhere(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 2026))
	readers, protected := 0, 0
	for range 60 {
		s := randomScore(r)
		came := plainly(t, roster.Score{Tenants: []tenant.TenantScore{s}}, newTopology())
		require.Len(t, came.Tenants, 1)
		if s.RBAC.ReadVisibility == tenant.VisibilityCluster {
			readers++
			require.Equal(t, []roster.Risk{roster.RiskWidens}, came.Tenants[0].Risks)
		} else {
			require.Empty(t, came.Tenants[0].Risks)
		}

		_, top := provisioned(t, s)
		goes, err := roster.MakePlan(t.Context(), roster.Score{Prune: &roster.Prune{AtMost: 1}}, top)
		if s.TenantConfig.DeletionProtection {
			protected++
			require.ErrorIs(t, err, topology.ErrProtected)
		} else {
			require.NoError(t, err)
			require.Equal(t, []roster.Risk{roster.RiskDeletes}, goes.Tenants[0].Risks)
		}
	}
	require.Greater(t, readers, 5)
	require.Greater(t, protected, 5)
}

// A tenant that leaves is removed by the plan that changes another one. Its risk is its own.
func TestPlanNamesTheRisksOfEachTenantAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 2026))
	var counts tally
	for range 80 {
		s, leaver := randomScore(r), randomScore(r)
		leaver.TenantConfig.Name, leaver.TenantConfig.DisplayName = "globex", ""
		leaver.TenantConfig.DeletionProtection = false
		leaver.NetworkIsolation, leaver.RBAC = tenant.NetworkIsolationPolicy{}, tenant.RBACConfig{}
		top := newTopology()
		_, err := score.Run(t.Context(), roster.Score{Tenants: []tenant.TenantScore{s, leaver}}.On(top))
		require.NoError(t, err)
		was := inForceOn(t, top)

		next := roster.Score{
			Tenants: []tenant.TenantScore{setAspect(r, pick(r, aspects...), s)}, Prune: &roster.Prune{AtMost: 1},
		}
		p := plainly(t, next, top)
		_, err = score.Run(t.Context(), next.On(top))
		require.NoError(t, err)
		require.Equal(t, "globex", p.Tenants[0].Tenant, "the gravest first")
		require.Equal(t, []roster.Risk{roster.RiskDeletes}, p.Tenants[0].Risks)
		p.Tenants = p.Tenants[1:]
		require.Empty(t, disagreement(openings(t, was, inForceOn(t, top)), allRisks(p)), "%s", p)
		if len(p.Tenants) > 0 {
			counts = counts.plus(allRisks(p))
		}
	}
	counts.require(t, "a tenant beside one that leaves", sometimes)
}
