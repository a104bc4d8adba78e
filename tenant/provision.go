package tenant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// quotaWait is how long a stored quota may take to be in force. Healthy controllers need a fraction
// of a second.
const quotaWait = time.Minute

// Provision provisions the tenant of a valid Score. The namespace records the ID of the roster that
// the tenant belongs to; "" is none.
//
// Provision keeps one order: the boundary first, then everything that limits the tenant, access
// last. An interrupted run leaves a closed tenant. See ADR 4.
//
// A run that fails before it gives access withdraws the rights that the Score no longer gives.
func (s TenantScore) Provision(ctx context.Context, t Topology, roster string) (interpret.Outcome, error) {
	run := provisioning{score: s, on: t, roster: roster}
	out, err := interpret.Run(ctx,
		interpret.Check("platform", run.readPlatform),
		interpret.Check("domains", run.checkDomains),
		interpret.Ensure("namespace", run.ensureNamespace),
		interpret.Ensure("domains still free", run.yieldDomains),
		interpret.Ensure("network", run.ensureNetwork),
		interpret.Ensure("quota", run.ensureQuota),
		interpret.Ensure("limits", run.ensureLimits),
		interpret.Check("quota in force", run.awaitQuota),
	)
	out.Notes = run.want.Notes
	if err != nil {
		out.Changes = append(out.Changes, run.withdrawAccess(ctx)...)
		return out, err
	}
	access, err := interpret.Run(ctx,
		interpret.Ensure("access", run.ensureAccess),
		interpret.Ensure("read visibility", run.ensureReaders),
		interpret.Ensure("still there", run.removeOrphanedReaders),
	)
	out.Changes = append(out.Changes, access.Changes...)
	return out, err
}

// provisioning is one run of a TenantScore. Its steps are methods, in the order of
// [TenantScore.Provision].
type provisioning struct {
	score  TenantScore
	on     Topology
	roster string

	want         Desired  // for this platform
	domains      []string // that the tenant had before the run
	wroteDomains bool     // this run has written the namespace, and its domains with it
	gaveReaders  bool     // this run has given read visibility
}

// readPlatform translates the Score for the platform. It refuses what the platform cannot satisfy.
func (p *provisioning) readPlatform(ctx context.Context) error {
	platform, err := p.on.Platform(ctx)
	if err == nil {
		p.want, err = p.score.Desired(platform)
	}
	p.want.Namespace.Roster = p.roster
	return err
}

// checkDomains refuses domains of other tenants before the run touches anything.
func (p *provisioning) checkDomains(ctx context.Context) error {
	if err := domainsFree(ctx, p.on, p.want.Namespace); err != nil {
		return err
	}
	before, err := domainsBefore(ctx, p.on, p.want.Namespace)
	p.domains = before
	return err
}

func (p *provisioning) ensureNamespace(ctx context.Context) (topology.Change, error) {
	change, err := p.on.EnsureNamespace(ctx, p.want.Namespace)
	p.wroteDomains = change.Action != topology.Unchanged
	return change, err
}

// yieldDomains looks for overlapping domains again, now that others can see the domains of this
// tenant. A run that has written no domains need not look again: a later tenant has seen them.
func (p *provisioning) yieldDomains(ctx context.Context) (topology.Change, error) {
	if !p.wroteDomains {
		return topology.Change{}, nil
	}
	return yieldDomains(ctx, p.on, p.want.Namespace, p.domains)
}

func (p *provisioning) ensureNetwork(ctx context.Context) (topology.Change, error) {
	return p.on.EnsureNetworkRules(ctx, p.want.Network)
}

func (p *provisioning) ensureQuota(ctx context.Context) (topology.Change, error) {
	return p.on.EnsureQuota(ctx, p.want.Quota)
}

func (p *provisioning) ensureLimits(ctx context.Context) (topology.Change, error) {
	return p.on.EnsureLimitRange(ctx, p.want.LimitRange)
}

// awaitQuota waits until the quota is in force. Until then it is stored, but bounds nothing.
func (p *provisioning) awaitQuota(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, quotaWait)
	defer cancel()
	return p.on.AwaitQuota(ctx, p.want.Namespace.Name)
}

func (p *provisioning) ensureAccess(ctx context.Context) (topology.Change, error) {
	return p.on.EnsureAccess(ctx, p.want.Access)
}

func (p *provisioning) ensureReaders(ctx context.Context) (topology.Change, error) {
	change, err := p.on.EnsureClusterReaders(ctx, p.want.Readers)
	p.gaveReaders = err == nil && (change.Action == topology.Created || change.Action == topology.Updated)
	return change, err
}

// removeOrphanedReaders withdraws read visibility if another client removed the tenant during the
// run. Read visibility is not in the namespace, so it would outlive the tenant. A dry run has
// granted none.
func (p *provisioning) removeOrphanedReaders(ctx context.Context) (none topology.Change, err error) {
	if !p.gaveReaders {
		return none, nil
	}
	name := p.want.Readers.Tenant
	if _, err := p.on.ClusterReaders(ctx, name); err != nil {
		return none, ignoreNotFound(err)
	}
	namespace, err := p.on.Namespace(topology.Live(ctx), name)
	if err == nil && namespace.Managed && !namespace.Terminating || ignoreNotFound(err) != nil {
		return none, err
	}
	change, err := p.on.DeleteClusterReaders(ctx, name)
	if err == nil {
		err = adapter.Ensure(topology.KindNamespace, name).Fail(topology.ErrTerminating,
			"is being deleted by someone else while this run provisions it; stop one of the two")
	}
	return change, err
}

// withdrawAccess withdraws the rights that the Score no longer gives, and gives none. It returns
// and reports only its changes. It ignores errors: the run has failed already, and the next run
// withdraws the rights again.
func (p *provisioning) withdrawAccess(ctx context.Context) []topology.Change {
	var changes []topology.Change
	keep := func(change topology.Change, err error) {
		if err == nil && change.Action != topology.Unchanged {
			changes = append(changes, change)
			topology.ReportProgress(ctx, topology.Changed{Change: change})
		}
	}
	name := p.score.TenantConfig.Name // Desired may have failed
	if have, err := p.on.Access(ctx, name); err == nil {
		keep(p.on.EnsureAccess(ctx, commonAccess(have, p.score.RBAC.access(name))))
	}
	if have, err := p.on.ClusterReaders(ctx, name); err == nil {
		wanted := p.score.RBAC.readers(name).Groups
		have.Groups = slices.DeleteFunc(have.Groups, func(group string) bool {
			return !slices.Contains(wanted, group)
		})
		keep(p.on.EnsureClusterReaders(ctx, have))
	}
	return changes
}

// commonAccess returns have, reduced to the subjects that want has in the same role.
func commonAccess(have, want topology.Access) topology.Access {
	reduced := topology.Access{Namespace: have.Namespace}
	for _, grant := range have.Grants {
		i := slices.IndexFunc(want.Grants, func(g topology.Grant) bool { return g.Role == grant.Role })
		if i < 0 {
			continue
		}
		grant.Subjects = slices.DeleteFunc(grant.Subjects, func(s rbac.Subject) bool {
			return !slices.Contains(want.Grants[i].Subjects, s)
		})
		reduced.Grants = append(reduced.Grants, grant)
	}
	return reduced
}

// ignoreNotFound returns err, or nil if it is [topology.ErrNotFound].
func ignoreNotFound(err error) error {
	if errors.Is(err, topology.ErrNotFound) {
		return nil
	}
	return err
}
