package tenant

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// GuardrailsScore is the rules that the infrastructure holds every tenant to, whatever it writes into its namespace: where images come from,
// which hosts it serves, what its volumes are (see [topology.Guardrail] for each). Its zero value is every rule. What a tenant is allowed beyond
// them stands in its TenantScore, which is of no effect without.
//
// There is one for a topology, and it goes before the tenants. In a sequence, no tenant is provisioned without it:
//
//	score.Run(ctx, score.Sequence(tenant.GuardrailsScore{}.On(cluster), acme.On(cluster)))
//
// In a sequence tenants also stop each other; of many, run the guardrails first and then the tenants.
//
// What tenants have already and a rule would refuse stays, and can be changed as long as the change does not touch what is refused: a pod
// goes on running, and the one that replaces it is refused. The Outcome has a note for each, also in a plan, so plan first. It takes
// Kubernetes 1.30 or later, whose API server judges by itself: there is no webhook, and nothing of Polyphony has to keep running.
type GuardrailsScore struct {
	// Without are rules that shall not hold, such as "images". What such a rule would refuse every tenant may then do, whatever its
	// TenantScore says. Unset: every rule of this release holds.
	Without []topology.Guardrail `json:"without,omitempty"`

	// Remove takes every rule away. Unset, they are installed.
	Remove bool `json:"remove,omitempty"`
}

const (
	guardrailsWait = time.Minute // for rules that are stored to be in force; it takes seconds where the API servers are well
	maxNotes       = 20          // of one sort
)

// GuardrailsTopology is what it takes to install guardrails.
type GuardrailsTopology interface {
	topology.Topology
	topology.Guardrails
}

var _ score.Score[GuardrailsTopology] = GuardrailsScore{}

// On binds the Score to a topology, for [score.Run].
func (s GuardrailsScore) On(t GuardrailsTopology) score.Step {
	return score.Bind[GuardrailsTopology](s, t)
}

// Name returns "guardrails".
func (s GuardrailsScore) Name() string { return "guardrails" }

// Validate reports every mistake at once, each with its JSON path.
func (s GuardrailsScore) Validate() error {
	at := field.NewPath("without")
	errs := validateWithout(s.Without, at)
	switch {
	case s.Remove && len(s.Without) > 0:
		errs = append(errs, field.Forbidden(field.NewPath("remove"), "takes every rule away, so there is none to do without; leave one of both out"))
	case len(s.rules()) == 0:
		errs = append(errs, field.Invalid(at, len(s.Without), "leaves no rule; set remove to have none"))
	}
	return errs.ToAggregate()
}

func validateWithout(without []topology.Guardrail, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, rule := range without {
		switch {
		case slices.Contains(without[:i], rule):
			errs = append(errs, field.Duplicate(at.Index(i), rule))
		case !slices.Contains(topology.AllGuardrails(), rule):
			errs = append(errs, field.NotSupported(at.Index(i), rule, topology.AllGuardrails()))
		}
	}
	return errs
}

// Interpret installs the rules, or removes them. See [GuardrailsScore.On].
func (s GuardrailsScore) Interpret() interpret.Interpret[GuardrailsTopology] {
	return interpret.Func[GuardrailsTopology](s.guard)
}

// rules are those that shall hold.
func (s GuardrailsScore) rules() []topology.Guardrail {
	return slices.DeleteFunc(topology.AllGuardrails(), func(rule topology.Guardrail) bool { return slices.Contains(s.Without, rule) })
}

func (s GuardrailsScore) guard(ctx context.Context, t GuardrailsTopology) (interpret.Outcome, error) {
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
	out.Notes = firstOf(sorted(notes), maxNotes)
	return out, err
}

// firstOf is the first n lines, and how many more there are.
func firstOf(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(slices.Clone(lines[:n]), fmt.Sprintf("and %d more", len(lines)-n))
}
