package tenant

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// RBACConfig lists the members of the tenant and their roles. The zero value: there are no members.
//
// Source: the multi-tenancy ADR, "Access Control Framework"; see docs/sources.md.
type RBACConfig struct {
	// Members lists the principals that have a role in the tenant. Unset: none.
	Members []Member `json:"members,omitempty"`

	// ReadVisibility says what the tenant's members may read of other namespaces. Unset: own.
	ReadVisibility ReadVisibility `json:"readVisibility,omitempty"`
}

// Member is a group, user or service account with a role in the tenant. Prefer groups: their
// membership changes without a change of the Score.
//
// Source: the read-visibility ADR; see docs/sources.md.
type Member struct {
	// Role is the member's role. Required.
	Role Role `json:"role"`

	// Kind says what Name names. Unset: a group.
	Kind rbac.SubjectKind `json:"kind,omitempty"`

	// Name is the name of the group or user, as the authenticator of the cluster spells it, or the
	// name of the service account. Required; at most 512 bytes. Kubernetes' own ("system:...") are
	// refused.
	Name string `json:"name"`

	// Namespace is the namespace of a service account. Required for a service account, and refused
	// otherwise. It need not be the tenant's own. Every pod of that namespace can act as the
	// service account.
	Namespace string `json:"namespace,omitempty"`
}

// ReadVisibility says what the members of a tenant may read outside of it.
//
// Source: the read-visibility ADR; see docs/sources.md.
type ReadVisibility string

const (
	// VisibilityOwn shows the tenant's own namespace only.
	VisibilityOwn ReadVisibility = "own"

	// VisibilityCluster lets the tenant's groups get, list and watch the workloads of every
	// namespace, but no Secrets and ConfigMaps: see [topology.ClusterReadRules]. It does not apply
	// to users and service accounts.
	VisibilityCluster ReadVisibility = "cluster"
)

func (c RBACConfig) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[Member]bool{}
	for i, m := range c.Members {
		memberAt := at.Child("members").Index(i)
		errs = append(errs, m.validate(memberAt)...)
		m.Kind = m.kind()
		if seen[m] {
			errs = append(errs, field.Duplicate(memberAt, m.Name))
		}
		seen[m] = true
	}
	switch c.ReadVisibility {
	case "", VisibilityOwn:
	case VisibilityCluster:
		if len(c.groups()) == 0 {
			errs = append(errs, field.Invalid(at.Child("readVisibility"), c.ReadVisibility,
				"applies to groups, and no member is a group"))
		}
	default:
		supported := []ReadVisibility{VisibilityOwn, VisibilityCluster}
		errs = append(errs, field.NotSupported(at.Child("readVisibility"), c.ReadVisibility, supported))
	}
	return errs
}

// maxSubjectName is the length of a member's name, in bytes. It is more than a distinguished name
// takes, and one object can store the groups of many tenants.
const maxSubjectName = 512

// kind returns the kind, with its default.
func (m Member) kind() rbac.SubjectKind {
	if m.Kind == "" {
		return rbac.Group
	}
	return m.Kind
}

// Subject returns the member as grants name it, with the default of Kind.
func (m Member) Subject() rbac.Subject {
	return rbac.Subject{Kind: m.kind(), Name: m.Name, Namespace: m.Namespace}
}

func (m Member) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if !slices.Contains(Roles(), m.Role) {
		errs = append(errs, field.NotSupported(at.Child("role"), m.Role, Roles()))
	}
	switch {
	case m.Name == "":
		errs = append(errs, field.Required(at.Child("name"), "the name of a group, a user or a service account"))
	case !isLine(m.Name):
		errs = append(errs, field.Invalid(at.Child("name"), m.Name,
			"must not have spaces around it or control characters"))
	case len(m.Name) > maxSubjectName:
		errs = append(errs, field.TooLong(at.Child("name"), "", maxSubjectName))
	case strings.HasPrefix(strings.ToLower(m.Name), "system:"):
		errs = append(errs, field.Forbidden(at.Child("name"), "Kubernetes' own users and groups (system:...) "+
			"cannot be members; for a service account, set kind to ServiceAccount"))
	}
	switch m.kind() {
	case rbac.Group, rbac.User:
		if m.Namespace != "" {
			errs = append(errs, field.Forbidden(at.Child("namespace"), "only service accounts have a namespace"))
		}
	case rbac.ServiceAccount:
		if m.Name != "" {
			for _, msg := range validation.IsDNS1123Subdomain(m.Name) {
				errs = append(errs, field.Invalid(at.Child("name"), m.Name, msg))
			}
		}
		errs = append(errs, validateNamespaceName(m.Namespace, at.Child("namespace"))...)
	default:
		supported := []rbac.SubjectKind{rbac.Group, rbac.User, rbac.ServiceAccount}
		errs = append(errs, field.NotSupported(at.Child("kind"), m.Kind, supported))
	}
	return errs
}

// groups returns the groups among the members, sorted, each once.
func (c RBACConfig) groups() []string {
	var groups []string
	for _, m := range c.Members {
		if m.kind() == rbac.Group {
			groups = append(groups, m.Name)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// access returns one grant for each role that has members, with its subjects sorted.
func (c RBACConfig) access(tenant string) topology.Access {
	access := topology.Access{Namespace: tenant}
	for _, role := range Roles() {
		var subjects []rbac.Subject
		for _, m := range c.Members {
			if m.Role == role {
				subjects = append(subjects, m.Subject())
			}
		}
		if len(subjects) == 0 {
			continue
		}
		slices.SortFunc(subjects, func(a, b rbac.Subject) int { return strings.Compare(sortKey(a), sortKey(b)) })
		access.Grants = append(access.Grants, topology.Grant{
			Role: string(role), Rules: roleRules[role], Subjects: subjects,
		})
	}
	return access
}

func sortKey(s rbac.Subject) string { return string(s.Kind) + "/" + s.Namespace + "/" + s.Name }

// readers returns the groups that may read outside of the tenant.
func (c RBACConfig) readers(tenant string) topology.ClusterReaders {
	readers := topology.ClusterReaders{Tenant: tenant}
	if c.ReadVisibility == VisibilityCluster {
		readers.Groups = c.groups()
	}
	return readers
}
