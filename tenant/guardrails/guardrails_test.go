package guardrails

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func TestGuardrailsValidation(t *testing.T) {
	all := topology.AllGuardrails()
	tests := []struct {
		name  string
		score tenant.GuardrailsScore
		paths []string
	}{
		{"every rule", tenant.GuardrailsScore{}, nil},
		{"none without", tenant.GuardrailsScore{Without: []topology.Guardrail{}}, nil},
		{"without one", tenant.GuardrailsScore{Without: []topology.Guardrail{"images"}}, nil},
		{"without all but one", tenant.GuardrailsScore{Without: all[1:]}, nil},
		{"none at all", tenant.GuardrailsScore{Remove: true}, nil},
		{"none at all, and none without", tenant.GuardrailsScore{Remove: true, Without: []topology.Guardrail{}}, nil},
		{"without all", tenant.GuardrailsScore{Without: all}, []string{"without"}},
		{"unknown", tenant.GuardrailsScore{Without: []topology.Guardrail{"walls"}}, []string{"without[0]"}},
		{"in capitals", tenant.GuardrailsScore{Without: []topology.Guardrail{"claims", "Images"}}, []string{"without[1]"}},
		{"empty", tenant.GuardrailsScore{Without: []topology.Guardrail{""}}, []string{"without[0]"}},
		{"twice", tenant.GuardrailsScore{Without: []topology.Guardrail{"images", "claims", "images"}}, []string{"without[2]"}},
		{"removed, and without one", tenant.GuardrailsScore{Without: []topology.Guardrail{"images"}, Remove: true}, []string{"remove"}},
		{"everything at once", tenant.GuardrailsScore{Without: []topology.Guardrail{"walls", "images", "images"}, Remove: true}, []string{"without[0]", "without[2]", "remove"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.score.Validate()
			if tt.paths == nil {
				require.NoError(t, err)
				return
			}
			var errs utilerrors.Aggregate
			require.ErrorAs(t, err, &errs)
			var paths []string
			for _, e := range errs.Errors() {
				var at *field.Error
				require.ErrorAs(t, e, &at)
				paths = append(paths, at.Field)
			}
			require.Equal(t, tt.paths, paths)
		})
	}
	unknown := tenant.GuardrailsScore{Without: []topology.Guardrail{"walls"}}.Validate()
	for _, rule := range all {
		require.ErrorContains(t, unknown, fmt.Sprintf("%q", rule))
	}
}

func TestGuardrailsScoreIsData(t *testing.T) {
	s := tenant.GuardrailsScore{Without: []topology.Guardrail{"images", "default-token"}}
	require.Equal(t, "guardrails", s.Name())
	var fromYAML tenant.GuardrailsScore
	require.NoError(t, yaml.UnmarshalStrict([]byte("without: [images, default-token]\n"), &fromYAML))
	require.Equal(t, s, fromYAML)
	for want, s := range map[string]tenant.GuardrailsScore{
		`{"without":["images","default-token"]}`: s,
		`{"remove":true}`:                        {Remove: true},
		`{}`:                                     {},
	} {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		require.JSONEq(t, want, string(data))
	}
}

// guarded is a topology that writes down what guardrails it is asked for.
type guarded struct {
	topology.Topology
	violations []topology.Violation
	failAt     string
	calls      []string
	wanted     []topology.GuardrailSet
	asked      [][]topology.Guardrail
	patience   time.Duration
}

func (g *guarded) call(name string) error {
	g.calls = append(g.calls, name)
	if name == g.failAt {
		return errInjected
	}
	return nil
}

func (g *guarded) Name() string { return "guarded" }
func (g *guarded) Guardrails(context.Context) (topology.GuardrailSet, error) {
	return topology.GuardrailSet{}, g.call("read")
}
func (g *guarded) EnsureGuardrails(_ context.Context, want topology.GuardrailSet) (topology.Change, error) {
	g.wanted = append(g.wanted, want)
	return topology.Change{Kind: "Guardrails", Action: topology.Created}, g.call("ensure")
}
func (g *guarded) DeleteGuardrails(context.Context) (topology.Change, error) {
	return topology.Change{Kind: "Guardrails", Action: topology.Deleted}, g.call("delete")
}
func (g *guarded) AwaitGuardrails(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	g.patience = time.Until(deadline)
	return g.call("await")
}
func (g *guarded) Violations(_ context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	g.asked = append(g.asked, rules)
	return g.violations, g.call("violations")
}

