package topology

import (
	"context"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// GrantsInForce reads every grant that exists, whoever made it, so that a whole matrix of questions
// can be answered from one reading.
type GrantsInForce interface {
	// GrantsInForce lists the bindings of every namespace and of the infrastructure as a whole, in
	// the order of [rbac.Binding.Compare].
	GrantsInForce(ctx context.Context) ([]rbac.Binding, error)
}
