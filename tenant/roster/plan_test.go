package roster

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// severalRisks returns a roster, and a topology where it would change each tenant in another way,
// each with a risk of its own.
func severalRisks(t *testing.T) (Score, *fake.Topology) {
	t.Helper()
	top := fake.New(fake.Options{Name: "prod"})
	before := rosterOf("deletes", "harmless", "opens", "raises", "unchanged", "unfences", "widens")
	before.Tenants[5].TenantConfig.DeletionProtection = true
	_, err := score.Run(t.Context(), before.On(top))
	require.NoError(t, err)
	after := rosterOf("harmless", "new", "opens", "raises", "unchanged", "unfences", "widens")
	after.Prune = &Prune{AtMost: 1}
	after.Tenants[0].TenantConfig.DisplayName = "Harmless Ltd."
	after.Tenants[1].RBAC.Members = []tenant.Member{{Role: tenant.Admin, Name: "new-ops"}}
	after.Tenants[2].NetworkIsolation.Ingress = []tenant.NetworkPeer{{Tenant: "new", Ports: []tenant.NetworkPort{{Port: 443}}}}
	after.Tenants[3].ResourceQuotas.Objects.Pods = new(int64(50))
	after.Tenants[6].RBAC.Members = []tenant.Member{{Role: tenant.Viewer, Name: "auditors"}}
	return after, top
}

func planOf(t *testing.T, s Score, top *fake.Topology) Plan {
	t.Helper()
	p, err := MakePlan(t.Context(), s, top)
	require.NoError(t, err)
	return p
}

// kept returns a plan as it comes back from a file, after an edit.
func kept(t *testing.T, p Plan, edit func(*Plan)) Plan {
	t.Helper()
	data, err := json.Marshal(p)
	require.NoError(t, err)
	var back Plan
	require.NoError(t, json.Unmarshal(data, &back))
	edit(&back)
	return back
}

func TestPlanStringMatchesTheGoldenFile(t *testing.T) {
	s, top := severalRisks(t)
	p := planOf(t, s, top)
	p.Notes = append(p.Notes, "tenant/opens: something to know")
	golden(t, "testdata/plan.golden.txt", p.String())
	golden(t, "testdata/plan-empty.golden.txt", planOf(t, rosterOf(), fake.New(fake.Options{})).String())

	s.Prune = nil
	p = planOf(t, s, top)
	require.Equal(t, []string{"not on the roster, and kept because prune is unset: deletes"}, p.Notes)
	require.False(t, slices.ContainsFunc(p.Tenants, func(t TenantPlan) bool { return t.Tenant == "deletes" }))
}

func TestPlanJSONMatchesTheGoldenFile(t *testing.T) {
	s, top := severalRisks(t)
	p := planOf(t, s, top)
	require.WithinDuration(t, time.Now(), p.At, time.Minute)
	p.At = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	data, err := json.MarshalIndent(p, "", "  ")
	require.NoError(t, err)
	golden(t, "testdata/plan.golden.json", string(data)+"\n")
}

func TestMakePlanReturnsTheSamePlanAgain(t *testing.T) {
	s, top := severalRisks(t)
	once := planOf(t, s, top)
	for range 20 {
		again := planOf(t, s, top)
		again.At = once.At
		require.Equal(t, once, again)
	}
	require.NotEqual(t, once.Digest, kept(t, once, func(p *Plan) { p.Topology = "staging"; p.Digest = p.digest() }).Digest)
}

func TestPlanSurvivesJSON(t *testing.T) {
	s, top := severalRisks(t)
	all, empty := fullTenant(t), named("acme")
	all.ResourceQuotas.Extended = map[string]resource.Quantity{"nvidia.com/gpu": resource.MustParse("2000m")}
	empty.RBAC.Members, empty.NetworkIsolation.Domains, empty.TenantConfig.Labels = []tenant.Member{}, []string{}, map[string]string{} // as YAML with [] and {} has it
	for name, s := range map[string]Score{
		"several risks": s, "nobody": {}, "an empty list": {Tenants: []tenant.TenantScore{}},
		"every field": {Tenants: []tenant.TenantScore{all}}, "empty fields": {Tenants: []tenant.TenantScore{empty}, SharedCIDRs: []string{}, Prune: &Prune{DeleteVolumes: map[string][]string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlan(top.Name(), s, planOutcome(t, top))
			same := kept(t, p, func(*Plan) {})
			require.Equal(t, p.Digest, same.digest())
			require.Equal(t, p.String(), same.String())
			require.NoError(t, planned[*fake.Topology]{same, top}.Validate())
		})
	}
}

// planOutcome returns the outcome that a plan of one tenant is made of.
func planOutcome(t *testing.T, top *fake.Topology) interpret.Outcome {
	t.Helper()
	report, err := score.Run(t.Context(), rosterOf("somebody").On(top.DryRun()))
	require.NoError(t, err)
	return report.Results[0].Outcome
}