func TestGuardrailsOrder(t *testing.T) {
	install := []string{"ensure", "await", "violations"}
	tests := []struct {
		name  string
		score tenant.GuardrailsScore
		on    guarded
		calls []string
		step  string // that fails
	}{
		{name: "install", calls: install},
		{name: "remove", score: tenant.GuardrailsScore{Remove: true}, calls: []string{"delete"}},
		{name: "not installed", on: guarded{failAt: "ensure"}, calls: install[:1], step: "guardrails"},
		{name: "not in force", on: guarded{failAt: "await"}, calls: install[:2], step: "in force"},
		{name: "nobody knows what is there", on: guarded{failAt: "violations"}, calls: install, step: "violations"},
		{name: "not removed", score: tenant.GuardrailsScore{Remove: true}, on: guarded{failAt: "delete"}, calls: []string{"delete"}, step: "guardrails"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := score.Run(t.Context(), tt.score.On(&tt.on))
			require.Equal(t, tt.calls, tt.on.calls)
			require.Len(t, report.Changes(), 1)
			if tt.step == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errInjected)
			var at *score.Error
			require.ErrorAs(t, err, &at)
			require.Equal(t, tt.step, at.Step)
		})
	}
}

func TestGuardrailsThatAreWanted(t *testing.T) {
	for _, without := range [][]topology.Guardrail{nil, {"images"}, {"volumes", "claims"}} {
		var on guarded
		_, err := score.Run(t.Context(), tenant.GuardrailsScore{Without: without}.On(&on))
		require.NoError(t, err)
		var want []topology.Guardrail
		for _, rule := range topology.AllGuardrails() {
			if !slices.Contains(without, rule) {
				want = append(want, rule)
			}
		}
		require.Equal(t, []topology.GuardrailSet{{Version: topology.GuardrailsVersion, Rules: want}}, on.wanted)
		require.Equal(t, [][]topology.Guardrail{want}, on.asked, "what a rule would refuse that is not wanted does not matter")
	}
}

func TestGuardrailsAreWaitedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on guarded
		_, err := score.Run(t.Context(), tenant.GuardrailsScore{}.On(&on))
		require.NoError(t, err)
		require.Equal(t, time.Minute, on.patience)
	})
}

func TestViolationsAreNotes(t *testing.T) {
	violations := func(n int) (all []topology.Violation) {
		for i := range n {
			all = append(all, topology.Violation{Rule: topology.GuardrailImages, Namespace: "acme", Kind: "Pod", Name: fmt.Sprintf("web-%02d", n-i), Message: "no"})
		}
		return all
	}
	for n, last := range map[int]string{
		1:  "exists and would be refused: Pod acme/web-01: images: no",
		20: "exists and would be refused: Pod acme/web-20: images: no",
		21: "and 1 more",
		45: "and 25 more",
	} {
		report, err := score.Run(t.Context(), tenant.GuardrailsScore{}.On(&guarded{violations: violations(n)}))
		require.NoError(t, err)
		notes := report.Results[0].Outcome.Notes
		require.Len(t, notes, min(n, 21))
		require.Equal(t, "exists and would be refused: Pod acme/web-01: images: no", notes[0])
		require.Equal(t, last, notes[len(notes)-1])
		require.True(t, slices.IsSorted(notes[:min(n, 20)]))
	}
	report, err := score.Run(t.Context(), tenant.GuardrailsScore{}.On(&guarded{}))
	require.NoError(t, err)
	require.Empty(t, report.Results[0].Outcome.Notes)
}

// In a sequence, no tenant comes before the guardrails.
func TestGuardrailsBeforeTenants(t *testing.T) {
	top := fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	for _, step := range []string{"ensure", "await", "violations"} {
		_, err := score.Run(t.Context(), score.Sequence(tenant.GuardrailsScore{}.On(&guarded{failAt: step}), acme.On(top)))
		require.ErrorIs(t, err, errInjected)
		require.Empty(t, top.State().Namespaces)
	}
	_, err := score.Run(t.Context(), score.Sequence(tenant.GuardrailsScore{}.On(&guarded{}), acme.On(top)))
	require.NoError(t, err)
	require.Contains(t, top.State().Namespaces, "acme")
}

// A plan tells what the rules would refuse, and the TenantScore that allows it ends that.
func TestViolationsBeforeAndAfter(t *testing.T) {
	top := fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	_, err := score.Run(t.Context(), acme.On(top))
	require.NoError(t, err)
	top.Outsider().Put("acme", "", "services", "db",
		json.RawMessage(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"db"},"spec":{"type":"ExternalName","externalName":"db.example.net"}}`))
	notes := func(s tenant.GuardrailsScore) []string {
		t.Helper()
		report, err := score.Run(t.Context(), s.On(top.DryRun()))
		require.NoError(t, err)
		return report.Results[0].Outcome.Notes
	}
	have := notes(tenant.GuardrailsScore{})
	require.Len(t, have, 1)
	require.Contains(t, have[0], "exists and would be refused: Service acme/db: services: ")
	require.Empty(t, notes(tenant.GuardrailsScore{Without: []topology.Guardrail{topology.GuardrailServices}}))

	acme.NetworkIsolation.ExternalNames = []string{"example.net"}
	_, err = score.Run(t.Context(), acme.On(top))
	require.NoError(t, err)
	require.Empty(t, notes(tenant.GuardrailsScore{}))
}
