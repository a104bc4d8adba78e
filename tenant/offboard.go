package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// OffboardScore is the absence of a tenant.
//
// A run withdraws all access, removes the namespace with everything in it, and waits until it is
// gone. It refuses, before it touches anything, to remove
//
//   - a tenant with TenantConfig.DeletionProtection,
//   - a namespace that Polyphony does not manage,
//   - a persistent volume claim that DeleteVolumes does not name.
//
// A tenant that does not exist needs no change. A cluster takes seconds to remove a namespace; to
// remove many tenants, set Concurrency of a [score.Runner].
type OffboardScore struct {
	// Tenant is the tenant's name, as in TenantConfig.Name. Required.
	Tenant string `json:"tenant"`

	// DeleteVolumes names the persistent volume claims whose data the run may destroy. Any other
	// claim stops the removal. Unset: none.
	DeleteVolumes []string `json:"deleteVolumes,omitempty"`

	// Wait is how long the namespace may take to disappear. After that the run fails, and the error
	// names what holds the namespace; another run continues to wait. Unset: two minutes. At most a
	// day.
	Wait Duration `json:"wait,omitzero"`
}

// defaultOffboardWait is the meaning of an unset OffboardScore.Wait.
const defaultOffboardWait = 2 * time.Minute

// OffboardTopology is the set of capabilities that an [OffboardScore] calls.
type OffboardTopology interface {
	topology.Topology
	topology.Namespaces
	topology.Volumes
	topology.AccessControl
	topology.ReadVisibility
}

var _ score.Score[OffboardTopology] = OffboardScore{}

// On binds the Score to a topology, for [score.Run].
func (s OffboardScore) On(t OffboardTopology) score.Step { return score.Bind[OffboardTopology](s, t) }

// Name returns "offboard/" and the tenant's name.
func (s OffboardScore) Name() string { return "offboard/" + s.Tenant }

// Validate reports every mistake at once, each with its JSON path.
func (s OffboardScore) Validate() error {
	errs := validateNamespaceName(s.Tenant, field.NewPath("tenant"))
	for i, name := range s.DeleteVolumes {
		at := field.NewPath("deleteVolumes").Index(i)
		for _, msg := range validation.IsDNS1123Subdomain(name) {
			errs = append(errs, field.Invalid(at, name, msg))
		}
		if slices.Contains(s.DeleteVolumes[:i], name) {
			errs = append(errs, field.Duplicate(at, name))
		}
	}
	return append(errs, s.Wait.Validate(field.NewPath("wait"))...).ToAggregate()
}

// Interpret returns the logic that removes the tenant. [OffboardScore.On] binds it to a topology.
func (s OffboardScore) Interpret() interpret.Interpret[OffboardTopology] {
	return interpret.Func[OffboardTopology](s.offboard)
}

func (s OffboardScore) offboard(ctx context.Context, t OffboardTopology) (interpret.Outcome, error) {
	run := offboarding{score: s, on: t}
	return interpret.Run(ctx,
		interpret.Check("guards", run.checkGuards),
		interpret.Ensure("access", run.deleteAccess),
		interpret.Ensure("read visibility", run.deleteReaders),
		interpret.Check("guards again", run.checkGuardsAgain),
		interpret.Ensure("namespace", run.deleteNamespace),
		interpret.Check("namespace gone", run.awaitGone),
		interpret.Ensure("read visibility again", run.deleteReadersAgain),
	)
}

// offboarding is one run of an OffboardScore. Its steps are methods.
type offboarding struct {
	score OffboardScore
	on    OffboardTopology

	readers topology.Change // what became of the read visibility at first
}

// checkGuards refuses unsafe removals. A namespace that is gone, or already being deleted, has
// nothing left to protect.
func (o *offboarding) checkGuards(ctx context.Context) error {
	namespace, err := o.on.Namespace(ctx, o.score.Tenant)
	if errors.Is(err, topology.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case !namespace.Managed:
		return o.refuse(topology.ErrConflict, fmt.Sprintf(
			"is not managed by polyphony, its owner is %q; remove it there", namespace.Owner))
	case namespace.Terminating:
		return nil
	case namespace.Protected:
		return o.refuse(topology.ErrProtected,
			"has deletion protection; run its TenantScore without tenantConfig.deletionProtection first")
	}
	return o.checkVolumes(ctx)
}

// checkVolumes refuses to destroy volumes that the Score does not name.
func (o *offboarding) checkVolumes(ctx context.Context) error {
	volumes, err := o.on.Volumes(ctx, o.score.Tenant)
	if err != nil {
		return err
	}
	var unnamed []string
	for _, v := range volumes {
		if !slices.Contains(o.score.DeleteVolumes, v.Name) {
			unnamed = append(unnamed, v.Name)
		}
	}
	if len(unnamed) == 0 {
		return nil
	}
	return o.refuse(topology.ErrProtected, "has volumes whose data would be lost: "+
		strings.Join(unnamed, ", ")+"; delete them, or name them in deleteVolumes")
}

func (o *offboarding) refuse(reason error, detail string) error {
	return adapter.Delete(topology.KindNamespace, o.score.Tenant).Fail(reason, detail)
}

func (o *offboarding) deleteAccess(ctx context.Context) (topology.Change, error) {
	return o.on.DeleteAccess(ctx, o.score.Tenant)
}

func (o *offboarding) deleteReaders(ctx context.Context) (topology.Change, error) {
	change, err := o.on.DeleteClusterReaders(ctx, o.score.Tenant)
	o.readers = change
	return change, err
}

// checkGuardsAgain finds volumes that members claimed before they lost access. It bypasses caches.
func (o *offboarding) checkGuardsAgain(ctx context.Context) error {
	return o.checkGuards(topology.Live(ctx))
}

func (o *offboarding) deleteNamespace(ctx context.Context) (topology.Change, error) {
	return o.on.DeleteNamespace(ctx, o.score.Tenant)
}

// awaitGone waits until the namespace is gone, or the Score's time has passed.
func (o *offboarding) awaitGone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.score.Wait.Or(defaultOffboardWait))
	defer cancel()
	return o.on.AwaitNamespaceGone(ctx, o.score.Tenant)
}

// deleteReadersAgain removes read visibility that another run granted while this one waited,
// because it is not in the namespace. It returns a Change only if it removed some. A dry run still
// finds the readers of the first deletion, and does not list them twice.
func (o *offboarding) deleteReadersAgain(ctx context.Context) (topology.Change, error) {
	change, err := o.on.DeleteClusterReaders(ctx, o.score.Tenant)
	if change.Action == topology.Unchanged || change.Action == o.readers.Action {
		change = topology.Change{}
	}
	return change, err
}
