// Package puppet provides broken adapters, which show that each conformance case can fail. [Puppet]
// is an adapter whose methods can be replaced, and [Fails] runs a case against it. [Before],
// [After], [Change] and [Uncancelled] replace a method with one that behaves differently.
package puppet

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Puppet is an adapter whose methods can be replaced: Name calls OnName, and so on.
type Puppet struct {
	OnName    func() string
	OnRefresh func()

	OnReady                func(context.Context) (topology.Readiness, error)
	OnPlatform             func(context.Context) (topology.Platform, error)
	OnNamespace            func(context.Context, string) (topology.Namespace, error)
	OnEnsureNamespace      func(context.Context, topology.Namespace) (topology.Change, error)
	OnDeleteNamespace      func(context.Context, string) (topology.Change, error)
	OnAwaitNamespaceGone   func(context.Context, string) error
	OnAwaitQuota           func(context.Context, string) error
	OnVolumes              func(context.Context, string) ([]topology.Volume, error)
	OnAuthorize            func(context.Context, rbac.Question) (rbac.Answer, error)
	OnQuota                func(context.Context, string) (topology.Quota, error)
	OnEnsureQuota          func(context.Context, topology.Quota) (topology.Change, error)
	OnDeleteQuota          func(context.Context, string) (topology.Change, error)
	OnLimitRange           func(context.Context, string) (topology.LimitRange, error)
	OnEnsureLimitRange     func(context.Context, topology.LimitRange) (topology.Change, error)
	OnDeleteLimitRange     func(context.Context, string) (topology.Change, error)
	OnNetworkRules         func(context.Context, string) (topology.NetworkRules, error)
	OnEnsureNetworkRules   func(context.Context, topology.NetworkRules) (topology.Change, error)
	OnDeleteNetworkRules   func(context.Context, string) (topology.Change, error)
	OnAccess               func(context.Context, string) (topology.Access, error)
	OnEnsureAccess         func(context.Context, topology.Access) (topology.Change, error)
	OnDeleteAccess         func(context.Context, string) (topology.Change, error)
	OnClusterReaders       func(context.Context, string) (topology.ClusterReaders, error)
	OnEnsureClusterReaders func(context.Context, topology.ClusterReaders) (topology.Change, error)
	OnDeleteClusterReaders func(context.Context, string) (topology.Change, error)
	OnOverlappingDomains   func(context.Context, DomainsOf) ([]topology.DomainHolder, error)
	OnGuardrails           func(context.Context, string) (topology.GuardrailSet, error) // by the topology's name, as contents are
	OnEnsureGuardrails     func(context.Context, topology.GuardrailSet) (topology.Change, error)
	OnDeleteGuardrails     func(context.Context, string) (topology.Change, error)
	OnAwaitGuardrails      func(context.Context) error
	OnViolations           func(context.Context, []topology.Guardrail) ([]topology.Violation, error)
	OnAdmit                func(context.Context, topology.Request) (topology.Verdict, error)
	OnNetworkPolicies      func(context.Context, string) ([]netpolicy.Policy, error)
	OnReach                func(context.Context, netpolicy.Connection) (netpolicy.Answer, error)
	OnGrantsInForce        func(context.Context, string) ([]rbac.Binding, error)      // by the topology's name
	OnInspect              func(context.Context, string) (topology.Inspection, error) // likewise
	OnTenants              func(context.Context, string) ([]topology.Namespace, error)
	OnHoldLease            func(context.Context, topology.Lease) (HeldLease, error)
}

// HeldLease is what OnHoldLease returns.
type HeldLease struct {
	Held    context.Context //nolint:containedctx // as HoldLease returns it
	Release func()
}

// DomainsOf is the arguments of OverlappingDomains.
type DomainsOf struct {
	Tenant  string
	Domains []string
}

