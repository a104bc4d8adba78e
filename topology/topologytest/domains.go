package topologytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// DomainsTopology is what Domains tests.
type DomainsTopology interface {
	Base
	topology.Domains
}

// Domains checks the rules of topology.Domains.
func Domains[P DomainsTopology](t *testing.T, h Harness[P]) {
	runChecks(t, domainChecks(h))
}

// holds gives a tenant exactly these domains.
func holds(t T, base Base, tenant string, domains ...string) {
	t.Helper()
	_, err := base.EnsureNamespace(t.Context(), topology.Namespace{
		Name: tenant, PodSecurity: topology.PodSecurityRestricted, Allowed: topology.Allowances{Domains: domains},
	})
	require.NoError(t, err)
}

func domainChecks[P DomainsTopology](h Harness[P]) []check {
	overlap := func(t T, tenant string, domains ...string) []topology.DomainHolder {
		t.Helper()
		holders, err := h.Topology.OverlappingDomains(t.Context(), tenant, domains)
		require.NoError(t, err)
		return holders
	}
	place := func(t T) (tenant, domain string) {
		tenant = newNamespace(t, h.Topology)
		return tenant, tenant + ".example.com" // which nobody else has
	}
	one := func(tenant, domain string) []topology.DomainHolder {
		return []topology.DomainHolder{{Tenant: tenant, Domain: domain}}
	}
	return []check{
		{"domains that nobody has overlap with none", func(t T) {
			_, domain := place(t)
			require.Empty(t, overlap(t, newName(), domain, "www."+domain))
		}},
		{"the same domain overlaps", func(t T) {
			tenant, domain := place(t)
			holds(t, h.Topology, tenant, domain)
			require.Equal(t, one(tenant, domain), overlap(t, newName(), domain))
		}},
		{"a domain above overlaps, however far", func(t T) {
			tenant, domain := place(t)
			holds(t, h.Topology, tenant, domain)
			require.Equal(t, one(tenant, domain), overlap(t, newName(), "www."+domain))
			require.Equal(t, one(tenant, domain), overlap(t, newName(), "a.b.c."+domain))
		}},
		{"a domain below overlaps, however far", func(t T) {
			tenant, domain := place(t)
			holds(t, h.Topology, tenant, "www."+domain)
			require.Equal(t, one(tenant, "www."+domain), overlap(t, newName(), domain))
			holds(t, h.Topology, tenant, "a.b.c."+domain)
			require.Equal(t, one(tenant, "a.b.c."+domain), overlap(t, newName(), domain))
		}},
		{"a neighbour does not overlap, whatever it ends in", func(t T) {
			tenant, domain := place(t)
			holds(t, h.Topology, tenant, "a."+domain, "x"+domain)
			require.Empty(t, overlap(t, newName(), "b."+domain, "xx"+domain))
			holds(t, h.Topology, tenant, domain)
			require.Empty(t, overlap(t, newName(), "x"+domain, domain+".net"))
		}},
		{"the tenant's own do not count", func(t T) {
			tenant, domain := place(t)
			holds(t, h.Topology, tenant, domain)
			require.Empty(t, overlap(t, tenant, domain, "www."+domain))
		}},
		{"what is not Polyphony's does not count", func(t T) {
			_, domain := place(t)
			foreign := newName()
			h.Outsider.CreateNamespace(t, foreign, "somebody-else")
			h.Outsider.LabelNamespace(t, foreign, adapter.LabelDomain+domain, adapter.DomainHeld)
			require.Empty(t, overlap(t, newName(), domain))
		}},
		{"a domain that was given back no longer overlaps", func(t T) {
			tenant, domain := place(t)
			holds(t, h.Topology, tenant, "a."+domain, "b."+domain)
			holds(t, h.Topology, tenant, "b."+domain)
			require.Empty(t, overlap(t, newName(), "a."+domain))
			require.Equal(t, one(tenant, "b."+domain), overlap(t, newName(), domain))
		}},
		{"without domains there are none", func(t T) {
			tenant, domain := place(t)
			holds(t, h.Topology, tenant, domain)
			require.Empty(t, overlap(t, newName()))
		}},
		{"overlapping domains are sorted, each once", func(t T) {
			first, domain := place(t)
			second, _ := place(t)
			if first > second {
				first, second = second, first
			}
			holds(t, h.Topology, second, "d."+domain)
			holds(t, h.Topology, first, "b."+domain, "c."+domain)
			require.Equal(t, []topology.DomainHolder{{Tenant: first, Domain: "b." + domain}, {Tenant: first, Domain: "c." + domain}, {Tenant: second, Domain: "d." + domain}},
				overlap(t, newName(), domain, "www.d."+domain, "c."+domain))
		}},
		{"a cancelled context gets no answer", func(t T) {
			_, domain := place(t)
			for _, domains := range [][]string{{domain}, nil} {
				_, err := h.Topology.OverlappingDomains(cancelled(t), newName(), domains)
				require.ErrorIs(t, err, context.Canceled)
			}
		}},
	}
}
