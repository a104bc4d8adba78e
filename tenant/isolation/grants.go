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

// broadGroups are the groups that principals of every tenant are in.
var broadGroups = []string{"system:authenticated", "system:unauthenticated", "system:serviceaccounts"}

// breach is the way in which a grant breaks a guarantee.
type breach int

const (
	// Every user has a right in every namespace, or in that of the tenant.
	breachEveryoneEverywhere breach = iota
	breachEveryone

	// A principal of the tenant has a right in every namespace, or in one that belongs to no
	// tenant.
	breachMemberEverywhere
	breachMemberElsewhere

	// A principal of another tenant, or a service account whose namespace does not exist, has a
	// right in the tenant's namespace.
	breachOtherTenant
	breachMissingNamespace

	// A principal of the tenant can change what isolates it.
	breachControls
)

// unwantedGrant is a grant that breaks a guarantee of a tenant.
type unwantedGrant struct {
	binding rbac.Binding
	subject rbac.Subject
	rules   []rbac.Rule // of the binding, without the harmless ones
	breach  breach
	owner   string // with breachOtherTenant, the tenant that the subject belongs to
}

// String prints the grant and what is wrong with it in one line.
func (g unwantedGrant) String() string {
	return fmt.Sprintf("%s grants %s to %s, %s", g.binding, rulesText(g.rules), g.subject, g.why())
}

func (g unwantedGrant) why() string {
	switch g.breach {
	case breachEveryoneEverywhere:
		return "which includes principals of every tenant, in every namespace"
	case breachMemberEverywhere:
		return "which belongs to the tenant, in every namespace"
	case breachMemberElsewhere:
		return "which belongs to the tenant, in a namespace that does not"
	case breachEveryone:
		return "which includes principals of every tenant"
	case breachOtherTenant:
		return "which belongs to the tenant " + g.owner
	case breachMissingNamespace:
		return "whose namespace does not exist; a new namespace of that name would inherit these rights"
	case breachControls:
		return "which could then change what isolates the tenant"
	default:
		return "which is not allowed"
	}
}

// rulesText prints the first rules.
func rulesText(rules []rbac.Rule) string {
	return strings.Join(summary.Shorten(texts(rules), 3), "; ")
}

// grantExaminer finds grants that cross the boundary of a tenant. Each grant is examined once, so
// the cost grows with the number of grants and not with the number of pairs of tenants.
type grantExaminer struct {
	tenants    map[string]bool
	namespaces map[string]bool           // those that exist
	owners     map[rbac.Subject][]string // the tenants that a subject is a member of
	readers    map[rbac.Subject]bool     // groups that may read the workloads of every namespace

	crossTenant map[string][]unwantedGrant // by tenant; they break GuaranteeIsolation
	excess      map[string][]unwantedGrant // by tenant; they break GuaranteeAccess
}

// examineGrants returns an examiner that has examined every grant.
func examineGrants(in topology.Inspection, tenants []tenant.TenantScore) grantExaminer {
	x := grantExaminer{
		tenants: map[string]bool{}, namespaces: map[string]bool{},
		owners: map[rbac.Subject][]string{}, readers: map[rbac.Subject]bool{},
		crossTenant: map[string][]unwantedGrant{}, excess: map[string][]unwantedGrant{},
	}
	for _, ns := range in.Namespaces {
		x.namespaces[ns.Namespace.Name] = true
	}
	for _, s := range tenants {
		x.addTenant(s)
	}
	for _, b := range in.Grants {
		rules := slices.DeleteFunc(slices.Clone(b.Rules), isHarmless)
		if len(rules) == 0 {
			continue
		}
		for _, subject := range b.Subjects {
			x.examine(unwantedGrant{binding: b, subject: subject, rules: rules})
		}
	}
	return x
}

func (x grantExaminer) addTenant(s tenant.TenantScore) {
	name := s.TenantConfig.Name
	x.tenants[name] = true
	for _, m := range s.RBAC.Members {
		subject := m.Subject()
		x.owners[subject] = append(x.owners[subject], name)
		if s.RBAC.ReadVisibility == tenant.VisibilityCluster && subject.Kind == rbac.Group {
			x.readers[subject] = true
		}
	}
}

// ownersOf returns the tenants that a subject is a member of or a service account of.
func (x grantExaminer) ownersOf(s rbac.Subject) []string {
	owners := x.owners[s]
	home, _ := s.Account()
	if x.tenants[home] && !slices.Contains(owners, home) {
		owners = append(slices.Clone(owners), home)
	}
	return owners
}

// examine records a grant for each tenant whose guarantee it breaks.
func (x grantExaminer) examine(g unwantedGrant) {
	isBroad := g.subject.Kind == rbac.Group && slices.Contains(broadGroups, g.subject.Name)
	switch namespace := g.binding.Namespace; {
	case namespace == "" && isBroad:
		for name := range x.tenants {
			x.addCrossTenant(name, g, breachEveryoneEverywhere)
		}
	case namespace == "":
		x.examineEverywhere(g)
	case !x.tenants[namespace]: // in a namespace of the platform, every user may have rights
		for _, owner := range x.ownersOf(g.subject) {
			x.addCrossTenant(owner, g, breachMemberElsewhere)
		}
	case isBroad:
		x.addCrossTenant(namespace, g, breachEveryone)
	default:
		x.examineInTenant(g)
	}
}

// addCrossTenant records a grant that crosses the boundary of a tenant.
func (x grantExaminer) addCrossTenant(tenant string, g unwantedGrant, how breach) {
	g.breach = how
	x.crossTenant[tenant] = append(x.crossTenant[tenant], g)
}

// examineEverywhere examines a grant in every namespace.
func (x grantExaminer) examineEverywhere(g unwantedGrant) {
	if x.readers[g.subject] {
		g.rules = slices.DeleteFunc(slices.Clone(g.rules), isClusterRead)
	}
	if len(g.rules) == 0 {
		return
	}
	for _, owner := range x.ownersOf(g.subject) {
		x.addCrossTenant(owner, g, breachMemberEverywhere)
	}
}

// examineInTenant examines a grant in the namespace of a tenant.
func (x grantExaminer) examineInTenant(g unwantedGrant) {
	name, owners := g.binding.Namespace, x.ownersOf(g.subject)
	switch {
	case slices.Contains(owners, name):
		// The bindings of tenant roles are compared with the Score as a whole.
		if !isTenantRole(g.binding) && slices.ContainsFunc(g.binding.Rules, writesControls) {
			g.breach = breachControls
			x.excess[name] = append(x.excess[name], g)
		}
	case len(owners) > 0:
		g.owner = owners[0]
		x.addCrossTenant(name, g, breachOtherTenant)
	}
	if g.subject.Kind == rbac.ServiceAccount && !x.namespaces[g.subject.Namespace] {
		x.addCrossTenant(name, g, breachMissingNamespace)
	}
}
