package topology

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Clone returns a copy that shares nothing with n.
func (n Namespace) Clone() Namespace {
	n.Labels, n.Annotations = maps.Clone(n.Labels), maps.Clone(n.Annotations)
	n.Allowed = n.Allowed.Clone()
	return n
}

// Clone returns a copy that shares nothing with a.
func (a Allowances) Clone() Allowances {
	a.Domains, a.IngressAnnotations, a.ServiceTypes = slices.Clone(a.Domains), slices.Clone(a.IngressAnnotations), slices.Clone(a.ServiceTypes)
	a.ExternalNames, a.StorageClasses, a.InlineDrivers = slices.Clone(a.ExternalNames), slices.Clone(a.StorageClasses), slices.Clone(a.InlineDrivers)
	a.ImageRegistries, a.PriorityClasses = slices.Clone(a.ImageRegistries), slices.Clone(a.PriorityClasses)
	a.RuntimeClasses, a.Tolerations = slices.Clone(a.RuntimeClasses), slices.Clone(a.Tolerations)
	return a
}

// Clone returns a copy that shares nothing with s.
func (s GuardrailSet) Clone() GuardrailSet {
	s.Rules = slices.Clone(s.Rules)
	return s
}

// Clone returns a copy that shares nothing with q.
func (q Quota) Clone() Quota {
	q.Hard = cloneQuantities(q.Hard)
	return q
}

// Clone returns a copy that shares nothing with l.
func (l LimitRange) Clone() LimitRange {
	l.Limits = cloneEach(l.Limits, func(limit Limit) Limit {
		limit.Min, limit.Max = cloneQuantities(limit.Min), cloneQuantities(limit.Max)
		limit.Default, limit.DefaultRequest = cloneQuantities(limit.Default), cloneQuantities(limit.DefaultRequest)
		return limit
	})
	return l
}

// Clone returns a copy that shares nothing with n.
func (n NetworkRules) Clone() NetworkRules {
	n.Ingress, n.Egress = cloneEach(n.Ingress, NetworkRule.Clone), cloneEach(n.Egress, NetworkRule.Clone)
	return n
}

// Clone returns a copy that shares nothing with r.
func (r NetworkRule) Clone() NetworkRule {
	r.Ports = slices.Clone(r.Ports)
	r.Peers = cloneEach(r.Peers, NetworkPeer.Clone)
	return r
}

// Clone returns a copy that shares nothing with p.
func (p NetworkPeer) Clone() NetworkPeer {
	p.NamespaceLabels, p.PodLabels = maps.Clone(p.NamespaceLabels), maps.Clone(p.PodLabels)
	p.Except = slices.Clone(p.Except)
	return p
}

// Clone returns a copy that shares nothing with p.
func (p NetworkPolicy) Clone() NetworkPolicy {
	p.Pods = p.Pods.Clone()
	p.Ingress, p.Egress = cloneRules(p.Ingress), cloneRules(p.Egress)
	return p
}

func cloneRules(rules *PolicyRules) *PolicyRules {
	if rules == nil {
		return nil
	}
	return new(PolicyRules(cloneEach(*rules, func(r PolicyRule) PolicyRule {
		r.Ports = slices.Clone(r.Ports)
		r.Peers = cloneEach(r.Peers, func(p PolicyPeer) PolicyPeer {
			p.Except = slices.Clone(p.Except)
			p.Namespaces, p.Pods = clonePointer(p.Namespaces), clonePointer(p.Pods)
			return p
		})
		return r
	})))
}

func clonePointer[V interface{ Clone() V }](v *V) *V {
	if v == nil {
		return nil
	}
	return new((*v).Clone())
}

// Clone returns a copy that shares nothing with s.
func (s LabelSelector) Clone() LabelSelector {
	s.Labels = maps.Clone(s.Labels)
	s.Expressions = cloneEach(s.Expressions, func(r LabelRequirement) LabelRequirement {
		r.Values = slices.Clone(r.Values)
		return r
	})
	return s
}

// Clone returns a copy that shares nothing with a.
func (a Access) Clone() Access {
	a.Grants = cloneEach(a.Grants, Grant.Clone)
	return a
}

// Clone returns a copy that shares nothing with g.
func (g Grant) Clone() Grant {
	g.Rules, g.Subjects = cloneEach(g.Rules, Rule.Clone), slices.Clone(g.Subjects)
	return g
}

// Clone returns a copy that shares nothing with r.
func (r Rule) Clone() Rule {
	r.APIGroups, r.Resources, r.Verbs = slices.Clone(r.APIGroups), slices.Clone(r.Resources), slices.Clone(r.Verbs)
	r.ResourceNames = slices.Clone(r.ResourceNames)
	return r
}

// Clone returns a copy that shares nothing with g.
func (g GrantInForce) Clone() GrantInForce {
	g.Rules, g.Subjects = cloneEach(g.Rules, Rule.Clone), slices.Clone(g.Subjects)
	return g
}

// Clone returns a copy that shares nothing with c.
func (c ClusterReaders) Clone() ClusterReaders {
	c.Groups = slices.Clone(c.Groups)
	return c
}

// Clone returns a copy that shares nothing with p.
func (p Platform) Clone() Platform {
	p.DNS, p.APIServer = cloneEach(p.DNS, NetworkRule.Clone), cloneEach(p.APIServer, NetworkRule.Clone)
	p.IngressControllers, p.Monitoring = cloneEach(p.IngressControllers, NetworkPeer.Clone), cloneEach(p.Monitoring, NetworkPeer.Clone)
	p.OwnRanges, p.StorageClasses = slices.Clone(p.OwnRanges), slices.Clone(p.StorageClasses)
	p.ExtendedResources = slices.Clone(p.ExtendedResources)
	return p
}

func cloneEach[V any](list []V, clone func(V) V) []V {
	if list == nil {
		return nil
	}
	copied := make([]V, len(list))
	for i, v := range list {
		copied[i] = clone(v)
	}
	return copied
}

func cloneQuantities(m map[string]resource.Quantity) map[string]resource.Quantity {
	if m == nil {
		return nil
	}
	copied := make(map[string]resource.Quantity, len(m))
	for k, q := range m {
		copied[k] = q.DeepCopy()
	}
	return copied
}
