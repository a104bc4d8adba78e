package k8s

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

var limitRanges = singleton[*corev1.LimitRange, corev1.LimitRangeSpec, topology.LimitRange]{
	kind:   topology.KindLimitRange,
	client: func(c kube.Clients) kube.Client[*corev1.LimitRange] { return c.LimitRanges },
	spec:   func(l *corev1.LimitRange) *corev1.LimitRangeSpec { return &l.Spec },
	same:   func(a, b *corev1.LimitRangeSpec) bool { return equality.Semantic.DeepEqual(a, b) },
	read:   toLimitRange, render: renderLimitRange,
}

// LimitRange implements topology.LimitRanges.
func (t *Topology) LimitRange(ctx context.Context, namespace string) (topology.LimitRange, error) {
	return limitRanges.get(ctx, t, namespace)
}

// EnsureLimitRange implements topology.LimitRanges.
func (t *Topology) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return limitRanges.ensure(ctx, t, want.Namespace, want)
}

// DeleteLimitRange implements topology.LimitRanges.
func (t *Topology) DeleteLimitRange(ctx context.Context, namespace string) (topology.Change, error) {
	return limitRanges.remove(ctx, t, namespace)
}

func toLimitRange(have *corev1.LimitRange) topology.LimitRange {
	limits := topology.LimitRange{Namespace: have.Namespace}
	for _, item := range have.Spec.Limits {
		limits.Limits = append(limits.Limits, topology.Limit{
			Type: topology.LimitType(item.Type), Min: fromResources(item.Min), Max: fromResources(item.Max),
			Default: fromResources(item.Default), DefaultRequest: fromResources(item.DefaultRequest),
		})
	}
	return limits
}

func renderLimitRange(want topology.LimitRange) *corev1.LimitRange {
	object := &corev1.LimitRange{ObjectMeta: meta(want.Namespace, objectName, want.Namespace)}
	for _, limit := range want.Limits {
		object.Spec.Limits = append(object.Spec.Limits, corev1.LimitRangeItem{
			Type: corev1.LimitType(limit.Type), Min: toResources(limit.Min), Max: toResources(limit.Max),
			Default: toResources(limit.Default), DefaultRequest: toResources(limit.DefaultRequest),
		})
	}
	return object
}
