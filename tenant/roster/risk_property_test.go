package roster_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

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
		var risks []roster.Risk
		for _, tenant := range p.Tenants {
			risks = append(risks, tenant.Risks...)
		}
		if problem := disagreement(opened, risks); problem != "" {
			return fmt.Sprintf("seed %d, step %d, %s: %s\n%s", seed, step, first.name, problem, p)
		}
		if count := counts[first.name]; counts != nil && single && len(p.Tenants) > 0 {
			if len(risks) > 0 {
				count.risky++
			} else {
				count.harmless++
			}
			counts[first.name] = count
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
	for seed := range uint64(25) {
		require.Empty(t, walk(t, seed, 3*len(aspects), aspects, plainly, counts))
	}
	for _, a := range aspects {
		count := counts[a.name]
		t.Logf("%-25s %3d pairs with a risk, %3d without", a.name, count.risky, count.harmless)
		require.GreaterOrEqual(t, count.harmless, 5, "%s is without a risk too rarely", a.name)
		if a.harmless {
			require.Zero(t, count.risky, "%s never makes anything possible", a.name)
		} else {
			require.GreaterOrEqual(t, count.risky, 5, "%s is with a risk too rarely", a.name)
		}
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
