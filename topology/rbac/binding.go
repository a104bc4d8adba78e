package rbac

import (
	"cmp"
	"slices"

	"github.com/polyphony-go/polyphony/internal/clone"
)

// BindingKind is the kind of a [Binding].
type BindingKind string

// The kinds of bindings.
const (
	RoleBinding        BindingKind = "RoleBinding"        // grants in its own namespace
	ClusterRoleBinding BindingKind = "ClusterRoleBinding" // grants everywhere
)

// RoleKind is the kind of the role that a [Binding] grants.
type RoleKind string

// The kinds of roles.
const (
	Role        RoleKind = "Role"        // belongs to a namespace
	ClusterRole RoleKind = "ClusterRole" // belongs to the cluster
)

// RoleRef is the role that a [Binding] grants.
type RoleRef struct {
	Kind RoleKind `json:"kind"` // Role or ClusterRole
	Name string   `json:"name"` // of the role; a Role is in the namespace of the binding
}

// Binding gives the rules of a role to its subjects. It is in force, whether Polyphony manages it
// or not.
type Binding struct {
	Kind      BindingKind `json:"kind"`                // RoleBinding or ClusterRoleBinding
	Namespace string      `json:"namespace,omitempty"` // where it grants; empty: everywhere
	Name      string      `json:"name"`                // of the binding
	Role      RoleRef     `json:"role"`                // the granted role

	// Managed reports whether Polyphony manages the binding.
	Managed bool `json:"managed,omitempty"`

	// TenantRole is the role of a tenant that a binding in this place stands for, such as "admin".
	// It depends on the name and the namespace alone, so it is also set for a binding in this place
	// that Polyphony does not manage. Empty: no binding of Polyphony has this place.
	TenantRole string `json:"tenantRole,omitempty"`

	Rules    []Rule    `json:"rules,omitempty"`    // of the role; empty if it does not exist
	Subjects []Subject `json:"subjects,omitempty"` // the principals that hold the role
}

// Clone returns a copy that shares nothing with b.
func (b Binding) Clone() Binding {
	b.Rules, b.Subjects = clone.Each(b.Rules, Rule.Clone), slices.Clone(b.Subjects)
	return b
}

// Compare orders bindings by kind, namespace and name.
func (b Binding) Compare(other Binding) int {
	return cmp.Or(
		cmp.Compare(b.Kind, other.Kind),
		cmp.Compare(b.Namespace, other.Namespace),
		cmp.Compare(b.Name, other.Name),
	)
}

// String names the binding, such as "RoleBinding globex/leak".
func (b Binding) String() string {
	if b.Namespace == "" {
		return string(b.Kind) + " " + b.Name
	}
	return string(b.Kind) + " " + b.Namespace + "/" + b.Name
}

// roleText names the role that is granted, such as "ClusterRole edit" or "Role globex/leak".
func (b Binding) roleText() string {
	if b.Role.Kind == Role {
		return string(b.Role.Kind) + " " + b.Namespace + "/" + b.Role.Name
	}
	return string(b.Role.Kind) + " " + b.Role.Name
}
