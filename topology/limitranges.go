package topology

import (
	"context"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/internal/clone"
)

// LimitRanges bounds each single thing in a namespace, and gives defaults to those that state
// nothing.
type LimitRanges interface {
	// LimitRange reads the limits of a namespace. None is ErrNotFound.
	LimitRange(ctx context.Context, namespace string) (LimitRange, error)

	// EnsureLimitRange makes the limits of the namespace exactly those of want. A namespace that
	// does not exist is ErrNotFound.
	EnsureLimitRange(ctx context.Context, want LimitRange) (Change, error)

	// DeleteLimitRange removes the limits.
	DeleteLimitRange(ctx context.Context, namespace string) (Change, error)
}

// LimitRange holds one Limit for each type of thing.
type LimitRange struct {
	Namespace string  `json:"namespace"`
	Limits    []Limit `json:"limits"`
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

// LimitType is the type of thing that a Limit bounds.
type LimitType string

// The types of things that can be bounded.
const (
	LimitContainer LimitType = "Container"
	LimitPod       LimitType = "Pod"
	LimitPVC       LimitType = "PersistentVolumeClaim"
)

// Limit bounds one type of thing. The maps are keyed by resource: "cpu", "memory",
// "ephemeral-storage", "storage".
type Limit struct {
	Type           LimitType                    `json:"type" diff:"key"`
	Min            map[string]resource.Quantity `json:"min,omitempty"`
	Max            map[string]resource.Quantity `json:"max,omitempty"`
	Default        map[string]resource.Quantity `json:"default,omitempty"`        // limit of a container that states none
	DefaultRequest map[string]resource.Quantity `json:"defaultRequest,omitempty"` // request of a container that states none
}
