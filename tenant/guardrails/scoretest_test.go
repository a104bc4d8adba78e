package guardrails_test

import (
	"testing"

	"github.com/polyphony-go/polyphony/internal/faketest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/scoretest"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func TestScoreKeepsTheRulesOfScores(t *testing.T) {
	installed := guardrails.Score{}
	for name, tt := range map[string]struct {
		score  guardrails.Score
		before []guardrails.Score
	}{
		"every rule": {score: installed},
		"one rule":   {score: guardrails.Score{Without: topology.AllGuardrails()[1:]}},
		"fewer rules": {score: guardrails.Score{Without: []topology.Guardrail{topology.GuardrailImages}},
			before: []guardrails.Score{installed}},
		"more rules": {score: installed,
			before: []guardrails.Score{{Without: []topology.Guardrail{topology.GuardrailImages}}}},
		"removed": {score: guardrails.Score{Remove: true}, before: []guardrails.Score{installed}},
	} {
		t.Run(name, func(t *testing.T) {
			scoretest.Run(t, tt.score, func(t scoretest.T) scoretest.Infrastructure[*fake.Topology] {
				top := fake.New(fake.Options{})
				var prepare []score.Step
				for _, s := range tt.before {
					prepare = append(prepare, s.On(top))
				}
				return faketest.Infrastructure(t, top, prepare...)
			}, func(s guardrails.Score, top *fake.Topology) score.Step { return s.On(top) })
		})
	}
}
