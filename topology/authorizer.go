package topology

import (
	"context"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Authorizer answers questions about rights from everything that is in force, and not only from
// what Polyphony manages. An infrastructure may take a moment to learn of a grant, so a question
// right after a change may get the answer from before.
type Authorizer interface {
	// Authorize reports whether a principal may do something. A refusal is an answer, not an error.
	// A question that is not valid is ErrInvalid. Authorize writes nothing.
	Authorize(ctx context.Context, q rbac.Question) (rbac.Answer, error)
}
