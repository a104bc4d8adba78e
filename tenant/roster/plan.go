package roster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// PlanFormat is the version of the JSON of plans. [Apply] refuses plans of another version.
const PlanFormat = 3

// Plan is what a run of a roster would change. It can be stored as JSON and applied later with
// [Apply], which refuses it if the run would change anything else by then.
type Plan struct {
	Format   int       `json:"format"`   // the version of the JSON: PlanFormat
	Topology string    `json:"topology"` // the name of the topology for which the plan was made
	At       time.Time `json:"at"`       // when the plan was made, in UTC, to the second
	Roster   Score     `json:"roster"`   // the roster that [Apply] runs

	// Tenants has the tenants that change, by their gravest risk and then by name. Empty: none
	// changes.
	Tenants []TenantPlan `json:"tenants,omitempty"`

	Unchanged int      `json:"unchanged"`       // the number of tenants that do not change
	Notes     []string `json:"notes,omitempty"` // remarks of the dry run, for people

	// Digest covers everything that the plan states, texts for people included, except At. [Apply]
	// refuses a plan that does not have its digest, so that nobody reviews another plan than the
	// one that is applied. It finds honest mistakes and is no signature.
	Digest string `json:"digest"`
}

// TenantPlan is what a run would change of one tenant.
type TenantPlan struct {
	Tenant  string            `json:"tenant"`          // the name of the tenant
	Risks   []Risk            `json:"risks,omitempty"` // codes, gravest first; empty: none
	Changes []topology.Change `json:"changes"`         // without those that are Unchanged

	// Digest covers the risks and what the changes do: the kind, name and action of each, its
	// values before and after, and whether they are inexact. It covers no text for people. [Apply]
	// compares it with that of a new plan, since a plan that comes back from JSON has no values.
	Digest string `json:"digest"`
}

// PlanTopology is a topology with a dry run of type T.
type PlanTopology[T Topology] interface {
	Topology

	// DryRun returns a view of the same topology that writes nothing.
	DryRun() T
}

// MakePlan returns the plan of a roster. It changes nothing and takes no lease. If a tenant would
// be refused there is no plan, and the error names the reason. On Kubernetes, use a snapshot:
//
//	plan, err := roster.MakePlan(ctx, s, cluster.Snapshot())
func MakePlan[T Topology](ctx context.Context, s Score, t PlanTopology[T]) (Plan, error) {
	report, err := planner.Run(ctx, s.On(t.DryRun()))
	if err != nil {
		return Plan{}, err
	}
	return newPlan(t.Name(), s, report.Results[0].Outcome), nil
}

// planner makes plans. Its concurrency helps on a topology without a snapshot.
var planner = score.Runner{Concurrency: 16}

func newPlan(topologyName string, s Score, out interpret.Outcome) Plan {
	p := Plan{
		Format: PlanFormat, Topology: topologyName, At: time.Now().UTC().Truncate(time.Second),
		Roster: s, Notes: out.Notes,
	}
	p.Tenants, p.Unchanged = planTenants(out.Changes)
	p.Digest = p.digest()
	return p
}

// planTenants returns the plan of each tenant that changes, the gravest risk first, and the number
// of tenants that do not change.
func planTenants(all []topology.Change) (plans []TenantPlan, unchanged int) {
	changes, tenants := map[string][]topology.Change{}, map[string]bool{}
	for _, c := range all {
		tenants[c.Name] = true
		if c.Action != topology.Unchanged {
			changes[c.Name] = append(changes[c.Name], c)
		}
	}
	for name, made := range changes {
		risks := risksOf(made)
		plans = append(plans, TenantPlan{
			Tenant: name, Risks: risks, Changes: made, Digest: digestOf(made, risks),
		})
	}
	slices.SortFunc(plans, func(a, b TenantPlan) int {
		return cmp.Or(tenantGravity(a.Risks)-tenantGravity(b.Risks), strings.Compare(a.Tenant, b.Tenant))
	})
	return plans, len(tenants) - len(plans)
}

// String prints the plan for people: a paragraph for each tenant that changes, its risks first, and
// a last line with the sums. It ends in a newline.
func (p Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s\n", p.Roster.Name(), p.Topology)
	risky := 0
	for _, t := range p.Tenants {
		fmt.Fprintf(&b, "\n%s\n", t.Tenant)
		if len(t.Risks) > 0 {
			risky++
		}
		for _, d := range t.Risks {
			fmt.Fprintf(&b, "  ! %s\n", d)
		}
		for _, c := range t.Changes {
			b.WriteString("  " + strings.ReplaceAll(c.String(), "\n", "\n  ") + "\n")
		}
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "\n! %s\n", note)
	}
	fmt.Fprintf(&b, "\n%d tenants change, %d of them with risks, %d are unchanged\n", len(p.Tenants), risky, p.Unchanged)
	return b.String()
}

// Apply returns the step that applies a plan to the topology that it was made for. If a run would
// change anything else by now, it fails with [topology.ErrConflict] and touches nothing. So a plan
// is applied once.
func Apply[T Topology](p Plan, t PlanTopology[T]) score.Step {
	return score.Bind[Topology](planned[T]{p, t}, t)
}

// planned is a plan with the topology to apply it to, of which it needs the dry run too.
type planned[T Topology] struct {
	Plan

	on PlanTopology[T]
}

func (p planned[T]) Name() string { return "plan of " + p.Roster.Name() }

// Validate refuses a plan of another format, or one that was edited.
func (p planned[T]) Validate() error {
	switch {
	case p.Format != PlanFormat:
		return fmt.Errorf("format: Unsupported value: %d: this release applies plans of format %d; make a new plan",
			p.Format, PlanFormat)
	case p.Digest != p.digest():
		return fmt.Errorf("digest: Invalid value: %q: is not that of the plan; make a new plan instead of editing it",
			p.Digest)
	default:
		return p.Roster.Validate()
	}
}

func (p planned[T]) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](p.apply)
}

// apply takes the lease and plans again. If the plan is the same, it runs the roster.
func (p planned[T]) apply(ctx context.Context, t Topology) (out interpret.Outcome, err error) {
	if t.Name() != p.Topology {
		err := p.conflict(fmt.Sprintf("was made for %s and not for %s", p.Topology, t.Name()))
		return out, &interpret.StepError{Step: "plan", Err: err}
	}
	err = p.Roster.withLease(ctx, t, func(ctx context.Context) error {
		would, err := p.Roster.converge(withoutChanges(ctx), p.on.DryRun(), planner.Run)
		if err != nil {
			return err
		}
		now, _ := planTenants(would.Changes)
		if names := differing(p.Tenants, now); len(names) > 0 {
			return &interpret.StepError{Step: "plan", Err: p.stale(names)}
		}
		out, err = p.Roster.converge(ctx, t, score.RunWithin)
		return err
	})
	return out, err
}

// withoutChanges returns a context that reports no changes, because a dry run makes none.
func withoutChanges(ctx context.Context) context.Context {
	return topology.WithProgress(ctx, func(p topology.Progress) {
		if _, changed := p.(topology.Changed); !changed {
			topology.ReportProgress(ctx, p)
		}
	})
}

func (p Plan) conflict(detail string) error {
	call := adapter.Call{Op: "apply", Kind: "Plan", Name: p.Roster.Name()}
	return call.Fail(topology.ErrConflict, detail+"; make a new plan and review it")
}

// stale returns the error for a plan that differs from a new one for some tenants.
func (p Plan) stale(tenants []string) error {
	some := strings.Join(summary.Shorten(tenants, summary.MaxLines), ", ")
	return p.conflict("is out of date, because other changes are needed now for: " + some)
}
