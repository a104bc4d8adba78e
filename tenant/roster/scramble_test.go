package roster_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/faketest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

type edit = func(*topology.Change)

func nothing(*topology.Change) {}

// scramblings replace the texts of a change that are made for people. Kind, name and action stay,
// since they are values that decide.
var scramblings = map[string]edit{
	"other paths, from and to exchanged": func(c *topology.Change) {
		fields := slices.Clone(c.Fields)
		for i, f := range fields {
			next := fields[(i+1)%len(fields)]
			c.Fields[i] = topology.FieldChange{Path: "~" + next.Path, From: "everybody " + f.To, To: f.From}
		}
	},
	"no texts":      toText(""),
	"no meaning":    toText("x"),
	"a path":        toText("podSecurity"),
	"everybody":     toText("everybody"),
	"an amount":     toText("1"),
	"every value":   toText(`["*"]`),
	"another order": func(c *topology.Change) { slices.Reverse(c.Fields) },
}

func toText(text string) edit {
	return func(c *topology.Change) {
		for i := range c.Fields {
			c.Fields[i] = topology.FieldChange{Path: text, From: text, To: text}
		}
	}
}

// decision is what a plan decides about one tenant.
type decision struct {
	tenant  string
	risks   []roster.Risk
	actions []topology.Action
}

func decisions(p roster.Plan) (all []decision) {
	for _, t := range p.Tenants {
		d := decision{tenant: t.Tenant, risks: t.Risks}
		for _, c := range t.Changes {
			d.actions = append(d.actions, c.Action)
		}
		all = append(all, d)
	}
	return all
}

// pair is a roster that has run, and what it becomes.
type pair struct{ was, is roster.Score }

// randomPair returns a roster of two tenants, and what it becomes: one of them has another value of
// an aspect, and the other may have left.
func randomPair(r *rand.Rand, a aspect) pair {
	before, other := randomScore(r), randomScore(r)
	other.TenantConfig.Name, other.TenantConfig.DisplayName = "globex", ""
	other.TenantConfig.DeletionProtection = false
	other.NetworkIsolation = tenant.NetworkIsolationPolicy{}
	after := roster.Score{Tenants: []tenant.TenantScore{setAspect(r, a, before)}, Prune: &roster.Prune{AtMost: 1}}
	if r.IntN(4) > 0 {
		changed := other
		changed.TenantConfig.DefaultToken = pick(r, true, false)
		changed.NetworkIsolation.PublicInternetEgress = pick(r, true, false)
		after.Tenants = append(after.Tenants, changed)
	}
	return pair{roster.Score{Tenants: []tenant.TenantScore{before, other}}, after}
}

// start returns a topology on which the first roster has run.
func (p pair) start(t *testing.T) *fake.Topology {
	t.Helper()
	top := newTopology()
	_, err := score.Run(t.Context(), p.was.On(top))
	require.NoError(t, err)
	return top
}

// scrambledDecision returns the first scrambling that changes what a plan decides, or "". Mutant is
// an edit that a plan makes before it decides.
func scrambledDecision(t *testing.T, pairs []pair, mutant edit) string {
	t.Helper()
	for i, p := range pairs {
		top := p.start(t)
		plan := func(scramble edit) []decision {
			return decisions(without(func(c *topology.Change) { scramble(c); mutant(c) })(t, p.is, top))
		}
		want := plan(nothing)
		for _, name := range slices.Sorted(maps.Keys(scramblings)) {
			if !reflect.DeepEqual(want, plan(scramblings[name])) {
				return fmt.Sprintf("pair %d, scrambled to %s", i, name)
			}
		}
	}
	return ""
}

// randomPairs returns some pairs for each aspect.
func randomPairs(perAspect int) (pairs []pair) {
	r := rand.New(rand.NewPCG(7, 2026))
	for range perAspect {
		for _, a := range aspects {
			pairs = append(pairs, randomPair(r, a))
		}
	}
	return pairs
}

// No text that is made for people decides anything: neither which risks a plan names, nor the order
// of its tenants.
func TestPlanDecidesByTypedValuesOnly(t *testing.T) {
	pairs := randomPairs(8)
	require.Empty(t, scrambledDecision(t, pairs, nothing))

	named := map[roster.Risk]bool{}
	for _, p := range pairs {
		for _, d := range decisions(plainly(t, p.is, p.start(t))) {
			for _, risk := range d.risks {
				named[risk] = true
			}
		}
	}
	require.Len(t, named, 6, "each risk is one of some plan: %v", named)
}

