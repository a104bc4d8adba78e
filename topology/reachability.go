package topology

import (
	"context"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// Reachability answers whether connections can be made, from every network policy that is in force
// and not only from what Polyphony manages.
type Reachability interface {
	// NetworkPolicies lists every policy of a namespace, foreign ones included, sorted by namespace
	// and name. A namespace that does not exist has none; "" is all namespaces.
	//
	// At most one policy of a namespace is managed: the one that NetworkIsolation reads and writes.
	// A foreign policy in its place is not managed. Neither is a policy in another place that has a
	// copy of Polyphony's mark, such as a label.
	NetworkPolicies(ctx context.Context, namespace string) ([]netpolicy.Policy, error)

	// Reach reports whether a connection is let through, and which policies decide at each end, as
	// netpolicy.State.Reach does. A refusal is an answer, not an error. A
	// connection that is not valid is ErrInvalid, and one about a namespace that does not exist is
	// ErrNotFound. Reach writes nothing and sends no packet: the component that enforces the
	// policies is not asked.
	Reach(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error)
}
