package topology

import "context"

// Namespaces is the boundary around a tenant: everything else a tenant has lives in it, and goes when it goes.
type Namespaces interface {
	// Namespace reads the boundary, whoever it belongs to: see [Namespace.Managed].
	Namespace(ctx context.Context, name string) (Namespace, error)

	// EnsureNamespace creates or repairs it. One that Polyphony does not manage is ErrConflict and stays untouched, unless
	// want.Adopt is set. One that is being deleted is ErrTerminating. One that does not exist, while service accounts of its name hold rights in other
	// namespaces, is ErrConflict unless want.InheritGrants is set: whoever comes under the name of somebody who has gone would get them. A label or annotation that an earlier call wrote and want
	// no longer has is removed; those of others stay.
	EnsureNamespace(ctx context.Context, want Namespace) (Change, error)

	// DeleteNamespace starts the removal of the boundary and everything in it, and may return before it is complete. A protected
	// namespace is ErrProtected, one that Polyphony does not manage is ErrConflict; both stay untouched.
	DeleteNamespace(ctx context.Context, name string) (Change, error)

	// AwaitNamespaceGone returns once the namespace no longer exists. When the context ends first, the error is ErrTimeout
	// and its Detail says what holds the namespace.
	AwaitNamespaceGone(ctx context.Context, name string) error
}

// PodSecurity is a level of the Pod Security Standards, enforced by the infrastructure on every pod of a namespace.
type PodSecurity string

// The levels, strictest first.
const (
	PodSecurityRestricted PodSecurity = "restricted"
	PodSecurityBaseline   PodSecurity = "baseline"
	PodSecurityPrivileged PodSecurity = "privileged"
)

// Namespace is the boundary around one tenant.
type Namespace struct {
	Name                string            `json:"name"` // DNS-1123 label
	DisplayName         string            `json:"displayName,omitempty"`
	Labels              map[string]string `json:"labels,omitempty"`      // asked for by the Score; a read leaves out those of others
	Annotations         map[string]string `json:"annotations,omitempty"` // likewise
	PodSecurity         PodSecurity       `json:"podSecurity"`
	DefaultStorageClass string            `json:"defaultStorageClass,omitempty"` // recorded for tools and people
	Protected           bool              `json:"protected,omitempty"`           // DeleteNamespace refuses
	Allowed             Allowances        `json:"allowed,omitzero"`              // beyond the guardrails

	// Roster is the set of tenants that this one is of. EnsureNamespace leaves it as it is where want has none, and refuses (ErrConflict) to take a
	// tenant from another.
	Roster string `json:"roster,omitempty"`

	// Adopt lets EnsureNamespace take over a namespace that Polyphony does not manage. It is a permission and is not stored.
	Adopt bool `json:"-"`

	// InheritGrants lets EnsureNamespace create a namespace whose service accounts already hold rights elsewhere. It is a permission and is not stored.
	InheritGrants bool `json:"-"`

	// Answers of a read, ignored by EnsureNamespace.
	Managed     bool   `json:"-"` // by Polyphony
	Owner       string `json:"-"` // who seems to manage it, when Polyphony does not
	Terminating bool   `json:"-"` // being deleted
}
