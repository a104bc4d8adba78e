package topologytest

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// puppet is an adapter each of whose methods can be exchanged, to see which cases notice.
type puppet struct {
	name    func() string
	refresh func()

	ready                func(context.Context) (topology.Readiness, error)
	platform             func(context.Context) (topology.Platform, error)
	namespace            func(context.Context, string) (topology.Namespace, error)
	ensureNamespace      func(context.Context, topology.Namespace) (topology.Change, error)
	deleteNamespace      func(context.Context, string) (topology.Change, error)
	awaitNamespaceGone   func(context.Context, string) error
	awaitQuota           func(context.Context, string) error
	volumes              func(context.Context, string) ([]topology.Volume, error)
	authorize            func(context.Context, rbac.Question) (rbac.Answer, error)
	quota                func(context.Context, string) (topology.Quota, error)
	ensureQuota          func(context.Context, topology.Quota) (topology.Change, error)
	deleteQuota          func(context.Context, string) (topology.Change, error)
	limitRange           func(context.Context, string) (topology.LimitRange, error)
	ensureLimitRange     func(context.Context, topology.LimitRange) (topology.Change, error)
	deleteLimitRange     func(context.Context, string) (topology.Change, error)
	networkRules         func(context.Context, string) (topology.NetworkRules, error)
	ensureNetworkRules   func(context.Context, topology.NetworkRules) (topology.Change, error)
	deleteNetworkRules   func(context.Context, string) (topology.Change, error)
	access               func(context.Context, string) (topology.Access, error)
	ensureAccess         func(context.Context, topology.Access) (topology.Change, error)
	deleteAccess         func(context.Context, string) (topology.Change, error)
	clusterReaders       func(context.Context, string) (topology.ClusterReaders, error)
	ensureClusterReaders func(context.Context, topology.ClusterReaders) (topology.Change, error)
	deleteClusterReaders func(context.Context, string) (topology.Change, error)
	overlappingDomains   func(context.Context, domainsOf) ([]topology.DomainHolder, error)
	guardrails           func(context.Context, string) (topology.GuardrailSet, error) // by the topology's name, as contents are
	ensureGuardrails     func(context.Context, topology.GuardrailSet) (topology.Change, error)
	deleteGuardrails     func(context.Context, string) (topology.Change, error)
	awaitGuardrails      func(context.Context) error
	violations           func(context.Context, []topology.Guardrail) ([]topology.Violation, error)
	admit                func(context.Context, topology.Request) (topology.Verdict, error)
	networkPolicies      func(context.Context, string) ([]netpolicy.Policy, error)
	reach                func(context.Context, netpolicy.Connection) (netpolicy.Answer, error)
	grantsInForce        func(context.Context, string) ([]rbac.Binding, error)      // by the topology's name
	inspect              func(context.Context, string) (topology.Inspection, error) // likewise
	tenants              func(context.Context, string) ([]topology.Namespace, error)
	holdLease            func(context.Context, topology.Lease) (heldLease, error)
}

// heldLease is what HoldLease answers.
type heldLease struct {
	held    context.Context //nolint:containedctx // that is what it is
	release func()
}

// domainsOf are domains and the tenant that asks for them.
type domainsOf struct {
	tenant  string
	domains []string
}

// newPuppet does what top does.
func newPuppet(top *fake.Topology) *puppet {
	return &puppet{
		name:                 top.Name,
		refresh:              func() {},
		ready:                top.Ready,
		platform:             top.Platform,
		namespace:            top.Namespace,
		ensureNamespace:      top.EnsureNamespace,
		deleteNamespace:      top.DeleteNamespace,
		awaitNamespaceGone:   top.AwaitNamespaceGone,
		awaitQuota:           top.AwaitQuota,
		volumes:              top.Volumes,
		authorize:            top.Authorize,
		quota:                top.Quota,
		ensureQuota:          top.EnsureQuota,
		deleteQuota:          top.DeleteQuota,
		limitRange:           top.LimitRange,
		ensureLimitRange:     top.EnsureLimitRange,
		deleteLimitRange:     top.DeleteLimitRange,
		networkRules:         top.NetworkRules,
		ensureNetworkRules:   top.EnsureNetworkRules,
		deleteNetworkRules:   top.DeleteNetworkRules,
		access:               top.Access,
		ensureAccess:         top.EnsureAccess,
		deleteAccess:         top.DeleteAccess,
		clusterReaders:       top.ClusterReaders,
		ensureClusterReaders: top.EnsureClusterReaders,
		deleteClusterReaders: top.DeleteClusterReaders,
		overlappingDomains: func(ctx context.Context, of domainsOf) ([]topology.DomainHolder, error) {
			return top.OverlappingDomains(ctx, of.tenant, of.domains)
		},
		guardrails:       func(ctx context.Context, _ string) (topology.GuardrailSet, error) { return top.Guardrails(ctx) },
		ensureGuardrails: top.EnsureGuardrails,
		deleteGuardrails: func(ctx context.Context, _ string) (topology.Change, error) { return top.DeleteGuardrails(ctx) },
		awaitGuardrails:  top.AwaitGuardrails,
		violations:       top.Violations,
		admit:            top.Admit,
		networkPolicies:  top.NetworkPolicies,
		reach:            top.Reach,
		grantsInForce:    func(ctx context.Context, _ string) ([]rbac.Binding, error) { return top.GrantsInForce(ctx) },
		inspect:          func(ctx context.Context, _ string) (topology.Inspection, error) { return top.Inspect(ctx) },
		tenants:          func(ctx context.Context, _ string) ([]topology.Namespace, error) { return top.Tenants(ctx) },
		holdLease: func(ctx context.Context, want topology.Lease) (l heldLease, err error) {
			l.held, l.release, err = top.HoldLease(ctx, want)
			return l, err
		},
	}
}

