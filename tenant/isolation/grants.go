package isolation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/summary"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// broadGroups are groups that members and programs of every tenant are in.
var broadGroups = []string{"system:authenticated", "system:unauthenticated", "system:serviceaccounts"}

// trespasser looks for grants that cross the boundaries of tenants. Its cost grows with the number of grants, not with that of pairs of tenants.
type trespasser struct {
	tenants    map[string]bool
	namespaces map[string]bool           // that there are
	owners     map[rbac.Subject][]string // tenants that a subject is a member of
	readers    map[rbac.Subject]bool     // groups that one of their tenants lets read everywhere
	trespasses map[string][]string       // by tenant
	extra      map[string][]string       // by tenant
}

func findTrespasses(in topology.Inspection, tenants []tenant.TenantScore) (trespasses, extra map[string][]string) {
	t := trespasser{
		tenants: map[string]bool{}, namespaces: map[string]bool{}, owners: map[rbac.Subject][]string{}, readers: map[rbac.Subject]bool{},
		trespasses: map[string][]string{}, extra: map[string][]string{},
	}
	for _, ns := range in.Namespaces {
		t.namespaces[ns.Namespace.Name] = true
	}
	for _, s := range tenants {
		t.tenants[s.TenantConfig.Name] = true
		for _, m := range s.RBAC.Members {
			subject := m.Subject()
			t.owners[subject] = append(t.owners[subject], s.TenantConfig.Name)
			if s.RBAC.ReadVisibility == tenant.VisibilityCluster && subject.Kind == rbac.Group {
				t.readers[subject] = true
			}
		}
	}
	for _, g := range in.Grants {
		for _, subject := range g.Subjects {
			t.examine(g, subject)
		}
	}
	return t.trespasses, t.extra
}

// ownersOf are the tenants whose members or programs a subject is.
func (t trespasser) ownersOf(s rbac.Subject) []string {
	owners := t.owners[s]
	home, _ := s.Account()
	if t.tenants[home] && !slices.Contains(owners, home) {
		owners = append(slices.Clone(owners), home)
	}
	return owners
}

func (t trespasser) examine(g rbac.Binding, s rbac.Subject) {
	harmful := slices.DeleteFunc(slices.Clone(g.Rules), harmless)
	if len(harmful) == 0 {
		return
	}
	witness := func(why string) string {
		return fmt.Sprintf("%s grants %s to %s, %s", g, firstRules(harmful), s, why)
	}
	owners, isBroad := t.ownersOf(s), s.Kind == rbac.Group && slices.Contains(broadGroups, s.Name)
	isTenants := t.tenants[g.Namespace]
	switch {
	case g.Namespace == "" && isBroad:
		for name := range t.tenants {
			t.trespasses[name] = append(t.trespasses[name], witness("that is everybody, everywhere"))
		}
	case g.Namespace == "":
		if t.readers[s] {
			harmful = slices.DeleteFunc(harmful, isClusterRead)
		}
		for _, owner := range owners {
			if len(harmful) > 0 {
				t.trespasses[owner] = append(t.trespasses[owner], witness("everywhere"))
			}
		}
	case isTenants && isBroad:
		t.trespasses[g.Namespace] = append(t.trespasses[g.Namespace], witness("that is everybody"))
	case isTenants:
		t.atHome(g, s, owners, witness)
	default: // the platform's own namespaces, in which everybody may be let read something
		for _, owner := range owners {
			t.trespasses[owner] = append(t.trespasses[owner], witness("in a namespace that is not the tenant's"))
		}
	}
}

// atHome is about a grant in the namespace of a tenant.
func (t trespasser) atHome(g rbac.Binding, s rbac.Subject, owners []string, witness func(string) string) {
	name := g.Namespace
	switch {
	case slices.Contains(owners, name):
		if !isTenantRole(g) && // those are compared with the Score as a whole
			slices.ContainsFunc(g.Rules, writesFences) {
			t.extra[name] = append(t.extra[name], witness("who could then take a fence away"))
		}
	case len(owners) > 0:
		t.trespasses[name] = append(t.trespasses[name], witness("of the tenant "+owners[0]))
	}
	if s.Kind == rbac.ServiceAccount && !t.namespaces[s.Namespace] {
		t.trespasses[name] = append(t.trespasses[name], witness("of a namespace that does not exist: whoever has that name next has it"))
	}
}

// harmless tells whether a rule gives nothing that matters: questions about oneself, and public certificates.
func harmless(r rbac.Rule) bool {
	about := func(groups ...string) bool {
		return !slices.ContainsFunc(r.APIGroups, func(g string) bool { return !slices.Contains(groups, g) })
	}
	onlyReads := !slices.ContainsFunc(r.Verbs, func(v string) bool { return !slices.Contains([]string{"get", "list", "watch"}, v) })
	return about("authentication.k8s.io", "authorization.k8s.io") ||
		about("certificates.k8s.io") && onlyReads && slices.Equal(r.Resources, []string{"clustertrustbundles"})
}

// fenceWrites are what nobody in a tenant may write, and rights by which others can be had.
var fenceWrites = []rbac.Question{
	{APIGroup: "networking.k8s.io", Resource: "networkpolicies"}, {Resource: "resourcequotas"}, {Resource: "limitranges"},
	{Resource: "namespaces"}, {Resource: "namespaces", Subresource: "status"}, {Resource: "namespaces", Subresource: "finalize"},
	{Resource: "endpoints"}, {APIGroup: "discovery.k8s.io", Resource: "endpointslices"}, {Resource: "serviceaccounts", Subresource: "token"},
	{APIGroup: "rbac.authorization.k8s.io", Resource: "roles"}, {APIGroup: "rbac.authorization.k8s.io", Resource: "rolebindings"},
	{Resource: "users"}, {Resource: "groups"}, {Resource: "serviceaccounts", Verb: "impersonate"},
}

// writesFences tells whether a rule lets write one of the fences, of whatever name.
func writesFences(r rbac.Rule) bool {
	r.ResourceNames = nil
	return slices.ContainsFunc(fenceWrites, func(q rbac.Question) bool {
		verbs := []string{"create", "update", "patch", "delete", "deletecollection", "escalate", "bind", "impersonate"}
		if q.Verb != "" {
			verbs = []string{q.Verb}
		}
		return slices.ContainsFunc(verbs, func(verb string) bool {
			q.Verb = verb
			return r.Allows(q)
		})
	})
}

// isClusterRead tells whether a rule is within what cluster readers may read.
func isClusterRead(r rbac.Rule) bool {
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			name, subresource, _ := strings.Cut(resource, "/")
			for _, verb := range r.Verbs {
				q := rbac.Question{Verb: verb, APIGroup: group, Resource: name, Subresource: subresource}
				if !slices.ContainsFunc(topology.ClusterReadRules(), func(allowed rbac.Rule) bool { return allowed.Allows(q) }) {
					return false
				}
			}
		}
	}
	return true
}

// firstRules names some rules.
func firstRules(rules []rbac.Rule) string {
	var texts []string
	for _, r := range rules {
		texts = append(texts, r.String())
	}
	return strings.Join(summary.First(texts, 3), "; ")
}
