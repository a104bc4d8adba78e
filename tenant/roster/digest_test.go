package roster

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

func TestDigestOfATenantCoversEachValueAndNoText(t *testing.T) {
	quota := func(pods string) topology.Quota {
		return topology.Quota{Namespace: "acme", Hard: amounts{"pods": resource.MustParse(pods)}}
	}
	change := func() topology.Change {
		return topology.Change{
			Kind: topology.KindQuota, Name: "acme", Action: topology.Updated,
			Fields: []topology.FieldChange{{Path: "hard[pods]", From: "1", To: "2"}},
			Before: quota("1"), After: quota("2"),
		}
	}
	digest := func(edit func(*topology.Change)) string {
		c := change()
		edit(&c)
		return digestOf([]topology.Change{c}, []Risk{RiskRaises})
	}
	want := digest(func(*topology.Change) {})
	require.Equal(t, want, digest(func(c *topology.Change) { c.Fields = nil }))
	require.Equal(t, want, digest(func(c *topology.Change) { c.Fields[0].To = "3" }))
	require.Equal(t, want, digest(func(c *topology.Change) { c.Before = quota("1000m") }), "the same amount")
	for name, edit := range map[string]func(*topology.Change){
		"kind":    func(c *topology.Change) { c.Kind = topology.KindLimitRange },
		"name":    func(c *topology.Change) { c.Name = "globex" },
		"action":  func(c *topology.Change) { c.Action = topology.Created },
		"before":  func(c *topology.Change) { c.Before = quota("0") },
		"after":   func(c *topology.Change) { c.After = quota("3") },
		"nothing": func(c *topology.Change) { c.Before, c.After = nil, nil },
		"inexact": func(c *topology.Change) { c.Inexact = true },
	} {
		require.NotEqual(t, want, digest(edit), name)
	}
	require.NotEqual(t, want, digestOf([]topology.Change{change()}, nil), "a risk less")
	require.NotEqual(t, want, digestOf([]topology.Change{change(), change()}, []Risk{RiskRaises}), "a change more")
}

func TestDigestOfATenantTellsAdoptionFromRepair(t *testing.T) {
	digest := func(managed bool) string {
		before := topology.Namespace{Name: "acme", Managed: managed}
		after := topology.Namespace{Name: "acme", Managed: true, PodSecurity: topology.PodSecurityRestricted}
		return digestOf([]topology.Change{{
			Kind: topology.KindNamespace, Name: "acme", Action: topology.Updated, Before: before, After: after,
		}}, nil)
	}
	require.NotEqual(t, digest(false), digest(true))
}

// A value that an adapter must not return, without a JSON form, counts as another one.
func TestDifferingNamesTenantsWithoutADigest(t *testing.T) {
	changes := []topology.Change{{Kind: "Zone", Name: "acme", Action: topology.Updated, After: func() {}}}
	plan := Plan{Tenants: []TenantPlan{{Tenant: "acme", Changes: changes, Digest: digestOf(changes, nil)}}}
	require.Equal(t, []string{"acme"}, differing(plan.Tenants, plan.Tenants))
}

func TestDigestOfAPlanCoversAllButTheTime(t *testing.T) {
	s, top := severalRisks(t)
	plan := planOf(t, s, top)
	plan.Notes = []string{"tenant/opens: something to know"}
	plan.Digest = plan.digest()
	edited := func(edit func(*Plan)) string { return kept(t, plan, edit).digest() }
	require.Equal(t, plan.Digest, edited(func(*Plan) {}))
	require.Equal(t, plan.Digest, edited(func(p *Plan) { p.At = p.At.AddDate(1, 0, 0) }))
	for name, edit := range map[string]func(*Plan){
		"format":      func(p *Plan) { p.Format++ },
		"topology":    func(p *Plan) { p.Topology = "staging" },
		"roster":      func(p *Plan) { p.Roster.ID = "west" },
		"note":        func(p *Plan) { p.Notes[0] = "tenant/opens: nothing to know" },
		"no note":     func(p *Plan) { p.Notes = nil },
		"unchanged":   func(p *Plan) { p.Unchanged++ },
		"tenant":      func(p *Plan) { p.Tenants[0].Tenant = "harmless" },
		"its digest":  func(p *Plan) { p.Tenants[0].Digest = "0" },
		"risk":        func(p *Plan) { p.Tenants[0].Risks[0] = RiskRaises },
		"kind":        func(p *Plan) { p.Tenants[1].Changes[0].Kind = topology.KindQuota },
		"action":      func(p *Plan) { p.Tenants[1].Changes[0].Action = topology.Deleted },
		"path":        func(p *Plan) { p.Tenants[1].Changes[0].Fields[0].Path = "displayName" },
		"from":        func(p *Plan) { p.Tenants[1].Changes[0].Fields[0].From = "false" },
		"order":       func(p *Plan) { p.Tenants[0], p.Tenants[1] = p.Tenants[1], p.Tenants[0] },
		"a field off": func(p *Plan) { p.Tenants[1].Changes[0].Fields = nil },
	} {
		require.NotEqual(t, plan.Digest, edited(edit), name)
	}
}

// A text that is no valid UTF-8 changes when it becomes JSON.
func TestDigestOfAPlanSurvivesTextThatIsNotUTF8(t *testing.T) {
	plan := Plan{Notes: []string{"\xff"}}
	require.Equal(t, plan.digest(), kept(t, plan, func(*Plan) {}).digest())
}

// A note for people does not make a plan stale, though it is protected against edits.
func TestApplyIgnoresOtherNotes(t *testing.T) {
	s, top := severalRisks(t)
	plan := planOf(t, s, top)
	plan.Notes = append(plan.Notes, "tenant/opens: something to know")
	_, err := score.Run(t.Context(), Apply(plan, top))
	require.ErrorIs(t, err, score.ErrInvalid)
	plan.Digest = plan.digest()
	_, err = score.Run(t.Context(), Apply(plan, top))
	require.NoError(t, err)
}

// A plan states which risks were reviewed. One that a release with fewer risks made is stale.
func TestApplyRefusesAPlanWithFewerRisks(t *testing.T) {
	s, top := severalRisks(t)
	plan := planOf(t, s, top)
	plan.Tenants[0].Risks = nil
	plan.Tenants[0].Digest = digestOf(plan.Tenants[0].Changes, nil)
	plan.Digest = plan.digest()
	_, err := score.Run(t.Context(), Apply(plan, top))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err, "are needed now for: deletes; make a new plan")
}
