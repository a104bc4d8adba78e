package topology

import (
	"context"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// GrantsInForce reads every grant that exists, foreign ones included. One reading answers a whole
// matrix of questions.
type GrantsInForce interface {
	// GrantsInForce lists the bindings of every namespace and of the infrastructure as a whole, in
	// the order of [rbac.Binding.Compare].
	GrantsInForce(ctx context.Context) ([]rbac.Binding, error)
}
