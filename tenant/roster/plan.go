package roster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

// PlanFormat is the version of a plan's JSON.
const PlanFormat = 2

// Plan is what a run of a roster would change. It can be kept, as JSON, and applied later, by [Apply], which refuses if the
// run would by then change anything else.
type Plan struct {
	Format   int       `json:"format"`
	Topology string    `json:"topology"`
	At       time.Time `json:"at"`
	Roster   Score     `json:"roster"`

	Tenants   []TenantPlan `json:"tenants,omitempty"` // with changes only, those with the gravest risk first
	Unchanged int          `json:"unchanged"`         // tenants
	Notes     []string     `json:"notes,omitempty"`

	Digest string `json:"digest"` // of the topology's name, the roster and the changes
}

// TenantPlan is what would become of one tenant.
type TenantPlan struct {
	Tenant  string            `json:"tenant"`
	Risks   []Risk            `json:"risks,omitempty"` // gravest first
	Changes []topology.Change `json:"changes"`
}

// PlanTopology is a topology of whose changes a plan can be made: T is what its dry run is.
type PlanTopology[T Topology] interface {
	Topology
	DryRun() T
}

// MakePlan makes the plan of a roster. Nothing is changed, and no lease is taken. Where a tenant would be refused there is no plan, and the error says why. On
// Kubernetes, make it over a snapshot:
//
//	plan, err := tenant.MakePlan(ctx, roster, cluster.Snapshot())
func MakePlan[T Topology](ctx context.Context, s Score, t PlanTopology[T]) (Plan, error) {
	report, err := planner.Run(ctx, s.On(t.DryRun()))
	if err != nil {
		return Plan{}, err
	}
	return newPlan(t.Name(), s, report.Results[0].Outcome), nil
}

// planner runs what changes nothing. So many at once help where there is no snapshot.
var planner = score.Runner{Concurrency: 16}

func newPlan(topologyName string, s Score, out interpret.Outcome) Plan {
	p := Plan{Format: PlanFormat, Topology: topologyName, At: time.Now().UTC().Truncate(time.Second), Roster: s, Notes: out.Notes}
	changes, tenants := map[string][]topology.Change{}, map[string]bool{}
	for _, c := range out.Changes {
		tenants[c.Name] = true
		if c.Action != topology.Unchanged {
			changes[c.Name] = append(changes[c.Name], c)
		}
	}
	for name, made := range changes {
		p.Tenants = append(p.Tenants, TenantPlan{Tenant: name, Risks: risksOf(made), Changes: made})
	}
	p.Unchanged = len(tenants) - len(p.Tenants)
	slices.SortFunc(p.Tenants, func(a, b TenantPlan) int {
		return cmp.Or(gravest(a.Risks)-gravest(b.Risks), strings.Compare(a.Tenant, b.Tenant))
	})
	p.Digest = p.digest()
	return p
}

// digest is of what the plan changes, and where, and of the roster: what is created has no fields that would say how. The roster is that which comes back
// from JSON, where an empty list is none.
func (p Plan) digest() string {
	var kept Score
	data, _ := json.Marshal(p.Roster) // plain data always marshals
	_ = json.Unmarshal(data, &kept)   // and comes back
	data, _ = json.Marshal([]any{p.Topology, kept, p.Tenants})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// String prints the plan for a person: a paragraph for each tenant that changes, its risks first, and a line with the sums, ending in a newline.
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
	fmt.Fprintf(&b, "\n%d tenants change, %d of them riskily, %d are unchanged\n", len(p.Tenants), risky, p.Unchanged)
	return b.String()
}

// Apply is the step that makes a plan true, on the topology that it was made for. It refuses (ErrConflict), touching nothing, if the plan is not what
// would be changed now. So a plan is applied once.
func Apply[T Topology](p Plan, t PlanTopology[T]) score.Step {
	return score.Bind[Topology](planned[T]{p, t}, t)
}

// planned is a plan bound to where it is applied, since a dry run of that is needed too.
type planned[T Topology] struct {
	Plan

	on PlanTopology[T]
}

func (p planned[T]) Name() string { return "plan of " + p.Roster.Name() }

// Validate refuses a plan that is of another release, or was edited.
func (p planned[T]) Validate() error {
	switch {
	case p.Format != PlanFormat:
		return fmt.Errorf("format: Unsupported value: %d: this release applies plans of format %d; make the plan anew", p.Format, PlanFormat)
	case p.Digest != p.digest():
		return fmt.Errorf("digest: Invalid value: %q: is not that of the plan; make the plan anew instead of editing it", p.Digest)
	default:
		return p.Roster.Validate()
	}
}

func (p planned[T]) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](p.apply)
}

// apply plans again, while no other run of the roster does anything, and goes on if that comes to the same.
func (p planned[T]) apply(ctx context.Context, t Topology) (out interpret.Outcome, err error) {
	if t.Name() != p.Topology {
		return out, &interpret.StepError{Step: "plan", Err: p.conflict(fmt.Sprintf("was made for %s and not for %s", p.Topology, t.Name()))}
	}
	err = p.Roster.alone(ctx, t, func(ctx context.Context) error {
		would, err := p.Roster.converge(unchanging(ctx), p.on.DryRun(), planner.Run)
		if err != nil {
			return err
		}
		if now := newPlan(t.Name(), p.Roster, would); now.Digest != p.Digest {
			return &interpret.StepError{Step: "plan", Err: p.stale(now)}
		}
		out, err = p.Roster.converge(ctx, t, score.RunWithin)
		return err
	})
	return out, err
}

// unchanging is a context that hears of no changes: those of a dry run are none.
func unchanging(ctx context.Context) context.Context {
	return topology.WithProgress(ctx, func(said topology.Progress) {
		if _, changed := said.(topology.Changed); !changed {
			topology.ReportProgress(ctx, said)
		}
	})
}

func (p Plan) conflict(detail string) error {
	return adapter.Call{Op: "apply", Kind: "Plan", Name: p.Roster.Name()}.Fail(topology.ErrConflict, detail+"; make the plan anew and look at it")
}

// stale says what has moved since the plan was made.
func (p Plan) stale(now Plan) error {
	before, after := p.byTenant(), now.byTenant()
	var moved []string
	for name := range before {
		if before[name] != after[name] {
			moved = append(moved, name)
		}
	}
	for name := range after {
		if before[name] == "" {
			moved = append(moved, name)
		}
	}
	slices.Sort(moved)
	return p.conflict("is no longer what would be changed, since these tenants have: " + strings.Join(summary.First(moved, summary.Most), ", "))
}

// byTenant is what would become of each tenant, to be compared.
func (p Plan) byTenant() map[string]string {
	all := map[string]string{}
	for _, t := range p.Tenants {
		data, _ := json.Marshal(t) // plain data always marshals
		all[t.Tenant] = string(data)
	}
	return all
}
