package k8s

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// OverlappingDomains implements topology.Domains. It lists namespaces by label: those with the
// domain or one below it, and those with one above it. That takes as many requests as the domain
// has dots.
func (t *Topology) OverlappingDomains(
	ctx context.Context,
	tenant string,
	domains []string,
) ([]topology.DomainHolder, error) {
	c := adapter.Read(topology.KindDomains, tenant)
	if ctx.Err() != nil {
		return nil, c.Stopped(ctx)
	}
	found := map[topology.DomainHolder]bool{}
	for _, domain := range domains {
		for _, above := range adapter.DomainsAbove(domain) {
			selector := adapter.LabelDomain + above + "=" + adapter.DomainHeld
			err := t.findDomains(ctx, c, selector, func(held string) bool { return held == above }, found)
			if err != nil {
				return nil, err
			}
		}
		within := func(held string) bool { return adapter.DomainContains(domain, held) }
		if err := t.findDomains(ctx, c, adapter.LabelDomain+domain, within, found); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b topology.DomainHolder) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Domain, b.Domain))
	}), nil
}

// findDomains adds the matching domains of the other tenants that a selector finds.
func (t *Topology) findDomains(
	ctx context.Context, c adapter.Call, selector string, match func(domain string) bool,
	found map[topology.DomainHolder]bool,
) error {
	return t.retry.Do(ctx, c, func(ctx context.Context) error {
		namespaces, err := kube.All(ctx, t.clients.Namespaces, "", selector)
		if err != nil {
			return err
		}
		for _, namespace := range namespaces {
			if namespace.Name == c.Name || !owned(namespace, namespace.Name) {
				continue
			}
			for _, domain := range readAllowances(namespace.Labels, nil).Domains {
				if match(domain) {
					found[topology.DomainHolder{Tenant: namespace.Name, Domain: domain}] = true
				}
			}
		}
		return nil
	})
}
