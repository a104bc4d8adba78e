package guardrails_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/internal/valuetest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

var errInjected = errors.New("injected")

func TestScoreValidate(t *testing.T) {
	all := topology.AllGuardrails()
	tests := []struct {
		name  string
		score guardrails.Score
		paths []string
	}{
		{"every rule", guardrails.Score{}, nil},
		{"an empty list without", guardrails.Score{Without: []topology.Guardrail{}}, nil},
		{"without one", guardrails.Score{Without: []topology.Guardrail{"images"}}, nil},
		{"without all but one", guardrails.Score{Without: all[1:]}, nil},
		{"removed", guardrails.Score{Remove: true}, nil},
		{"removed, and an empty list without", guardrails.Score{Remove: true, Without: []topology.Guardrail{}}, nil},
		{"without all", guardrails.Score{Without: all}, []string{"without"}},
		{"unknown", guardrails.Score{Without: []topology.Guardrail{"walls"}}, []string{"without[0]"}},
		{
			"in capitals", guardrails.Score{Without: []topology.Guardrail{"claims", "Images"}},
			[]string{"without[1]"},
		},
		{"empty", guardrails.Score{Without: []topology.Guardrail{""}}, []string{"without[0]"}},
		{
			"twice", guardrails.Score{Without: []topology.Guardrail{"images", "claims", "images"}},
			[]string{"without[2]"},
		},
		{
			"removed, and without one", guardrails.Score{Without: []topology.Guardrail{"images"}, Remove: true},
			[]string{"remove"},
		},
		{
			"everything at once",
			guardrails.Score{Without: []topology.Guardrail{"walls", "images", "images"}, Remove: true},
			[]string{"without[0]", "without[2]", "remove"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			valuetest.RequireFieldPaths(t, tt.paths, tt.score.Validate())
		})
	}
	unknown := guardrails.Score{Without: []topology.Guardrail{"walls"}}.Validate()
	for _, rule := range all {
		require.ErrorContains(t, unknown, fmt.Sprintf("%q", rule))
	}
}

func TestScoreReadsAndWritesJSONAndYAML(t *testing.T) {
	s := guardrails.Score{Without: []topology.Guardrail{"images", "default-token"}}
	require.Equal(t, "guardrails", s.Name())
	var fromYAML guardrails.Score
	require.NoError(t, yaml.UnmarshalStrict([]byte("without: [images, default-token]\n"), &fromYAML))
	require.Equal(t, s, fromYAML)
	for want, s := range map[string]guardrails.Score{
		`{"without":["images","default-token"]}`: s,
		`{"remove":true}`:                        {Remove: true},
		`{}`:                                     {},
	} {
		data, err := json.Marshal(s)
		require.NoError(t, err)
		require.JSONEq(t, want, string(data))
	}
}

// recorder is a topology that records the calls of its guardrails, and what each was given.
type recorder struct {
	topology.Topology
	violations []topology.Violation
	failAt     string
	calls      []string
	wanted     []topology.GuardrailSet
	asked      [][]topology.Guardrail
	timeout    time.Duration // of AwaitGuardrails
}

func (r *recorder) call(name string) error {
	r.calls = append(r.calls, name)
	if name == r.failAt {
		return errInjected
	}
	return nil
}

func (r *recorder) Name() string { return "recorder" }
func (r *recorder) Guardrails(context.Context) (topology.GuardrailSet, error) {
	return topology.GuardrailSet{}, r.call("read")
}
func (r *recorder) EnsureGuardrails(_ context.Context, want topology.GuardrailSet) (topology.Change, error) {
	r.wanted = append(r.wanted, want)
	return topology.Change{Kind: topology.KindGuardrails, Action: topology.Created}, r.call("ensure")
}
func (r *recorder) DeleteGuardrails(context.Context) (topology.Change, error) {
	return topology.Change{Kind: topology.KindGuardrails, Action: topology.Deleted}, r.call("delete")
}
func (r *recorder) AwaitGuardrails(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	r.timeout = time.Until(deadline)
	return r.call("await")
}
func (r *recorder) Violations(_ context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	r.asked = append(r.asked, rules)
	return r.violations, r.call("violations")
}