func (p *puppet) Name() string { return p.name() }

func (p *puppet) Ready(ctx context.Context) (topology.Readiness, error) {
	return p.ready(ctx)
}

func (p *puppet) Platform(ctx context.Context) (topology.Platform, error) {
	return p.platform(ctx)
}

func (p *puppet) Namespace(ctx context.Context, name string) (topology.Namespace, error) {
	return p.namespace(ctx, name)
}

func (p *puppet) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	return p.ensureNamespace(ctx, want)
}

func (p *puppet) DeleteNamespace(ctx context.Context, name string) (topology.Change, error) {
	return p.deleteNamespace(ctx, name)
}

func (p *puppet) AwaitNamespaceGone(ctx context.Context, name string) error {
	return p.awaitNamespaceGone(ctx, name)
}

func (p *puppet) AwaitQuota(ctx context.Context, name string) error {
	return p.awaitQuota(ctx, name)
}

func (p *puppet) Volumes(ctx context.Context, name string) ([]topology.Volume, error) {
	return p.volumes(ctx, name)
}

func (p *puppet) Authorize(ctx context.Context, q rbac.Question) (rbac.Answer, error) {
	return p.authorize(ctx, q)
}

func (p *puppet) Quota(ctx context.Context, name string) (topology.Quota, error) {
	return p.quota(ctx, name)
}

func (p *puppet) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	return p.ensureQuota(ctx, want)
}

func (p *puppet) DeleteQuota(ctx context.Context, name string) (topology.Change, error) {
	return p.deleteQuota(ctx, name)
}

func (p *puppet) LimitRange(ctx context.Context, name string) (topology.LimitRange, error) {
	return p.limitRange(ctx, name)
}

func (p *puppet) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return p.ensureLimitRange(ctx, want)
}

func (p *puppet) DeleteLimitRange(ctx context.Context, name string) (topology.Change, error) {
	return p.deleteLimitRange(ctx, name)
}

func (p *puppet) NetworkRules(ctx context.Context, name string) (topology.NetworkRules, error) {
	return p.networkRules(ctx, name)
}

func (p *puppet) EnsureNetworkRules(ctx context.Context, want topology.NetworkRules) (topology.Change, error) {
	return p.ensureNetworkRules(ctx, want)
}

func (p *puppet) DeleteNetworkRules(ctx context.Context, name string) (topology.Change, error) {
	return p.deleteNetworkRules(ctx, name)
}

func (p *puppet) Access(ctx context.Context, name string) (topology.Access, error) {
	return p.access(ctx, name)
}

func (p *puppet) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	return p.ensureAccess(ctx, want)
}

func (p *puppet) DeleteAccess(ctx context.Context, name string) (topology.Change, error) {
	return p.deleteAccess(ctx, name)
}

func (p *puppet) ClusterReaders(ctx context.Context, name string) (topology.ClusterReaders, error) {
	return p.clusterReaders(ctx, name)
}

func (p *puppet) EnsureClusterReaders(ctx context.Context, want topology.ClusterReaders) (topology.Change, error) {
	return p.ensureClusterReaders(ctx, want)
}

func (p *puppet) DeleteClusterReaders(ctx context.Context, name string) (topology.Change, error) {
	return p.deleteClusterReaders(ctx, name)
}

func (p *puppet) OverlappingDomains(ctx context.Context, tenant string, domains []string) ([]topology.DomainHolder, error) {
	return p.overlappingDomains(ctx, domainsOf{tenant, domains})
}

func (p *puppet) Guardrails(ctx context.Context) (topology.GuardrailSet, error) {
	return p.guardrails(ctx, p.name())
}

func (p *puppet) EnsureGuardrails(ctx context.Context, want topology.GuardrailSet) (topology.Change, error) {
	return p.ensureGuardrails(ctx, want)
}

func (p *puppet) DeleteGuardrails(ctx context.Context) (topology.Change, error) {
	return p.deleteGuardrails(ctx, p.name())
}

func (p *puppet) AwaitGuardrails(ctx context.Context) error {
	return p.awaitGuardrails(ctx)
}

func (p *puppet) Violations(ctx context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	return p.violations(ctx, rules)
}

func (p *puppet) Admit(ctx context.Context, r topology.Request) (topology.Verdict, error) {
	return p.admit(ctx, r)
}

func (p *puppet) NetworkPolicies(ctx context.Context, namespace string) ([]netpolicy.Policy, error) {
	return p.networkPolicies(ctx, namespace)
}

func (p *puppet) Reach(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error) {
	return p.reach(ctx, c)
}

func (p *puppet) GrantsInForce(ctx context.Context) ([]rbac.Binding, error) {
	return p.grantsInForce(ctx, p.name())
}

func (p *puppet) Inspect(ctx context.Context) (topology.Inspection, error) {
	return p.inspect(ctx, p.name())
}

func (p *puppet) Tenants(ctx context.Context) ([]topology.Namespace, error) {
	return p.tenants(ctx, p.name())
}

func (p *puppet) Refresh() { p.refresh() }

func (p *puppet) HoldLease(ctx context.Context, want topology.Lease) (held context.Context, release func(), err error) {
	l, err := p.holdLease(ctx, want)
	return l.held, l.release, err
}
