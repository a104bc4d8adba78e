package k8s

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
)

// read gets the one object of ours in a namespace. An object that is not ours is not there.
func read[T apiObject](ctx context.Context, t *Topology, c call, client client[T]) (T, error) {
	var have T
	err := t.retry(ctx, c, func(ctx context.Context) (err error) {
		have, err = client.Get(ctx, objectName, metav1.GetOptions{})
		if err == nil && !owned(have, c.name) {
			return c.fails(topology.ErrNotFound, "")
		}
		return err
	})
	return have, err
}

// Quota implements topology.Quotas.
func (t *Topology) Quota(ctx context.Context, namespace string) (topology.Quota, error) {
	have, err := read(ctx, t, call{"read", "Quota", namespace}, client[*corev1.ResourceQuota](t.clients.quotas(namespace)))
	if err != nil {
		return topology.Quota{}, err
	}
	return toQuota(have), nil
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
	object := renderQuota(want)
	return keeper[*corev1.ResourceQuota]{
		call: call{"ensure", "Quota", want.Namespace}, client: t.clients.quotas(want.Namespace), tenant: want.Namespace, want: object,
		merge: func(have *corev1.ResourceQuota) *corev1.ResourceQuota {
			to := have.DeepCopy()
			to.Spec = object.Spec
			return to
		},
		fields: func(have, to *corev1.ResourceQuota) []topology.FieldChange {
			read := toQuota(have)
			return append(topology.Diff(read, toQuota(to)), beyond(have.Spec, renderQuota(read).Spec)...)
		},
		replaceable: func(have *corev1.ResourceQuota) bool {
			return len(have.Spec.Scopes) == 0 && have.Spec.ScopeSelector == nil
		}, // scopes cannot be changed
	}.ensure(ctx, t, nil)
}

// DeleteQuota implements topology.Quotas.
func (t *Topology) DeleteQuota(ctx context.Context, namespace string) (topology.Change, error) {
	return remove(ctx, t, call{"delete", "Quota", namespace}, client[*corev1.ResourceQuota](t.clients.quotas(namespace)), objectName, namespace)
}

// AwaitQuota implements topology.Quotas. The quota controller publishes in the status what it enforces.
func (t *Topology) AwaitQuota(ctx context.Context, namespace string) error {
	if t.dry {
		return nil
	}
	c := call{"await", "Quota", namespace}
	err := t.poll(ctx, c, func(ctx context.Context) (bool, error) {
		have, err := t.clients.quotas(namespace).Get(ctx, objectName, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return equality.Semantic.DeepEqual(have.Spec.Hard, have.Status.Hard), nil
	})
	if err != nil && ctx.Err() != nil {
		return &topology.Error{Op: c.op, Kind: c.kind, Name: c.name, Reason: topology.ErrTimeout, Cause: ctx.Err(),
			Detail: "the quota is stored but not in force; is the cluster's quota controller (kube-controller-manager) running?"}
	}
	return err
}

// LimitRange implements topology.LimitRanges.
func (t *Topology) LimitRange(ctx context.Context, namespace string) (topology.LimitRange, error) {
	have, err := read(ctx, t, call{"read", "LimitRange", namespace}, client[*corev1.LimitRange](t.clients.limitRanges(namespace)))
	if err != nil {
		return topology.LimitRange{}, err
	}
	return toLimitRange(have), nil
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
	object := renderLimitRange(want)
	return keeper[*corev1.LimitRange]{
		call: call{"ensure", "LimitRange", want.Namespace}, client: t.clients.limitRanges(want.Namespace), tenant: want.Namespace, want: object,
		merge: func(have *corev1.LimitRange) *corev1.LimitRange {
			to := have.DeepCopy()
			to.Spec = object.Spec
			return to
		},
		fields: func(have, to *corev1.LimitRange) []topology.FieldChange {
			read := toLimitRange(have)
			return append(topology.Diff(read, toLimitRange(to)), beyond(have.Spec, renderLimitRange(read).Spec)...)
		},
	}.ensure(ctx, t, nil)
}

// DeleteLimitRange implements topology.LimitRanges.
func (t *Topology) DeleteLimitRange(ctx context.Context, namespace string) (topology.Change, error) {
	return remove(ctx, t, call{"delete", "LimitRange", namespace}, client[*corev1.LimitRange](t.clients.limitRanges(namespace)), objectName, namespace)
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
	for name := range maps.Keys(list) {
		m[string(name)] = list[name].DeepCopy()
	}
	return m
}