// Nor does a text decide what Apply does: both topologies have the same state after it.
func TestApplyDoesTheSameIfEveryTextIsScrambled(t *testing.T) {
	names := slices.Sorted(maps.Keys(scramblings))
	for i, p := range randomPairs(1) {
		scramble := scramblings[names[i%len(names)]]
		plain, scrambled := p.start(t), p.start(t)
		_, err := score.Run(t.Context(), roster.Apply(plainly(t, p.is, plain), plain))
		require.NoError(t, err)
		other := faketest.Edited{Topology: scrambled, Edit: scramble}
		plan, err := roster.MakePlan(t.Context(), p.is, other)
		require.NoError(t, err)
		_, err = score.Run(t.Context(), roster.Apply(plan, other))
		require.NoError(t, err)
		require.Equal(t, plain.State(), scrambled.State())

		_, err = score.Run(t.Context(), roster.Apply(plan, other))
		require.Equal(t, len(plan.Tenants) > 0, err != nil, "it is applied once")
	}
}

// stale returns the first scrambling with which a plan is refused that was made without it, or "".
// Mutant is an edit that both plans make before they are compared.
func stale(t *testing.T, pairs []pair, mutant edit) string {
	t.Helper()
	names := slices.Sorted(maps.Keys(scramblings))
	for i, p := range pairs {
		name := names[i%len(names)]
		plain, scrambled := p.start(t), p.start(t)
		plan := without(mutant)(t, p.is, plain)
		other := faketest.Edited{Topology: scrambled, Edit: func(c *topology.Change) {
			scramblings[name](c)
			mutant(c)
		}}
		if _, err := score.Run(t.Context(), roster.Apply(plan, other)); err != nil {
			require.ErrorIs(t, err, topology.ErrConflict)
			return fmt.Sprintf("pair %d, scrambled to %s: %v", i, name, err)
		}
		_, err := score.Run(t.Context(), p.is.On(plain))
		require.NoError(t, err)
		require.Equal(t, plain.State(), scrambled.State())
	}
	return ""
}

// A plan that was made with one set of texts is applied with another: a release with better words
// does not make it stale.
func TestApplyAcceptsAPlanWithOtherTexts(t *testing.T) {
	require.Empty(t, stale(t, randomPairs(2), nothing))
}

// The positive control: a plan whose digest covers text is seen to fail.
func TestScramblingFindsDigestsOfText(t *testing.T) {
	for name, mutant := range map[string]edit{
		"fields":       func(c *topology.Change) { c.After = []any{c.After, c.Fields} },
		"printed line": func(c *topology.Change) { c.Before = []any{c.Before, c.String()} },
		"what is from": func(c *topology.Change) {
			c.Inexact = slices.ContainsFunc(c.Fields, func(f topology.FieldChange) bool { return f.From == "" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused := stale(t, randomPairs(2), mutant)
			require.NotEmpty(t, refused)
			t.Log("refused:", refused)
		})
	}
}

// unlessPrinted returns an edit that hides a value unless a field prints something of it.
func unlessPrinted(isPrinted func(topology.FieldChange) bool, hide edit) edit {
	return func(c *topology.Change) {
		if !slices.ContainsFunc(c.Fields, isPrinted) {
			hide(c)
		}
	}
}

func hasPath(prefix string) func(topology.FieldChange) bool {
	return func(f topology.FieldChange) bool { return strings.HasPrefix(f.Path, prefix) }
}

// The positive control: a plan that reads a value back from text is seen to fail.
func TestScramblingFindsPlansThatReadText(t *testing.T) {
	isRaised := func(f topology.FieldChange) bool {
		from, err := resource.ParseQuantity(f.From)
		to, err2 := resource.ParseQuantity(f.To)
		return err != nil || err2 != nil || to.Cmp(from) > 0
	}
	for name, mutant := range map[string]edit{
		"the level of pod security is in a path": unlessPrinted(hasPath("podSecurity"),
			same(func(n *topology.Namespace) *topology.PodSecurity { return &n.PodSecurity })),
		"allowances are in a path": unlessPrinted(hasPath("allowed."),
			same(func(n *topology.Namespace) *topology.Allowances { return &n.Allowed })),
		"labels are in a path": unlessPrinted(hasPath("labels"),
			same(func(n *topology.Namespace) *map[string]string { return &n.Labels })),
		"egress is in a path": unlessPrinted(hasPath("egress"),
			same(func(n *topology.NetworkRules) *[]topology.NetworkRule { return &n.Egress })),
		"an amount is raised if what is printed is": unlessPrinted(isRaised,
			same(func(q *topology.Quota) *map[string]resource.Quantity { return &q.Hard })),
		"subjects are in a path": unlessPrinted(hasPath("grants"),
			same(func(a *topology.Access) *[]topology.Grant { return &a.Grants })),
		"everybody is anybody": func(c *topology.Change) {
			c.Inexact = slices.ContainsFunc(c.Fields, func(f topology.FieldChange) bool {
				return strings.Contains(f.To, "everybody")
			})
		},
		"what prints nothing is no change": unlessPrinted(
			func(f topology.FieldChange) bool { return f.From != f.To },
			forKind(topology.KindLimitRange, func(c *topology.Change) { c.After = c.Before })),
	} {
		t.Run(name, func(t *testing.T) {
			changed := scrambledDecision(t, randomPairs(4), mutant)
			require.NotEmpty(t, changed)
			t.Log("decided otherwise:", changed)
		})
	}
}
