package topology

import (
	"context"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/clone"
)

// Quotas bounds what a namespace can use in total.
type Quotas interface {
	// Quota reads the quota of a namespace. None is ErrNotFound.
	Quota(ctx context.Context, namespace string) (Quota, error)

	// EnsureQuota makes the quota of the namespace exactly that of want. A namespace that does not
	// exist is ErrNotFound.
	EnsureQuota(ctx context.Context, want Quota) (Change, error)

	// DeleteQuota removes the quota. Nothing bounds the namespace then.
	DeleteQuota(ctx context.Context, namespace string) (Change, error)

	// AwaitQuota returns once the stored quota is in force. For a moment after it is stored, a
	// quota does not count yet, and objects can exceed it. If the context ends first, the error is
	// ErrTimeout. On a dry run it returns at once.
	AwaitQuota(ctx context.Context, namespace string) error
}

// Quota bounds the total that a namespace may use.
type Quota struct {
	Namespace string `json:"namespace"` // the name of the tenant's namespace

	// Hard maps a resource to its upper bound. Its keys are those of a Kubernetes ResourceQuota:
	// "requests.cpu" in cores, "requests.memory" and "requests.storage" in bytes,
	// "services.loadbalancers" and "count/jobs.batch" in objects,
	// "gold.storageclass.storage.k8s.io/requests.storage" for one storage class. A resource without
	// an entry is not bounded.
	Hard map[string]resource.Quantity `json:"hard"`
}

// Clone returns a copy that shares nothing with q.
func (q Quota) Clone() Quota {
	q.Hard = clone.Quantities(q.Hard)
	return q
}