func TestApplyRefusesAnEditedPlan(t *testing.T) {
	s, top := severalRisks(t)
	plan := planOf(t, s, top)
	before := top.State()
	for name, edit := range map[string]func(*Plan){
		"a change less":    func(p *Plan) { p.Tenants = p.Tenants[1:] },
		"a risk less":      func(p *Plan) { p.Tenants[0].Risks = nil },
		"another field":    func(p *Plan) { p.Tenants[1].Changes[0].Fields[0].To = "true" },
		"another risk":     func(p *Plan) { p.Tenants[0].Risks = []Risk{RiskRaises} },
		"another note":     func(p *Plan) { p.Notes = []string{"nothing to see"} },
		"another topology": func(p *Plan) { p.Topology = "staging" },
		"a digest":         func(p *Plan) { p.Digest = "0" },
		"what is new":      func(p *Plan) { p.Roster.Tenants[1].TenantConfig.PodSecurity = topology.PodSecurityPrivileged },
		"who is new":       func(p *Plan) { p.Roster.Tenants[1].RBAC.Members[0].Name = "others" },
		"more to prune":    func(p *Plan) { p.Roster.Prune.AtMost = 100 },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := score.Run(t.Context(), Apply(kept(t, plan, edit), top))
			require.ErrorIs(t, err, score.ErrInvalid)
			require.ErrorContains(t, err, "plan of roster/default on prod: invalid score: digest: Invalid value")
			require.ErrorContains(t, err, "make a new plan")
		})
	}
	t.Run("another format", func(t *testing.T) {
		_, err := score.Run(t.Context(), Apply(kept(t, plan, func(p *Plan) { p.Format = PlanFormat + 1 }), top))
		require.ErrorIs(t, err, score.ErrInvalid)
		require.ErrorContains(t, err, "format: Unsupported value: 4: this release applies plans of format 3; make a new plan")
	})
	t.Run("the format in which risks were sentences", func(t *testing.T) {
		stored := `{"format":2,"topology":"prod","roster":{"tenants":[]},` +
			`"tenants":[{"tenant":"acme","risks":["gives rights"],"changes":[]}],"digest":"0"}`
		var old Plan
		require.NoError(t, json.Unmarshal([]byte(stored), &old))
		_, err := score.Run(t.Context(), Apply(old, top))
		require.ErrorIs(t, err, score.ErrInvalid)
		require.ErrorContains(t, err, "format: Unsupported value: 2: this release applies plans of format 3; make a new plan")
	})
	t.Run("no plan", func(t *testing.T) {
		_, err := score.Run(t.Context(), Apply(Plan{}, top))
		require.ErrorIs(t, err, score.ErrInvalid)
	})
	t.Run("on another topology", func(t *testing.T) {
		elsewhere := fake.New(fake.Options{Name: "staging"})
		_, err := score.Run(t.Context(), Apply(plan, elsewhere))
		require.ErrorIs(t, err, topology.ErrConflict)
		require.ErrorContains(t, err, `plan: apply Plan "roster/default": was made for prod and not for staging; make a new plan and review it`)
		require.Zero(t, elsewhere.Counts().Calls)
	})
	t.Run("of a roster that is not valid", func(t *testing.T) {
		_, err := score.Run(t.Context(), Apply(kept(t, plan, func(p *Plan) { p.Roster.ID = "No Name"; p.Digest = p.digest() }), top))
		require.ErrorIs(t, err, score.ErrInvalid)
		require.ErrorContains(t, err, "id: Invalid value")
	})
	require.Equal(t, before, top.State())
}

func TestApplyRefusesAPlanThatWasApplied(t *testing.T) {
	s, top := severalRisks(t)
	plan := kept(t, planOf(t, s, top), func(*Plan) {})
	report, err := score.Run(t.Context(), Apply(plan, top))
	require.NoError(t, err)
	require.Equal(t, "plan of roster/default", report.Results[0].Score)
	applied := newPlan("prod", s, report.Results[0].Outcome)
	require.Equal(t, plan.Tenants, kept(t, applied, func(*Plan) {}).Tenants, "what was done is what was planned")

	_, err = score.Run(t.Context(), Apply(plan, top))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err, "is out of date, because other changes are needed now for: deletes, harmless, new, opens, raises, unfences, widens; make a new plan")
	require.Empty(t, planOf(t, s, top).Tenants)
}

// The plan that Apply makes again for comparison reports no changes.
func TestApplyReportsEachChangeOnce(t *testing.T) {
	s, top := severalRisks(t)
	plan := planOf(t, s, top)
	var told []topology.Change
	runner := score.Runner{Observe: func(e score.Event) {
		if c, ok := e.(score.Changed); ok {
			told = append(told, c.Change)
		}
	}}
	top.Outsider().SetPodSecurity("unchanged", topology.PodSecurityPrivileged)
	_, err := runner.Run(t.Context(), Apply(plan, top))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err, "are needed now for: unchanged;")
	require.Empty(t, told)

	report, err := runner.Run(t.Context(), Apply(planOf(t, s, top), top))
	require.NoError(t, err)
	require.Equal(t, slices.DeleteFunc(report.Changes(), func(c topology.Change) bool { return c.Action == topology.Unchanged }), told)
}
