package topologytest

import (
	"context"
	"slices"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func grantsMutants() []mutant {
	m := func(rule string, breaks func(top *puppet.Puppet)) mutant {
		return mutant{"GrantsInForce", rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) { breaks(top) }}
	}
	onGrant := func(rule string, misread func(*rbac.Binding)) mutant {
		return m(rule, func(top *puppet.Puppet) {
			puppet.After(&top.OnGrantsInForce, func(_ string, grants *[]rbac.Binding, _ *error) {
				for i := range *grants {
					misread(&(*grants)[i])
				}
			})
		})
	}
	onRules := func(rule string, misread func(*rbac.Rule)) mutant {
		return onGrant(rule, func(g *rbac.Binding) {
			for i := range g.Rules {
				misread(&g.Rules[i])
			}
		})
	}
	without := func(rule string, drop func(rbac.Binding) bool) mutant {
		return m(rule, func(top *puppet.Puppet) {
			puppet.After(&top.OnGrantsInForce, func(_ string, grants *[]rbac.Binding, _ *error) { *grants = slices.DeleteFunc(*grants, drop) })
		})
	}
	const (
		ensured = "Ensured grants are listed with their binding, role, rules and subjects"
		foreign = "Foreign grants are listed too, and service accounts with their namespace"
		gone    = "A grant that was withdrawn is gone, and those of others stay"
		readers = "Cluster readers are listed without a namespace, until there are none"
		sorted  = "Bindings are sorted, so that answers name the same binding every time"
		answers = "Answers that are computed from the bindings are those of Authorize"
	)
	return []mutant{
		onGrant(ensured, func(g *rbac.Binding) { g.Name = "" }),
		onGrant(ensured, func(g *rbac.Binding) { g.Name = "same" }),
		onGrant(ensured, func(g *rbac.Binding) { g.Role.Name = "" }),
		onGrant(ensured, func(g *rbac.Binding) { g.Managed = false }),
		onGrant(ensured, func(g *rbac.Binding) { g.TenantRole = "" }),
		onGrant(ensured, func(g *rbac.Binding) { g.Role = rbac.RoleRef{} }),
		onGrant(ensured, func(g *rbac.Binding) { g.Rules = nil }),
		onGrant(ensured, func(g *rbac.Binding) { g.Subjects = g.Subjects[:1] }),
		without(foreign, func(g rbac.Binding) bool { return g.Role.Name == "leak" }),
		onGrant(foreign, func(g *rbac.Binding) {
			for i, s := range g.Subjects {
				if s.Namespace == g.Namespace {
					g.Subjects[i].Namespace = ""
				}
			}
		}),
		onRules(foreign, func(r *rbac.Rule) { r.ResourceNames = nil }),
		m(gone, func(top *puppet.Puppet) {
			top.OnDeleteAccess = func(context.Context, string) (topology.Change, error) { return topology.Change{}, nil }
		}),
		m(gone, func(top *puppet.Puppet) { keepsGrants(top, nil, nil) }),
		m(gone, func(top *puppet.Puppet) { // after the first withdrawal, no grant is listed
			var removed bool
			puppet.After(&top.OnDeleteAccess, func(string, *topology.Change, *error) { removed = true })
			puppet.After(&top.OnGrantsInForce, func(_ string, grants *[]rbac.Binding, _ *error) {
				if removed {
					*grants = nil
				}
			})
		}),
		onGrant(readers, func(g *rbac.Binding) { g.Namespace = "default" }),
		onRules(readers, func(r *rbac.Rule) { r.Verbs = []string{"*"} }),
		m(readers, func(top *puppet.Puppet) {
			top.OnDeleteClusterReaders = func(context.Context, string) (topology.Change, error) { return topology.Change{}, nil }
		}),
		onRules(answers, func(r *rbac.Rule) { r.ResourceNames = nil }),
		onRules(answers, func(r *rbac.Rule) {
			for i, resource := range r.Resources {
				if resource == "services/*" { // as if it were something
					r.Resources[i] = "services/proxy"
				}
			}
		}),
		onGrant(answers, func(g *rbac.Binding) {
			if g.Namespace != "" {
				g.Subjects = append(g.Subjects, rbac.Subject{Kind: rbac.ServiceAccount, Namespace: g.Namespace, Name: "bot"})
			}
		}),
		onGrant(answers, func(g *rbac.Binding) { g.Namespace = "" }),
		without(answers, func(g rbac.Binding) bool { return g.Namespace == "" }),
		m(sorted, func(top *puppet.Puppet) {
			odd := false
			puppet.After(&top.OnGrantsInForce, func(_ string, grants *[]rbac.Binding, _ *error) {
				if odd = !odd; odd {
					slices.Reverse(*grants)
				}
			})
		}),
		m(sorted, func(top *puppet.Puppet) { // those of others last
			puppet.After(&top.OnGrantsInForce, func(_ string, grants *[]rbac.Binding, _ *error) {
				others := func(b rbac.Binding) bool { return !b.Managed }
				*grants = slices.Concat(
					slices.DeleteFunc(slices.Clone(*grants), others),
					slices.DeleteFunc(slices.Clone(*grants), func(b rbac.Binding) bool { return !others(b) }),
				)
			})
		}),
		m("Values are not aliased", func(top *puppet.Puppet) {
			list := top.OnGrantsInForce
			var kept []rbac.Binding
			top.OnGrantsInForce = func(ctx context.Context, name string) (_ []rbac.Binding, err error) {
				if kept == nil {
					kept, err = list(ctx, name)
				}
				return slices.Clone(kept), err
			}
		}),
		m("A cancelled context gets no answer", func(top *puppet.Puppet) { puppet.Uncancelled(&top.OnGrantsInForce) }),
	}
}
