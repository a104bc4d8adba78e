package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
)

// Score proves that tenants are isolated: it reads what is in force, of whoever, holds it against the Scores, and fails if anything that a
// Score promises is not so. It changes nothing. Run it last, and a deployment blocks on its proof:
//
//	score.Run(ctx, score.Sequence(tenant.GuardrailsScore{}.On(c), acme.On(c), globex.On(c), tenant.Score{Tenants: ...}.On(c)))
//
// It takes as many requests as there are kinds of things, whatever the number of tenants. Its error is an [*Error], which has the report.
type Score struct {
	// Tenants are all tenants of the topology. What one that is not among them may do is not known for a tenant's doing.
	Tenants []tenant.TenantScore `json:"tenants"`

	// Without are guardrails that need not hold: see [GuardrailsScore.Without].
	Without []topology.Guardrail `json:"without,omitempty"`

	// Report receives the report, also if everything holds. Unset: it is in the error alone.
	Report func(Report) `json:"-"`
}

// Topology is what it takes to prove isolation.
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

// Validate reports every mistake at once, each with its JSON path.
func (s Score) Validate() error {
	errs := topology.ValidateGuardrails(s.Without, field.NewPath("without"))
	if len(s.Tenants) == 0 {
		errs = append(errs, field.Required(field.NewPath("tenants"), "the tenants to prove isolated"))
	}
	seen := map[string]bool{}
	for i, t := range s.Tenants {
		at := field.NewPath("tenants").Index(i)
		errs = append(errs, tenant.ValidateTenantScore(t, at)...)
		if name := t.TenantConfig.Name; seen[name] {
			errs = append(errs, field.Duplicate(at.Child("tenantConfig", "name"), name))
		} else {
			seen[name] = true
		}
	}
	return errs.ToAggregate()
}

// Interpret reads and compares. See [Score.On].
func (s Score) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](s.prove)
}

func (s Score) prove(ctx context.Context, t Topology) (interpret.Outcome, error) {
	var report Report
	out, err := interpret.Run(ctx,
		interpret.Step{Name: "inspect", Do: func(ctx context.Context) (none topology.Change, err error) {
			in, err := t.Inspect(ctx)
			if err == nil {
				report = s.Examine(in)
			}
			return none, err
		}},
		interpret.Step{Name: "isolated", Do: func(context.Context) (none topology.Change, err error) {
			if s.Report != nil {
				s.Report(report)
			}
			if len(report.Broken()) > 0 {
				err = &Error{Report: report}
			}
			return none, err
		}},
	)
	for _, f := range report.Findings {
		if f.Status == Declared {
			out.Notes = append(out.Notes, f.String())
		}
	}
	out.Notes = summary.First(slices.Compact(slices.Sorted(slices.Values(out.Notes))), summary.Most)
	return out, err
}

// Guarantee is one thing that isolation consists of.
type Guarantee string

// The guarantees.
const (
	GuaranteeBoundary    Guarantee = "boundary"            // the namespace, its pod security, and what it is allowed
	GuaranteeQuota       Guarantee = "quota"               // in force, and the Score's
	GuaranteeLimits      Guarantee = "limits"              // the Score's
	GuaranteeNetwork     Guarantee = "network"             // the Score's rules, and no policy that opens more
	GuaranteeAccess      Guarantee = "access"              // members have the Score's rights at home, and no more
	GuaranteeIsolation   Guarantee = "isolation"           // nobody of another tenant has a right here, and members have none elsewhere
	GuaranteeVolumes     Guarantee = "volumes"             // claims have volumes that are meant for them
	GuaranteeGuardrails  Guarantee = "guardrails"          // every rule is installed and whole
	GuaranteeEnforcement Guarantee = "network enforcement" // something enforces network rules
)

// Status says whether a guarantee holds.
type Status string

// The statuses.
const (
	Enforced Status = "enforced"
	Broken   Status = "broken"
	Declared Status = "declared" // it cannot be seen from here
)

// Finding is a guarantee of one tenant, or of the topology as a whole, and whether it holds.
type Finding struct {
	Tenant    string    `json:"tenant,omitempty"` // empty: the topology as a whole
	Guarantee Guarantee `json:"guarantee"`
	Status    Status    `json:"status"`
	Witness   string    `json:"witness,omitempty"` // the object that decides, and what it says
	Remedy    string    `json:"remedy,omitempty"`
}

// String is the finding in a line.
func (f Finding) String() string {
	text := string(f.Guarantee) + " " + string(f.Status)
	if f.Tenant != "" {
		text = f.Tenant + ": " + text
	}
	if f.Witness != "" {
		text += ": " + f.Witness
	}
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	return text
}

// ReportFormat is the version of the JSON of reports. What it has keeps its meaning; another version may have more.
const ReportFormat = 1

// Report is what was found, to be kept.
type Report struct {
	Format   int       `json:"format"`
	Topology string    `json:"topology"`
	Version  string    `json:"version"` // of the infrastructure
	At       time.Time `json:"at"`
	Digest   string    `json:"digest"` // SHA-256 of what was read, the time aside
	Findings []Finding `json:"findings"`
}

// Broken are the findings that are.
func (r Report) Broken() []Finding {
	var broken []Finding
	for _, f := range r.Findings {
		if f.Status == Broken {
			broken = append(broken, f)
		}
	}
	return broken
}

// String prints what is broken and declared, and how much is enforced.
func (r Report) String() string {
	var b strings.Builder
	enforced := 0
	for _, f := range r.Findings {
		if f.Status == Enforced {
			enforced++
		} else {
			b.WriteString(f.String() + "\n")
		}
	}
	fmt.Fprintf(&b, "%d of %d guarantees on %s enforced", enforced, len(r.Findings), r.Topology)
	return b.String()
}

// ErrNotIsolated is what an [*Error] matches.
var ErrNotIsolated = errors.New("not isolated")

// Error says that a guarantee is broken.
type Error struct{ Report Report }

// Error names what is broken, twenty at most.
func (e *Error) Error() string {
	var lines []string
	for _, f := range e.Report.Broken() {
		lines = append(lines, f.String())
	}
	return fmt.Sprintf("not isolated on %s: %s", e.Report.Topology, strings.Join(summary.First(lines, summary.Most), "\n\t"))
}

// Unwrap returns ErrNotIsolated.
func (e *Error) Unwrap() error { return ErrNotIsolated }
