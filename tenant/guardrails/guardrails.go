package guardrails

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// Score is the rules that the infrastructure holds every tenant to, whatever it writes into its namespace: where images come from,
// which hosts it serves, what its volumes are (see [topology.Guardrail] for each). Its zero value is every rule. What a tenant is allowed beyond
// them stands in its tenant.TenantScore, which is of no effect without.
//
// There is one for a topology, and it goes before the tenants. In a sequence, no tenant is provisioned without it:
//
//	score.Run(ctx, score.Sequence(tenant.Score{}.On(cluster), acme.On(cluster)))
//
// In a sequence tenants also stop each other; of many, run the guardrails first and then the tenants.
//
// What tenants have already and a rule would refuse stays, and can be changed as long as the change does not touch what is refused: a pod
// goes on running, and the one that replaces it is refused. The Outcome has a note for each, also in a plan, so plan first. It takes
// Kubernetes 1.30 or later, whose API server judges by itself: there is no webhook, and nothing of Polyphony has to keep running.
type Score struct {
	// Without are rules that shall not hold, such as "images". What such a rule would refuse every tenant may then do, whatever its
	// tenant.TenantScore says. Unset: every rule of this release holds.
	Without []topology.Guardrail `json:"without,omitempty"`

	// Remove takes every rule away. Unset, they are installed.
	Remove bool `json:"remove,omitempty"`
}

const (
	guardrailsWait = time.Minute // for rules that are stored to be in force; it takes seconds where the API servers are well
)

// Topology is what it takes to install guardrails.
type Topology interface {
	topology.Topology
	topology.Guardrails
}

var _ score.Score[Topology] = Score{}

// On binds the Score to a topology, for [score.Run].
func (s Score) On(t Topology) score.Step {
	return score.Bind[Topology](s, t)
}

// Name returns "guardrails".
func (s Score) Name() string { return "guardrails" }

// Validate reports every mistake at once, each with its JSON path.
func (s Score) Validate() error {
	at := field.NewPath("without")
	errs := topology.ValidateGuardrails(s.Without, at)
	switch {
	case s.Remove && len(s.Without) > 0:
		errs = append(errs, field.Forbidden(field.NewPath("remove"), "takes every rule away, so there is none to do without; leave one of both out"))
	case len(s.rules()) == 0:
		errs = append(errs, field.Invalid(at, len(s.Without), "leaves no rule; set remove to have none"))
	}
	return errs.ToAggregate()
}

// Interpret installs the rules, or removes them. See [Score.On].
func (s Score) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](s.guard)
}

// rules are those that shall hold.
func (s Score) rules() []topology.Guardrail {
	return topology.GuardrailsWithout(s.Without)
}

func (s Score) guard(ctx context.Context, t Topology) (interpret.Outcome, error) {
	if s.Remove {
		return interpret.Run(ctx, interpret.Step{Name: "guardrails", Do: t.DeleteGuardrails})
	}
	want := topology.GuardrailSet{Version: topology.GuardrailsVersion, Rules: s.rules()}
	var notes []string
	out, err := interpret.Run(ctx,
		interpret.Step{Name: "guardrails", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureGuardrails(ctx, want)
		}},
		interpret.Step{Name: "in force", Do: func(ctx context.Context) (none topology.Change, err error) {
			ctx, cancel := context.WithTimeout(ctx, guardrailsWait)
			defer cancel()
			return none, t.AwaitGuardrails(ctx)
		}},
		interpret.Step{Name: "violations", Do: func(ctx context.Context) (none topology.Change, err error) {
			violations, err := t.Violations(ctx, want.Rules)
			for _, v := range violations {
				notes = append(notes, "exists and would be refused: "+v.String())
			}
			return none, err
		}},
	)
	out.Notes = summary.First(slices.Compact(slices.Sorted(slices.Values(notes))), summary.Most)
	return out, err
}