// New returns a Puppet that does what top does.
func New(top *fake.Topology) *Puppet {
	return &Puppet{
		OnName:                 top.Name,
		OnRefresh:              func() {},
		OnReady:                top.Ready,
		OnPlatform:             top.Platform,
		OnNamespace:            top.Namespace,
		OnEnsureNamespace:      top.EnsureNamespace,
		OnDeleteNamespace:      top.DeleteNamespace,
		OnAwaitNamespaceGone:   top.AwaitNamespaceGone,
		OnAwaitQuota:           top.AwaitQuota,
		OnVolumes:              top.Volumes,
		OnAuthorize:            top.Authorize,
		OnQuota:                top.Quota,
		OnEnsureQuota:          top.EnsureQuota,
		OnDeleteQuota:          top.DeleteQuota,
		OnLimitRange:           top.LimitRange,
		OnEnsureLimitRange:     top.EnsureLimitRange,
		OnDeleteLimitRange:     top.DeleteLimitRange,
		OnNetworkRules:         top.NetworkRules,
		OnEnsureNetworkRules:   top.EnsureNetworkRules,
		OnDeleteNetworkRules:   top.DeleteNetworkRules,
		OnAccess:               top.Access,
		OnEnsureAccess:         top.EnsureAccess,
		OnDeleteAccess:         top.DeleteAccess,
		OnClusterReaders:       top.ClusterReaders,
		OnEnsureClusterReaders: top.EnsureClusterReaders,
		OnDeleteClusterReaders: top.DeleteClusterReaders,
		OnOverlappingDomains: func(ctx context.Context, of DomainsOf) ([]topology.DomainHolder, error) {
			return top.OverlappingDomains(ctx, of.Tenant, of.Domains)
		},
		OnGuardrails:       func(ctx context.Context, _ string) (topology.GuardrailSet, error) { return top.Guardrails(ctx) },
		OnEnsureGuardrails: top.EnsureGuardrails,
		OnDeleteGuardrails: func(ctx context.Context, _ string) (topology.Change, error) { return top.DeleteGuardrails(ctx) },
		OnAwaitGuardrails:  top.AwaitGuardrails,
		OnViolations:       top.Violations,
		OnAdmit:            top.Admit,
		OnNetworkPolicies:  top.NetworkPolicies,
		OnReach:            top.Reach,
		OnGrantsInForce:    func(ctx context.Context, _ string) ([]rbac.Binding, error) { return top.GrantsInForce(ctx) },
		OnInspect:          func(ctx context.Context, _ string) (topology.Inspection, error) { return top.Inspect(ctx) },
		OnTenants:          func(ctx context.Context, _ string) ([]topology.Namespace, error) { return top.Tenants(ctx) },
		OnHoldLease: func(ctx context.Context, want topology.Lease) (l HeldLease, err error) {
			l.Held, l.Release, err = top.HoldLease(ctx, want)
			return l, err
		},
	}
}

// Name calls OnName.
func (p *Puppet) Name() string { return p.OnName() }

// Ready calls OnReady.
func (p *Puppet) Ready(ctx context.Context) (topology.Readiness, error) {
	return p.OnReady(ctx)
}

// Platform calls OnPlatform.
func (p *Puppet) Platform(ctx context.Context) (topology.Platform, error) {
	return p.OnPlatform(ctx)
}

// Namespace calls OnNamespace.
func (p *Puppet) Namespace(ctx context.Context, name string) (topology.Namespace, error) {
	return p.OnNamespace(ctx, name)
}

// EnsureNamespace calls OnEnsureNamespace.
func (p *Puppet) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	return p.OnEnsureNamespace(ctx, want)
}

// DeleteNamespace calls OnDeleteNamespace.
func (p *Puppet) DeleteNamespace(ctx context.Context, name string) (topology.Change, error) {
	return p.OnDeleteNamespace(ctx, name)
}

// AwaitNamespaceGone calls OnAwaitNamespaceGone.
func (p *Puppet) AwaitNamespaceGone(ctx context.Context, name string) error {
	return p.OnAwaitNamespaceGone(ctx, name)
}

// AwaitQuota calls OnAwaitQuota.
func (p *Puppet) AwaitQuota(ctx context.Context, name string) error {
	return p.OnAwaitQuota(ctx, name)
}

// Volumes calls OnVolumes.
func (p *Puppet) Volumes(ctx context.Context, name string) ([]topology.Volume, error) {
	return p.OnVolumes(ctx, name)
}

// Authorize calls OnAuthorize.
func (p *Puppet) Authorize(ctx context.Context, q rbac.Question) (rbac.Answer, error) {
	return p.OnAuthorize(ctx, q)
}

// Quota calls OnQuota.
func (p *Puppet) Quota(ctx context.Context, name string) (topology.Quota, error) {
	return p.OnQuota(ctx, name)
}

// EnsureQuota calls OnEnsureQuota.
func (p *Puppet) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	return p.OnEnsureQuota(ctx, want)
}

// DeleteQuota calls OnDeleteQuota.
func (p *Puppet) DeleteQuota(ctx context.Context, name string) (topology.Change, error) {
	return p.OnDeleteQuota(ctx, name)
}

// LimitRange calls OnLimitRange.
func (p *Puppet) LimitRange(ctx context.Context, name string) (topology.LimitRange, error) {
	return p.OnLimitRange(ctx, name)
}

// EnsureLimitRange calls OnEnsureLimitRange.
func (p *Puppet) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return p.OnEnsureLimitRange(ctx, want)
}

