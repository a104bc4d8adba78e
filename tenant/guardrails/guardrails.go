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

// Score is the set of rules that a topology enforces on every tenant. Its zero value is every rule
// of this release.
type Score struct {
	// Without lists rules that are not installed, such as "images". Every tenant may then do what
	// such a rule would refuse, even if its tenant.TenantScore does not ask for it. Unset: every
	// rule is installed.
	Without []topology.Guardrail `json:"without,omitempty"`

	// Remove removes every rule. It cannot be combined with Without. Unset: the rules are
	// installed.
	Remove bool `json:"remove,omitempty"`
}

// Topology has the capabilities that a Score needs.
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
	without := field.NewPath("without")
	errs := topology.ValidateGuardrails(s.Without, without)
	switch {
	case s.Remove && len(s.Without) > 0:
		errs = append(errs, field.Forbidden(field.NewPath("remove"),
			"removes every rule, so without has no effect; leave one of the two out"))
	case len(s.rules()) == 0:
		errs = append(errs, field.Invalid(without, len(s.Without), "leaves no rule; set remove instead"))
	}
	return errs.ToAggregate()
}

// Interpret returns the steps that install the rules, or remove them. See [Score.On].
func (s Score) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](s.execute)
}

// rules returns the rules to install.
func (s Score) rules() []topology.Guardrail {
	return topology.GuardrailsWithout(s.Without)
}

// awaitTimeout is how long the Score waits until the stored rules are in force. On healthy API
// servers this takes seconds.
const awaitTimeout = time.Minute

func (s Score) execute(ctx context.Context, t Topology) (interpret.Outcome, error) {
	if s.Remove {
		return interpret.Run(ctx, interpret.Ensure("guardrails", t.DeleteGuardrails))
	}
	want := topology.GuardrailSet{Version: topology.GuardrailsVersion, Rules: s.rules()}
	var violations []topology.Violation
	out, err := interpret.Run(ctx,
		interpret.Ensure("guardrails", func(ctx context.Context) (topology.Change, error) {
			return t.EnsureGuardrails(ctx, want)
		}),
		interpret.Check("in force", func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, awaitTimeout)
			defer cancel()
			return t.AwaitGuardrails(ctx)
		}),
		interpret.Check("violations", func(ctx context.Context) (err error) {
			violations, err = t.Violations(ctx, want.Rules)
			return err
		}),
	)
	out.Notes = notes(violations)
	return out, err
}

// notes returns one note for each violation, sorted. Beyond the first twenty it only counts them.
func notes(violations []topology.Violation) []string {
	var lines []string
	for _, v := range violations {
		lines = append(lines, "exists and would be refused: "+v.String())
	}
	slices.Sort(lines)
	return summary.Shorten(slices.Compact(lines), summary.MaxLines)
}
