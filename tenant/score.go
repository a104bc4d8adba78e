package tenant

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// TenantScore is the desired state of one tenant. Only TenantConfig.Name is required; every other
// field that is unset has the strictest value. The same value is a Go literal, JSON and, by
// sigs.k8s.io/yaml, YAML.
type TenantScore struct {
	// TenantConfig holds the name of the tenant and the properties of its namespace. Its Name is
	// required.
	TenantConfig TenantConfig `json:"tenantConfig"`

	// ResourceQuotas bounds what the tenant may use. Unset: small starter amounts.
	ResourceQuotas ResourceQuotaConfig `json:"resourceQuotas,omitzero"`

	// NetworkIsolation lists the peers of the tenant's pods. Unset: each other and the name
	// servers.
	NetworkIsolation NetworkIsolationPolicy `json:"networkIsolation,omitzero"`

	// StorageAccess lists the volumes that the tenant may claim. Unset: none.
	StorageAccess StorageAccessConfig `json:"storageAccess,omitzero"`

	// RBAC lists the members of the tenant and their roles. Unset: there are none.
	RBAC RBACConfig `json:"rbac,omitzero"`
}

// Topology is the set of capabilities that a [TenantScore] calls.
type Topology interface {
	topology.Topology
	topology.Platforms
	topology.Domains
	topology.Namespaces
	topology.Quotas
	topology.LimitRanges
	topology.NetworkIsolation
	topology.AccessControl
	topology.ReadVisibility
}

var _ score.Score[Topology] = TenantScore{}

// On binds the Score to a topology, for [score.Run].
func (s TenantScore) On(t Topology) score.Step { return score.Bind[Topology](s, t) }

// Name returns "tenant/" and the tenant's name.
func (s TenantScore) Name() string { return "tenant/" + s.TenantConfig.Name }

// Validate reports every mistake at once, each with the JSON path of its field. It sends no
// request. The error is nil or an aggregate (k8s.io/apimachinery/pkg/util/errors) of *field.Error.
func (s TenantScore) Validate() error {
	return ValidateTenantScore(s, nil).ToAggregate()
}

// Interpret returns the logic that provisions the tenant: [TenantScore.Provision] without a roster.
// [TenantScore.On] binds it to a topology.
func (s TenantScore) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](func(ctx context.Context, t Topology) (interpret.Outcome, error) {
		return s.Provision(ctx, t, "")
	})
}

// ValidateTenantScore returns every mistake of a Score that is part of a larger value. The paths of
// the mistakes begin with the path at; nil is the root.
func ValidateTenantScore(s TenantScore, at *field.Path) field.ErrorList {
	child := func(name string) *field.Path {
		if at == nil {
			return field.NewPath(name)
		}
		return at.Child(name)
	}
	var errs field.ErrorList
	errs = append(errs, s.TenantConfig.validate(child("tenantConfig"))...)
	errs = append(errs, s.ResourceQuotas.validate(child("resourceQuotas"))...)
	errs = append(errs, s.NetworkIsolation.validate(child("networkIsolation"), s.TenantConfig.Name)...)
	errs = append(errs, s.StorageAccess.validate(child("storageAccess"), s.ResourceQuotas, child("resourceQuotas"))...)
	errs = append(errs, s.RBAC.validate(child("rbac"))...)
	return errs
}
