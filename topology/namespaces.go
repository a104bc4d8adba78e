package topology

import (
	"context"
	"maps"
)

// Namespaces is the boundary around a tenant. Everything else that a tenant has lives in it, and
// goes when it goes.
type Namespaces interface {
	// Namespace reads the boundary. It may be a foreign one: see [Namespace.Managed].
	Namespace(ctx context.Context, name string) (Namespace, error)

	// EnsureNamespace creates or repairs the boundary. A label or annotation that an earlier call
	// wrote and that want no longer has is removed; those of others stay.
	//
	// A namespace that Polyphony does not manage is ErrConflict and stays untouched, unless
	// want.Adopt is set. One that is being deleted is ErrTerminating. One that does not exist,
	// while service accounts of its name hold rights in other namespaces, is ErrConflict unless
	// want.InheritGrants is set: the new tenant would get those rights.
	EnsureNamespace(ctx context.Context, want Namespace) (Change, error)

	// DeleteNamespace starts the removal of the boundary and of everything in it, and may return
	// before it is complete. A protected namespace is ErrProtected, and one that Polyphony does not
	// manage is ErrConflict; both stay untouched.
	DeleteNamespace(ctx context.Context, name string) (Change, error)

	// AwaitNamespaceGone returns once the namespace no longer exists. If the context ends first,
	// the error is ErrTimeout and its Detail says what holds the namespace. On a dry run it returns
	// at once.
	AwaitNamespaceGone(ctx context.Context, name string) error
}

// PodSecurity is a level of the Pod Security Standards, which the infrastructure enforces on every
// pod of a namespace.
type PodSecurity string

// The levels, strictest first.
const (
	PodSecurityRestricted PodSecurity = "restricted"
	PodSecurityBaseline   PodSecurity = "baseline"
	PodSecurityPrivileged PodSecurity = "privileged"
)

// Namespace is the boundary around one tenant.
type Namespace struct {
	Name        string `json:"name"` // a DNS-1123 label
	DisplayName string `json:"displayName,omitempty"`

	// Labels and Annotations are those that a Score asked for. A read leaves out those of others.
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`

	PodSecurity         PodSecurity `json:"podSecurity"`
	DefaultStorageClass string      `json:"defaultStorageClass,omitempty"` // recorded for tools and people
	Protected           bool        `json:"protected,omitempty"`           // DeleteNamespace refuses
	Allowed             Allowances  `json:"allowed,omitzero"`              // beyond the guardrails

	// Roster is the set of tenants that this one belongs to. If it is empty, EnsureNamespace leaves
	// the stored one as it is. EnsureNamespace refuses with ErrConflict to take a tenant from
	// another roster.
	Roster string `json:"roster,omitempty"`

	// Adopt lets EnsureNamespace take over a namespace that Polyphony does not manage. It is a
	// permission and is not stored.
	Adopt bool `json:"-"`

	// InheritGrants lets EnsureNamespace create a namespace whose service accounts already hold
	// rights elsewhere. It is a permission and is not stored.
	InheritGrants bool `json:"-"`

	// The following are answers of a read. EnsureNamespace ignores them.
	Managed     bool   `json:"-"` // by Polyphony
	Owner       string `json:"-"` // who seems to manage it, if Polyphony does not
	Terminating bool   `json:"-"` // being deleted
}

// Clone returns a copy that shares nothing with n.
func (n Namespace) Clone() Namespace {
	n.Labels, n.Annotations = maps.Clone(n.Labels), maps.Clone(n.Annotations)
	n.Allowed = n.Allowed.Clone()
	return n
}
