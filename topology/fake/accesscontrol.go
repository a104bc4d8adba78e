package fake

import (
	"context"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

var accesses = slotKind[topology.Access]{
	topology.KindAccess, func(n *namespace) *slot[topology.Access] { return &n.access },
}

// Access implements topology.AccessControl.
func (t *Topology) Access(ctx context.Context, namespace string) (topology.Access, error) {
	return accesses.read(ctx, t, namespace)
}

// EnsureAccess implements topology.AccessControl.
func (t *Topology) EnsureAccess(ctx context.Context, want topology.Access) (topology.Change, error) {
	if len(want.Grants) == 0 {
		return accesses.remove(ctx, t, want.Namespace)
	}
	return accesses.ensure(ctx, t, want.Namespace, want)
}

// DeleteAccess implements topology.AccessControl.
func (t *Topology) DeleteAccess(ctx context.Context, namespace string) (topology.Change, error) {
	return accesses.remove(ctx, t, namespace)
}

// allGrants returns the grants in a namespace, both those of Polyphony and those of others.
func (n *namespace) allGrants() []topology.Grant {
	if n.access.value == nil {
		return n.grants
	}
	return slices.Concat(n.access.value.Grants, n.grants)
}
