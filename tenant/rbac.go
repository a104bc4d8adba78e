package tenant

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// RBACConfig is who may do what in the tenant. Unset: nobody anything.
type RBACConfig struct {
	Members []Member `json:"members,omitempty"`

	// ReadVisibility is what the tenant's members see of others. Unset: own.
	ReadVisibility ReadVisibility `json:"readVisibility,omitempty"`
}

// Member is somebody with a role in the tenant. Prefer groups: who is in them changes without the Score changing. Source: ADR-008 as ADR-009
// names it, "group-based RBAC over individual user bindings".
type Member struct {
	Role Role `json:"role"`

	// Kind is what Name names. Unset: a group.
	Kind rbac.SubjectKind `json:"kind,omitempty"`

	// Name is the group or user as the authenticator says it, or a service account's name. Kubernetes' own ("system:...") are refused.
	Name string `json:"name"`

	// Namespace is a service account's, which need not be the tenant's. Every pod of that namespace can act as the service account.
	Namespace string `json:"namespace,omitempty"`
}

// ReadVisibility is what the members of a tenant may read beyond it. Source: ADR-009.
type ReadVisibility string

const (
	// VisibilityOwn shows the tenant's own namespace only.
	VisibilityOwn ReadVisibility = "own"

	// VisibilityCluster lets the tenant's groups (not its users and service accounts) get, list and watch the workloads of
	// every namespace, never Secrets or ConfigMaps: see [topology.ClusterReadRules].
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
			errs = append(errs, field.Invalid(at.Child("readVisibility"), c.ReadVisibility, "is given to groups, and no member is one"))
		}
	default:
		errs = append(errs, field.NotSupported(at.Child("readVisibility"), c.ReadVisibility, []ReadVisibility{VisibilityOwn, VisibilityCluster}))
	}
	return errs
}

// maxSubjectName is in bytes: more than a distinguished name takes, and little enough to be written down for many tenants.
const maxSubjectName = 512

func (m Member) kind() rbac.SubjectKind {
	if m.Kind == "" {
		return rbac.Group
	}
	return m.Kind
}

// Subject returns the member as rights name it.
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
	case strings.TrimSpace(m.Name) != m.Name || strings.ContainsFunc(m.Name, isControl):
		errs = append(errs, field.Invalid(at.Child("name"), m.Name, "must not have spaces around it nor control characters"))
	case len(m.Name) > maxSubjectName:
		errs = append(errs, field.TooLong(at.Child("name"), "", maxSubjectName))
	case strings.HasPrefix(strings.ToLower(m.Name), "system:"):
		errs = append(errs, field.Forbidden(at.Child("name"), "Kubernetes' own users and groups (system:...) are not members; a service account is kind ServiceAccount"))
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
		errs = append(errs, field.NotSupported(at.Child("kind"), m.Kind, []rbac.SubjectKind{rbac.Group, rbac.User, rbac.ServiceAccount}))
	}
	return errs
}

// groups are the member groups, sorted, each once.
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

// access is the grants as the topology receives them: one for each role that has members, its subjects sorted.
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
		slices.SortFunc(subjects, func(a, b rbac.Subject) int {
			return strings.Compare(string(a.Kind)+"/"+a.Namespace+"/"+a.Name, string(b.Kind)+"/"+b.Namespace+"/"+b.Name)
		})
		access.Grants = append(access.Grants, topology.Grant{Role: string(role), Rules: roleRules[role], Subjects: subjects})
	}
	return access
}

// readers are the groups that may read beyond the tenant: none, unless the Score says so.
func (c RBACConfig) readers(tenant string) topology.ClusterReaders {
	readers := topology.ClusterReaders{Tenant: tenant}
	if c.ReadVisibility == VisibilityCluster {
		readers.Groups = c.groups()
	}
	return readers
}
