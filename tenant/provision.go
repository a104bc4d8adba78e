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

// quotaWait is how long a stored quota may take to be in force. It takes a fraction of a second where the controllers are well.
const quotaWait = time.Minute

// Provision makes the tenant of a valid Score, as a member of a roster, or of none if that is "". It keeps to one order: the boundary, what fences it in, access last. Whoever dies in the middle leaves a tenant that is closed.
// Domains of others are refused before anything is touched, and looked for again once others can see this tenant's. The quota is waited
// for, since until it is in force it does not bound anything. Giving rights comes last, but taking them does not wait for a run that
// succeeds.
func (s TenantScore) Provision(ctx context.Context, t Topology, roster string) (interpret.Outcome, error) {
	var want Desired
	var named bool      // the domains, on the namespace, by this very run
	var before []string // the domains
	out, err := interpret.Run(ctx,
		interpret.Step{Name: "platform", Do: func(ctx context.Context) (none topology.Change, err error) {
			p, err := t.Platform(ctx)
			if err == nil {
				want, err = s.Desired(p)
			}
			want.Namespace.Roster = roster
			return none, err
		}},
		interpret.Step{Name: "domains", Do: func(ctx context.Context) (none topology.Change, err error) {
			if err := domainsFree(ctx, t, want.Namespace); err != nil {
				return none, err
			}
			before, err = domainsBefore(ctx, t, want.Namespace)
			return none, err
		}},
		interpret.Step{Name: "namespace", Do: func(ctx context.Context) (change topology.Change, err error) {
			change, err = t.EnsureNamespace(ctx, want.Namespace)
			named = change.Action != topology.Unchanged
			return change, err
		}},
		interpret.Step{Name: "domains still free", Do: func(ctx context.Context) (none topology.Change, err error) {
			if !named { // whoever came after the first look has seen the domains here
				return none, nil
			}
			return keepDomains(ctx, t, want.Namespace, before)
		}},
		interpret.Step{Name: "network", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureNetworkRules(ctx, want.Network)
		}},
		interpret.Step{Name: "quota", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureQuota(ctx, want.Quota)
		}},
		interpret.Step{Name: "limits", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureLimitRange(ctx, want.LimitRange)
		}},
		interpret.Step{Name: "quota in force", Do: func(ctx context.Context) (none topology.Change, err error) {
			ctx, cancel := context.WithTimeout(ctx, quotaWait)
			defer cancel()
			return none, t.AwaitQuota(ctx, s.TenantConfig.Name)
		}},
	)
	out.Notes = want.Notes
	give := s.giveAccess
	if err != nil {
		give = s.takeAccess
	}
	last, lastErr := give(ctx, t)
	out.Changes = append(out.Changes, last.Changes...)
	if err == nil {
		err = lastErr
	}
	return out, err
}

// giveAccess makes the rights those of the Score.
func (s TenantScore) giveAccess(ctx context.Context, t Topology) (interpret.Outcome, error) {
	var given bool // read visibility, by this very run
	return interpret.Run(ctx,
		interpret.Step{Name: "access", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureAccess(ctx, s.RBAC.access(s.TenantConfig.Name))
		}},
		interpret.Step{Name: "read visibility", Do: func(ctx context.Context) (change topology.Change, err error) {
			change, err = t.EnsureClusterReaders(ctx, s.RBAC.readers(s.TenantConfig.Name))
			given = err == nil && (change.Action == topology.Created || change.Action == topology.Updated)
			return change, err
		}},
		interpret.Step{Name: "still there", Do: func(ctx context.Context) (none topology.Change, err error) {
			if !given {
				return none, nil
			}
			return s.sweep(ctx, t)
		}},
	)
}

// takeAccess takes the rights that the Score no longer gives, and gives none. The run has failed already; what fails here too is left to
// the next one.
func (s TenantScore) takeAccess(ctx context.Context, t Topology) (interpret.Outcome, error) {
	var out interpret.Outcome
	keep := func(change topology.Change, err error) {
		if err == nil && change.Action != topology.Unchanged {
			out.Changes = append(out.Changes, change)
			topology.ReportProgress(ctx, topology.Changed{Change: change})
		}
	}
	name := s.TenantConfig.Name
	if have, err := t.Access(ctx, name); err == nil {
		keep(t.EnsureAccess(ctx, common(have, s.RBAC.access(name))))
	}
	if have, err := t.ClusterReaders(ctx, name); err == nil {
		wanted := s.RBAC.readers(name).Groups
		have.Groups = slices.DeleteFunc(have.Groups, func(group string) bool { return !slices.Contains(wanted, group) })
		keep(t.EnsureClusterReaders(ctx, have))
	}
	return out, nil
}

// common is have with those subjects only that want has in the same role.
func common(have, want topology.Access) topology.Access {
	reduced := topology.Access{Namespace: have.Namespace}
	for _, grant := range have.Grants {
		i := slices.IndexFunc(want.Grants, func(g topology.Grant) bool { return g.Role == grant.Role })
		if i < 0 {
			continue
		}
		grant.Subjects = slices.DeleteFunc(grant.Subjects, func(s rbac.Subject) bool { return !slices.Contains(want.Grants[i].Subjects, s) })
		reduced.Grants = append(reduced.Grants, grant)
	}
	return reduced
}

// sweep takes read visibility back if the tenant was removed in the meantime: it is not in the namespace and would not go with it. In a
// plan there is nothing to take back.
func (s TenantScore) sweep(ctx context.Context, t Topology) (none topology.Change, err error) {
	name := s.TenantConfig.Name
	if _, err := t.ClusterReaders(ctx, name); err != nil {
		return none, ignoreNotFound(err)
	}
	namespace, err := t.Namespace(topology.Live(ctx), name)
	if err == nil && namespace.Managed && !namespace.Terminating || ignoreNotFound(err) != nil {
		return none, err
	}
	change, err := t.DeleteClusterReaders(ctx, name)
	if err == nil {
		err = adapter.Ensure(topology.KindNamespace, name).Fail(topology.ErrTerminating,
			"is being deleted by someone else while this run provisions it; stop one of the two")
	}
	return change, err
}

func ignoreNotFound(err error) error {
	if errors.Is(err, topology.ErrNotFound) {
		return nil
	}
	return err
}
