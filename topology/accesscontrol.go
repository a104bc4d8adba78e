package topology

import (
	"context"
	"slices"

	"github.com/polyphony-go/polyphony/internal/clone"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// AccessControl decides which principals may do what in a namespace.
type AccessControl interface {
	// Access reads every grant that Polyphony manages in the namespace. None at all is ErrNotFound.
	Access(ctx context.Context, namespace string) (Access, error)

	// EnsureAccess makes the managed grants exactly those of want. A managed grant that want does
	// not have is withdrawn; if want has no grants, EnsureAccess does what DeleteAccess does.
	// Grants that Polyphony does not manage stay. Rights are withdrawn before new ones are given.
	EnsureAccess(ctx context.Context, want Access) (Change, error)

	// DeleteAccess withdraws every grant that Polyphony manages in the namespace.
	DeleteAccess(ctx context.Context, namespace string) (Change, error)
}

// Access is everything that Polyphony grants in a namespace.
type Access struct {
	Namespace string  `json:"namespace"`        // the name of the tenant's namespace
	Grants    []Grant `json:"grants,omitempty"` // at most one for each role; empty: no rights
}

// Clone returns a copy that shares nothing with a.
func (a Access) Clone() Access {
	a.Grants = clone.Each(a.Grants, Grant.Clone)
	return a
}

// Grant gives the rules of a role to its subjects.
type Grant struct {
	Role     string         `json:"role" diff:"key"`    // a DNS-1123 label, such as "admin"
	Rules    []rbac.Rule    `json:"rules,omitempty"`    // what the role allows; empty: nothing
	Subjects []rbac.Subject `json:"subjects,omitempty"` // the principals that hold the role
}

// Clone returns a copy that shares nothing with g.
func (g Grant) Clone() Grant {
	g.Rules, g.Subjects = clone.Each(g.Rules, rbac.Rule.Clone), slices.Clone(g.Subjects)
	return g
}
