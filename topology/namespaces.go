package topology

import (
	"context"
	"maps"
)

// Namespaces is the boundary around a tenant. It contains everything else that a tenant has, and
// its removal removes that too.
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
	PodSecurityRestricted PodSecurity = "restricted" // hardened pods only
	PodSecurityBaseline   PodSecurity = "baseline"   // no known privilege escalation
	PodSecurityPrivileged PodSecurity = "privileged" // no restriction: root on the node
)

// Namespace is the boundary around one tenant.
type Namespace struct {
	Name        string `json:"name"`                  // a DNS-1123 label
	DisplayName string `json:"displayName,omitempty"` // for people; empty: none

	// Labels are the labels that a Score asked for. A read leaves out those of others.
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations are the annotations that a Score asked for. A read leaves out those of others.
	Annotations map[string]string `json:"annotations,omitempty"`

	// PodSecurity is the level that is enforced. A read returns "" if none is.
	PodSecurity PodSecurity `json:"podSecurity"`

	// DefaultStorageClass is recorded for tools and people; nothing enforces it. Empty: none.
	DefaultStorageClass string `json:"defaultStorageClass,omitempty"`

	// Protected makes DeleteNamespace refuse with ErrProtected.
	Protected bool `json:"protected,omitempty"`

	// Allowed is what the tenant may do beyond the guardrails. The zero value allows nothing.
	Allowed Allowances `json:"allowed,omitzero"`

	// Roster is the name of the roster that the tenant belongs to. If it is empty, EnsureNamespace
	// keeps the stored one. If the tenant belongs to another roster, EnsureNamespace fails with
	// ErrConflict.
	Roster string `json:"roster,omitempty"`

	// Adopt lets EnsureNamespace take over a namespace that Polyphony does not manage. It is a
	// permission and is not stored.
	Adopt bool `json:"-"`

	// InheritGrants lets EnsureNamespace create a namespace whose service accounts already hold
	// rights elsewhere. It is a permission and is not stored.
	InheritGrants bool `json:"-"`

	// Managed reports whether Polyphony manages the namespace. A read sets it; EnsureNamespace
	// ignores it.
	Managed bool `json:"-"`

	// Owner names the probable manager of a namespace that Polyphony does not manage. Empty: not
	// known. A read sets it; EnsureNamespace ignores it.
	Owner string `json:"-"`

	// Terminating reports whether the namespace is being deleted. A read sets it; EnsureNamespace
	// ignores it.
	Terminating bool `json:"-"`
}

// Clone returns a copy that shares nothing with n.
func (n Namespace) Clone() Namespace {
	n.Labels, n.Annotations = maps.Clone(n.Labels), maps.Clone(n.Annotations)
	n.Allowed = n.Allowed.Clone()
	return n
}
