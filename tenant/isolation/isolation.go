package isolation

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
)

// Score is the claim that tenants are isolated. It reads everything that is in force, whether
// Polyphony manages it or not. It fails with an [*Error] if a guarantee of the tenants' Scores does
// not hold. It changes nothing.
//
// The number of requests depends on the number of kinds of objects, not on the number of tenants.
type Score struct {
	// Tenants lists every tenant of the topology. At least one is required. A right of a tenant
	// that is not in the list is not recognised as a right of another tenant.
	Tenants []tenant.TenantScore `json:"tenants"`

	// Without lists guardrails that need not be installed, as in guardrails.Score. Unset: all of
	// them must be installed.
	Without []topology.Guardrail `json:"without,omitempty"`

	// Report receives the report before the run returns, also if every guarantee holds. Unset: only
	// the error has a report.
	Report func(Report) `json:"-"`
}

// Topology has the capabilities that a Score needs.
type Topology interface {
	topology.Topology
	topology.Inspector
}

var _ score.Score[Topology] = Score{}

// On binds the Score to a topology, for [score.Run].
func (s Score) On(t Topology) score.Step {
	return score.Bind[Topology](s, t)
}

// Name returns "isolation".
func (s Score) Name() string { return "isolation" }

// Validate reports every mistake at once, each with its JSON path. It validates the tenants too.
func (s Score) Validate() error {
	errs := topology.ValidateGuardrails(s.Without, field.NewPath("without"))
	tenants := field.NewPath("tenants")
	if len(s.Tenants) == 0 {
		errs = append(errs, field.Required(tenants, "the tenants to prove isolated"))
	}
	seen := map[string]bool{}
	for i, t := range s.Tenants {
		at := tenants.Index(i)
		errs = append(errs, tenant.ValidateTenantScore(t, at)...)
		name := t.TenantConfig.Name
		if seen[name] {
			errs = append(errs, field.Duplicate(at.Child("tenantConfig", "name"), name))
		}
		seen[name] = true
	}
	return errs.ToAggregate()
}

// Interpret returns the steps that read the topology, examine it and report. See [Score.On].
func (s Score) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](s.execute)
}

func (s Score) execute(ctx context.Context, t Topology) (interpret.Outcome, error) {
	var report Report
	out, err := interpret.Run(ctx,
		interpret.Check("inspect", func(ctx context.Context) error {
			in, err := t.Inspect(ctx)
			if err == nil {
				report = s.Examine(in)
			}
			return err
		}),
		interpret.Check("isolated", func(context.Context) error { return s.deliver(report) }),
	)
	out.Notes = report.notes()
	return out, err
}

// deliver hands the report over, and returns an [*Error] if a guarantee is broken.
func (s Score) deliver(report Report) error {
	if s.Report != nil {
		s.Report(report)
	}
	if len(report.Broken()) > 0 {
		return &Error{Report: report}
	}
	return nil
}

// notes returns one note for each guarantee that is declared, sorted.
func (r Report) notes() []string {
	var lines []string
	for _, f := range r.Findings {
		if f.Status == Declared {
			lines = append(lines, f.String())
		}
	}
	slices.Sort(lines)
	return summary.Shorten(slices.Compact(lines), summary.MaxLines)
}
