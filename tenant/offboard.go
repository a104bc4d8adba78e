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

// OffboardScore is the absence of a tenant. It takes access away first, then removes the namespace with all that is in it, and waits until
// that is gone. It refuses, touching nothing, when the tenant has deletion protection, when the namespace is not managed by
// Polyphony, or when there are volumes that DeleteVolumes does not name. A tenant that does not exist is already off-boarded. A cluster takes
// seconds to remove a namespace: to remove many tenants, use a [score.Runner] with Concurrency.
type OffboardScore struct {
	Tenant string `json:"tenant"`

	// DeleteVolumes names the persistent volume claims whose data may be lost. What else there is stops the removal.
	DeleteVolumes []string `json:"deleteVolumes,omitempty"`

	// Wait is how long the namespace may take to go. After that the error says what holds it, and another
	// run goes on waiting. Unset: two minutes. At most a day.
	Wait Duration `json:"wait,omitzero"`
}

const defaultOffboardWait = 2 * time.Minute

// OffboardTopology is what it takes to remove a tenant.
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

// Interpret removes the tenant. See [OffboardScore.On].
func (s OffboardScore) Interpret() interpret.Interpret[OffboardTopology] {
	return interpret.Func[OffboardTopology](s.offboard)
}

// offboard looks for volumes twice: before it touches anything, and again when nobody has access any more, for those that were
// claimed in between. Read visibility, which is not in the namespace, it takes away twice too.
func (s OffboardScore) offboard(ctx context.Context, t OffboardTopology) (interpret.Outcome, error) {
	check := func(guard func(context.Context, OffboardTopology) error) func(context.Context) (topology.Change, error) {
		return func(ctx context.Context) (topology.Change, error) { return topology.Change{}, guard(ctx, t) }
	}
	var taken topology.Change
	return interpret.Run(ctx,
		interpret.Step{Name: "guards", Do: check(s.guard)},
		interpret.Step{Name: "access", Do: func(ctx context.Context) (topology.Change, error) { return t.DeleteAccess(ctx, s.Tenant) }},
		interpret.Step{Name: "read visibility", Do: func(ctx context.Context) (_ topology.Change, err error) {
			taken, err = t.DeleteClusterReaders(ctx, s.Tenant)
			return taken, err
		}},
		interpret.Step{Name: "guards again", Do: check(s.guardAgain)},
		interpret.Step{Name: "namespace", Do: func(ctx context.Context) (topology.Change, error) { return t.DeleteNamespace(ctx, s.Tenant) }},
		interpret.Step{Name: "namespace gone", Do: check(s.awaitGone)},
		interpret.Step{Name: "read visibility again", Do: func(ctx context.Context) (topology.Change, error) {
			again, err := t.DeleteClusterReaders(ctx, s.Tenant)
			if again.Action == topology.Unchanged || again.Action == taken.Action { // nobody has given it in between; a plan takes it only once
				again = topology.Change{}
			}
			return again, err
		}},
	)
}

// guardAgain does not go by what is remembered.
func (s OffboardScore) guardAgain(ctx context.Context, t OffboardTopology) error {
	return s.guard(topology.Live(ctx), t)
}

// guard refuses what must not be removed. A namespace that is gone, or already going, has nothing left to guard.
func (s OffboardScore) guard(ctx context.Context, t OffboardTopology) error {
	namespace, err := t.Namespace(ctx, s.Tenant)
	if errors.Is(err, topology.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	refuse := func(reason error, detail string) error {
		return adapter.Delete(topology.KindNamespace, s.Tenant).Fail(reason, detail)
	}
	switch {
	case !namespace.Managed:
		return refuse(topology.ErrConflict, fmt.Sprintf("is not managed by polyphony, its owner is %q; remove it there", namespace.Owner))
	case namespace.Terminating:
		return nil
	case namespace.Protected:
		return refuse(topology.ErrProtected, "has deletion protection; run its TenantScore without tenantConfig.deletionProtection first")
	}
	volumes, err := t.Volumes(ctx, s.Tenant)
	if err != nil {
		return err
	}
	var unnamed []string
	for _, v := range volumes {
		if !slices.Contains(s.DeleteVolumes, v.Name) {
			unnamed = append(unnamed, v.Name)
		}
	}
	if len(unnamed) > 0 {
		return refuse(topology.ErrProtected, "has volumes whose data would be lost: "+strings.Join(unnamed, ", ")+"; delete them, or name them in deleteVolumes")
	}
	return nil
}

func (s OffboardScore) awaitGone(ctx context.Context, t OffboardTopology) error {
	ctx, cancel := context.WithTimeout(ctx, s.Wait.Or(defaultOffboardWait))
	defer cancel()
	return t.AwaitNamespaceGone(ctx, s.Tenant)
}
