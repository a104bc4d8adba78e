package topology

import (
	"context"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/clone"
)

// LimitRanges bounds single containers, pods and claims, and sets defaults for containers that
// state no amounts.
type LimitRanges interface {
	// LimitRange reads the limits of a namespace. None is ErrNotFound.
	LimitRange(ctx context.Context, namespace string) (LimitRange, error)

	// EnsureLimitRange makes the limits of the namespace exactly those of want. A namespace that
	// does not exist is ErrNotFound.
	EnsureLimitRange(ctx context.Context, want LimitRange) (Change, error)

	// DeleteLimitRange removes the limits.
	DeleteLimitRange(ctx context.Context, namespace string) (Change, error)
}

// LimitRange holds at most one Limit for each [LimitType].
type LimitRange struct {
	Namespace string  `json:"namespace"` // the name of the tenant's namespace
	Limits    []Limit `json:"limits"`    // a type without a Limit is not bounded
}

// Clone returns a copy that shares nothing with l.
func (l LimitRange) Clone() LimitRange {
	l.Limits = clone.Each(l.Limits, func(limit Limit) Limit {
		limit.Min, limit.Max = clone.Quantities(limit.Min), clone.Quantities(limit.Max)
		limit.Default, limit.DefaultRequest = clone.Quantities(limit.Default), clone.Quantities(limit.DefaultRequest)
		return limit
	})
	return l
}

// LimitType is the type of object that a Limit bounds.
type LimitType string

// The types of objects that can be bounded.
const (
	LimitContainer LimitType = "Container"             // each container of a pod
	LimitPod       LimitType = "Pod"                   // the sum of the containers of a pod
	LimitPVC       LimitType = "PersistentVolumeClaim" // each claim on storage
)

// Limit bounds each object of one type. The maps go from a resource ("cpu" in cores, "memory",
// "ephemeral-storage" and "storage" in bytes) to an amount. A resource without an entry has no
// bound or default.
type Limit struct {
	Type LimitType                    `json:"type" diff:"key"` // what is bounded
	Min  map[string]resource.Quantity `json:"min,omitempty"`   // the least amount of each object
	Max  map[string]resource.Quantity `json:"max,omitempty"`   // the greatest amount of each object

	// Default holds the limits of a container that states none.
	Default map[string]resource.Quantity `json:"default,omitempty"`

	// DefaultRequest holds the requests of a container that states none.
	DefaultRequest map[string]resource.Quantity `json:"defaultRequest,omitempty"`
}
