package topology

import (
	"context"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Quotas bounds what a namespace can use in total.
type Quotas interface {
	Quota(ctx context.Context, namespace string) (Quota, error)
	EnsureQuota(ctx context.Context, want Quota) (Change, error)
	DeleteQuota(ctx context.Context, namespace string) (Change, error)

	// AwaitQuota returns once the stored quota is in force, not merely stored. There is a moment after the creation of a namespace
	// in which its quota does not count yet; whoever may create objects then gets past it. When the context ends first, the
	// error is ErrTimeout. On a dry run it returns at once.
	AwaitQuota(ctx context.Context, namespace string) error
}

// Quota is the sum of what a namespace may use.
type Quota struct {
	Namespace string `json:"namespace"`

	// Hard is keyed as a Kubernetes ResourceQuota is: "requests.cpu", "services.loadbalancers", "count/jobs.batch",
	// "gold.storageclass.storage.k8s.io/requests.storage". What is not named is not bounded.
	Hard map[string]resource.Quantity `json:"hard"`
}

// LimitRanges bounds each single thing in a namespace and gives defaults to those that state nothing.
type LimitRanges interface {
	LimitRange(ctx context.Context, namespace string) (LimitRange, error)
	EnsureLimitRange(ctx context.Context, want LimitRange) (Change, error)
	DeleteLimitRange(ctx context.Context, namespace string) (Change, error)
}

// LimitRange holds one Limit for each type of thing.
type LimitRange struct {
	Namespace string  `json:"namespace"`
	Limits    []Limit `json:"limits"`
}

// LimitType says what a Limit bounds.
type LimitType string

// The types of things that can be bounded.
const (
	LimitContainer LimitType = "Container"
	LimitPod       LimitType = "Pod"
	LimitPVC       LimitType = "PersistentVolumeClaim"
)

// Limit bounds one type of thing. The maps are keyed by resource: "cpu", "memory", "ephemeral-storage", "storage".
type Limit struct {
	Type           LimitType                    `json:"type" diff:"key"`
	Min            map[string]resource.Quantity `json:"min,omitempty"`
	Max            map[string]resource.Quantity `json:"max,omitempty"`
	Default        map[string]resource.Quantity `json:"default,omitempty"`        // limit of a container that states none
	DefaultRequest map[string]resource.Quantity `json:"defaultRequest,omitempty"` // request of a container that states none
}