// DeleteLimitRange calls OnDeleteLimitRange.
func (p *Puppet) DeleteLimitRange(ctx context.Context, name string) (topology.Change, error) {
	return p.OnDeleteLimitRange(ctx, name)
}

// NetworkRules calls OnNetworkRules.
func (p *Puppet) NetworkRules(ctx context.Context, name string) (topology.NetworkRules, error) {
	return p.OnNetworkRules(ctx, name)
}

// EnsureNetworkRules calls OnEnsureNetworkRules.
func (p *Puppet) EnsureNetworkRules(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
	return p.OnEnsureNetworkRules(ctx, want)
}

// DeleteNetworkRules calls OnDeleteNetworkRules.
func (p *Puppet) DeleteNetworkRules(ctx context.Context, name string) (topology.Change, error) {
	return p.OnDeleteNetworkRules(ctx, name)
}

// Access calls OnAccess.
func (p *Puppet) Access(ctx context.Context, name string) (topology.Access, error) {
	return p.OnAccess(ctx, name)
}

// EnsureAccess calls OnEnsureAccess.
func (p *Puppet) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	return p.OnEnsureAccess(ctx, want)
}

// DeleteAccess calls OnDeleteAccess.
func (p *Puppet) DeleteAccess(ctx context.Context, name string) (topology.Change, error) {
	return p.OnDeleteAccess(ctx, name)
}

// ClusterReaders calls OnClusterReaders.
func (p *Puppet) ClusterReaders(ctx context.Context, name string) (topology.ClusterReaders, error) {
	return p.OnClusterReaders(ctx, name)
}

// EnsureClusterReaders calls OnEnsureClusterReaders.
func (p *Puppet) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	return p.OnEnsureClusterReaders(ctx, want)
}

// DeleteClusterReaders calls OnDeleteClusterReaders.
func (p *Puppet) DeleteClusterReaders(ctx context.Context, name string) (topology.Change, error) {
	return p.OnDeleteClusterReaders(ctx, name)
}

// OverlappingDomains calls OnOverlappingDomains.
func (p *Puppet) OverlappingDomains(ctx context.Context, tenant string, domains []string) ([]topology.DomainHolder, error) {
	return p.OnOverlappingDomains(ctx, DomainsOf{tenant, domains})
}

// Guardrails calls OnGuardrails.
func (p *Puppet) Guardrails(ctx context.Context) (topology.GuardrailSet, error) {
	return p.OnGuardrails(ctx, p.OnName())
}

// EnsureGuardrails calls OnEnsureGuardrails.
func (p *Puppet) EnsureGuardrails(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
	return p.OnEnsureGuardrails(ctx, want)
}

// DeleteGuardrails calls OnDeleteGuardrails.
func (p *Puppet) DeleteGuardrails(ctx context.Context) (topology.Change, error) {
	return p.OnDeleteGuardrails(ctx, p.OnName())
}

// AwaitGuardrails calls OnAwaitGuardrails.
func (p *Puppet) AwaitGuardrails(ctx context.Context) error {
	return p.OnAwaitGuardrails(ctx)
}

// Violations calls OnViolations.
func (p *Puppet) Violations(ctx context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	return p.OnViolations(ctx, rules)
}

// Admit calls OnAdmit.
func (p *Puppet) Admit(ctx context.Context, r topology.Request) (topology.Verdict, error) {
	return p.OnAdmit(ctx, r)
}

// NetworkPolicies calls OnNetworkPolicies.
func (p *Puppet) NetworkPolicies(ctx context.Context, namespace string) ([]netpolicy.Policy, error) {
	return p.OnNetworkPolicies(ctx, namespace)
}

// Reach calls OnReach.
func (p *Puppet) Reach(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error) {
	return p.OnReach(ctx, c)
}

// GrantsInForce calls OnGrantsInForce.
func (p *Puppet) GrantsInForce(ctx context.Context) ([]rbac.Binding, error) {
	return p.OnGrantsInForce(ctx, p.OnName())
}

// Inspect calls OnInspect.
func (p *Puppet) Inspect(ctx context.Context) (topology.Inspection, error) {
	return p.OnInspect(ctx, p.OnName())
}

// Tenants calls OnTenants.
func (p *Puppet) Tenants(ctx context.Context) ([]topology.Namespace, error) {
	return p.OnTenants(ctx, p.OnName())
}

// Refresh calls OnRefresh.
func (p *Puppet) Refresh() { p.OnRefresh() }

// HoldLease calls OnHoldLease.
func (p *Puppet) HoldLease(ctx context.Context, want topology.Lease) (held context.Context, release func(), err error) {
	l, err := p.OnHoldLease(ctx, want)
	return l.Held, l.Release, err
}
