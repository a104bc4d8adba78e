package k8s

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Quota implements topology.Quotas.
func (t *Topology) Quota(ctx context.Context, namespace string) (topology.Quota, error) {
	return quotas.get(ctx, t, namespace)
}

func toQuota(have *corev1.ResourceQuota) topology.Quota {
	return topology.Quota{Namespace: have.Namespace, Hard: fromResources(have.Spec.Hard)}
}

func renderQuota(want topology.Quota) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		ObjectMeta: meta(want.Namespace, objectName, want.Namespace),
		Spec:       corev1.ResourceQuotaSpec{Hard: toResources(want.Hard)},
	}
}

// EnsureQuota implements topology.Quotas.
func (t *Topology) EnsureQuota(ctx context.Context, want topology.Quota) (topology.Change, error) {
	return quotas.ensure(ctx, t, want.Namespace, want)
}

// DeleteQuota implements topology.Quotas.
func (t *Topology) DeleteQuota(ctx context.Context, namespace string) (topology.Change, error) {
	return quotas.remove(ctx, t, namespace)
}

// AwaitQuota implements topology.Quotas. The quota controller publishes in the status what it enforces.
func (t *Topology) AwaitQuota(ctx context.Context, namespace string) error {
	if t.dry {
		return nil
	}
	c := adapter.Await(topology.KindQuota, namespace)
	err := t.poll(ctx, c, "be in force", t.clients.quotas(namespace).following(objectName), func(ctx context.Context) (bool, error) {
		have, err := t.clients.quotas(namespace).Get(ctx, objectName)
		if err != nil {
			return false, err
		}
		return equality.Semantic.DeepEqual(have.Spec.Hard, have.Status.Hard), nil
	})
	if err != nil && ctx.Err() != nil {
		return c.Wrap(topology.ErrTimeout, "the quota is stored but not in force; is the cluster's quota controller (kube-controller-manager) running?", ctx.Err())
	}
	return err
}

// LimitRange implements topology.LimitRanges.
func (t *Topology) LimitRange(ctx context.Context, namespace string) (topology.LimitRange, error) {
	return limitRanges.get(ctx, t, namespace)
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

// EnsureLimitRange implements topology.LimitRanges.
func (t *Topology) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return limitRanges.ensure(ctx, t, want.Namespace, want)
}

// DeleteLimitRange implements topology.LimitRanges.
func (t *Topology) DeleteLimitRange(ctx context.Context, namespace string) (topology.Change, error) {
	return limitRanges.remove(ctx, t, namespace)
}

func toResources(m map[string]resource.Quantity) corev1.ResourceList {
	if len(m) == 0 {
		return nil
	}
	list := corev1.ResourceList{}
	for name, q := range m {
		list[corev1.ResourceName(name)] = q.DeepCopy()
	}
	return list
}

func fromResources(list corev1.ResourceList) map[string]resource.Quantity {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]resource.Quantity, len(list))
	for name, q := range list {
		m[string(name)] = q.DeepCopy()
	}
	return m
}
