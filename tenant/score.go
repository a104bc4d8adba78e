// Package tenant provisions isolated tenants: one namespace each, fenced in by quota, limits, network rules, pod security and
// least-privilege roles.
//
// A [TenantScore] says what a tenant is; its zero value but for the name is the tightest tenant there is. An [OffboardScore] removes one.
// A [GuardrailsScore], one for the whole topology, holds all tenants to rules about what they write.
// Everything is enforced by the infrastructure itself, so nothing of Polyphony has to keep running. Source: ADR-011 (multi-tenancy by
// namespaces), ADR-009 (read visibility against write isolation).
package tenant

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// TenantScore is the desired state of one tenant. Every field but TenantConfig.Name may be left out; unset is the strictest.
// The same value is a Go literal, JSON and (through sigs.k8s.io/yaml) YAML.
type TenantScore struct {
	TenantConfig     TenantConfig           `json:"tenantConfig"`
	ResourceQuotas   ResourceQuotaConfig    `json:"resourceQuotas,omitzero"`
	NetworkIsolation NetworkIsolationPolicy `json:"networkIsolation,omitzero"`
	StorageAccess    StorageAccessConfig    `json:"storageAccess,omitzero"`
	RBAC             RBACConfig             `json:"rbac,omitzero"`
}

// Topology is what it takes to provision a tenant.
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

// Validate reports every mistake at once, each with its JSON path. It returns nil or an aggregate of *field.Error.
func (s TenantScore) Validate() error {
	return ValidateTenantScore(s, nil).ToAggregate()
}

// Interpret provisions the tenant: boundary first, then everything that fences it in, access last. See [TenantScore.On].
func (s TenantScore) Interpret() interpret.Interpret[Topology] {
	return interpret.Func[Topology](func(ctx context.Context, t Topology) (interpret.Outcome, error) { return s.Provision(ctx, t, "") })
}

// ValidateTenantScore checks a Score that stands at the path at.
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