func TestScoreInstallsThenWaitsThenListsViolations(t *testing.T) {
	install := []string{"ensure", "await", "violations"}
	tests := []struct {
		name  string
		score guardrails.Score
		on    recorder
		calls []string
		step  string // the step that fails
	}{
		{name: "install", calls: install},
		{name: "remove", score: guardrails.Score{Remove: true}, calls: []string{"delete"}},
		{name: "not installed", on: recorder{failAt: "ensure"}, calls: install[:1], step: "guardrails"},
		{name: "not in force", on: recorder{failAt: "await"}, calls: install[:2], step: "in force"},
		{name: "violations not listed", on: recorder{failAt: "violations"}, calls: install, step: "violations"},
		{
			name: "not removed", score: guardrails.Score{Remove: true},
			on: recorder{failAt: "delete"}, calls: []string{"delete"}, step: "guardrails",
		},
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

func TestScoreInstallsAllRulesButThoseInWithout(t *testing.T) {
	for _, without := range [][]topology.Guardrail{nil, {"images"}, {"volumes", "claims"}} {
		var on recorder
		_, err := score.Run(t.Context(), guardrails.Score{Without: without}.On(&on))
		require.NoError(t, err)
		var want []topology.Guardrail
		for _, rule := range topology.AllGuardrails() {
			if !slices.Contains(without, rule) {
				want = append(want, rule)
			}
		}
		require.Equal(t, []topology.GuardrailSet{{Version: topology.GuardrailsVersion, Rules: want}}, on.wanted)
		require.Equal(t, [][]topology.Guardrail{want}, on.asked, "violations of other rules do not matter")
	}
}

func TestScoreWaitsForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on recorder
		_, err := score.Run(t.Context(), guardrails.Score{}.On(&on))
		require.NoError(t, err)
		require.Equal(t, time.Minute, on.timeout)
	})
}

func TestScoreNotesTheFirstTwentyViolations(t *testing.T) {
	violations := func(n int) (all []topology.Violation) {
		for i := range n {
			all = append(all, topology.Violation{
				Rule: topology.GuardrailImages, Namespace: "acme", Kind: "Pod",
				Name: fmt.Sprintf("web-%02d", n-i), Message: "no",
			})
		}
		return all
	}
	for n, last := range map[int]string{
		1:  "exists and would be refused: Pod acme/web-01: images: no",
		20: "exists and would be refused: Pod acme/web-20: images: no",
		21: "and 1 more",
		45: "and 25 more",
	} {
		report, err := score.Run(t.Context(), guardrails.Score{}.On(&recorder{violations: violations(n)}))
		require.NoError(t, err)
		notes := report.Results[0].Outcome.Notes
		require.Len(t, notes, min(n, 21))
		require.Equal(t, "exists and would be refused: Pod acme/web-01: images: no", notes[0])
		require.Equal(t, last, notes[len(notes)-1])
		require.True(t, slices.IsSorted(notes[:min(n, 20)]))
	}
	report, err := score.Run(t.Context(), guardrails.Score{}.On(&recorder{}))
	require.NoError(t, err)
	require.Empty(t, report.Results[0].Outcome.Notes)
}

func TestSequenceProvisionsNoTenantWithoutGuardrails(t *testing.T) {
	top := fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	for _, step := range []string{"ensure", "await", "violations"} {
		_, err := score.Run(t.Context(),
			score.Sequence(guardrails.Score{}.On(&recorder{failAt: step}), acme.On(top)))
		require.ErrorIs(t, err, errInjected)
		require.Empty(t, top.State().Namespaces)
	}
	_, err := score.Run(t.Context(), score.Sequence(guardrails.Score{}.On(&recorder{}), acme.On(top)))
	require.NoError(t, err)
	require.Contains(t, top.State().Namespaces, "acme")
}

func TestDryRunNotesViolationsUntilTheTenantScoreAllowsThem(t *testing.T) {
	top := fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	_, err := score.Run(t.Context(), acme.On(top))
	require.NoError(t, err)
	top.Outsider().Put("acme", "", "services", "db", json.RawMessage(`{
		"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"},
		"spec": {"type": "ExternalName", "externalName": "db.example.net"}}`))
	notes := func(s guardrails.Score) []string {
		t.Helper()
		report, err := score.Run(t.Context(), s.On(top.DryRun()))
		require.NoError(t, err)
		return report.Results[0].Outcome.Notes
	}
	have := notes(guardrails.Score{})
	require.Len(t, have, 1)
	require.Contains(t, have[0], "exists and would be refused: Service acme/db: services: ")
	require.Empty(t, notes(guardrails.Score{Without: []topology.Guardrail{topology.GuardrailServices}}))

	acme.NetworkIsolation.ExternalNames = []string{"example.net"}
	_, err = score.Run(t.Context(), acme.On(top))
	require.NoError(t, err)
	require.Empty(t, notes(guardrails.Score{}))
}
