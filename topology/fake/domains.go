package fake

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// OverlappingDomains implements topology.Domains.
func (t *Topology) OverlappingDomains(
	ctx context.Context, tenant string, domains []string,
) ([]topology.DomainHolder, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindDomains, tenant)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	var holders []topology.DomainHolder
	for name := range t.state.candidates(domains) {
		ns := t.state.namespaces[name]
		if name == tenant || !ns.value.Managed {
			continue
		}
		for _, held := range ns.value.Allowed.Domains {
			overlaps := func(d string) bool {
				return adapter.DomainContains(d, held) || adapter.DomainContains(held, d)
			}
			if slices.ContainsFunc(domains, overlaps) {
				holders = append(holders, topology.DomainHolder{Tenant: name, Domain: held})
			}
		}
	}
	slices.SortFunc(holders, func(a, b topology.DomainHolder) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Domain, b.Domain))
	})
	return holders, nil
}

// candidates returns at least the namespaces that have a domain which overlaps one of the given
// ones.
func (s *state) candidates(domains []string) map[string]bool {
	found := map[string]bool{}
	for _, domain := range domains {
		maps.Copy(found, s.index.within[domain])
		for _, above := range adapter.DomainsAbove(domain) {
			maps.Copy(found, s.index.held[above])
		}
	}
	return found
}
