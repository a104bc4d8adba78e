package topologytest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// DomainsTopology is what Domains needs: namespaces that hold domains.
type DomainsTopology interface {
	topology.Namespaces
	topology.Domains
}

// Domains checks the rules of topology.Domains.
func Domains[P DomainsTopology](t *testing.T, h Harness[P]) {
	RunCases(t, domainCases(h))
}

func domainCases[P DomainsTopology](h Harness[P]) []Case {
	d := domains{h.Topology, h.Outsider}
	return slices.Concat(d.overlapCases(), d.holderCases())
}

type domains struct {
	top      DomainsTopology
	outsider Outsider
}

// place returns the name of a new tenant and a domain that no other tenant holds.
func (d domains) place(t T) (tenant, domain string) {
	tenant = newPlace(t, d.top)
	return tenant, tenant + ".example.com"
}

// give makes a tenant the holder of exactly these domains.
func (d domains) give(t T, tenant string, domains ...string) {
	t.Helper()
	_, err := d.top.EnsureNamespace(t.Context(), topology.Namespace{
		Name: tenant, PodSecurity: topology.PodSecurityRestricted,
		Allowed: topology.Allowances{Domains: domains},
	})
	require.NoError(t, err)
}

// overlaps returns the overlapping domains for a tenant.
func (d domains) overlaps(t T, tenant string, domains ...string) []topology.DomainHolder {
	t.Helper()
	holders, err := d.top.OverlappingDomains(t.Context(), tenant, domains)
	require.NoError(t, err)
	return holders
}

// requireOne requires one overlap of each of the domains for another tenant.
func (d domains) requireOne(t T, tenant, domain string, asked ...string) {
	t.Helper()
	for _, ask := range asked {
		want := []topology.DomainHolder{{Tenant: tenant, Domain: domain}}
		require.Equal(t, want, d.overlaps(t, NewName(), ask), ask)
	}
}

func (d domains) overlapCases() []Case {
	return []Case{
		{"Domains that no tenant holds overlap with none", func(t T) {
			_, domain := d.place(t)
			require.Empty(t, d.overlaps(t, NewName(), domain, "www."+domain))
		}},
		{"Equal domains overlap", func(t T) {
			tenant, domain := d.place(t)
			d.give(t, tenant, domain)
			d.requireOne(t, tenant, domain, domain)
		}},
		{"A domain overlaps with those that contain it, at any depth", func(t T) {
			tenant, domain := d.place(t)
			d.give(t, tenant, domain)
			d.requireOne(t, tenant, domain, "www."+domain, "a.b.c."+domain)
		}},
		{"A domain overlaps with those that it contains, at any depth", func(t T) {
			tenant, domain := d.place(t)
			for _, below := range []string{"www." + domain, "a.b.c." + domain} {
				d.give(t, tenant, below)
				d.requireOne(t, tenant, below, domain)
			}
		}},
		{"Domains that only end in the same letters do not overlap", func(t T) {
			tenant, domain := d.place(t)
			d.give(t, tenant, "a."+domain, "x"+domain)
			require.Empty(t, d.overlaps(t, NewName(), "b."+domain, "xx"+domain))
			d.give(t, tenant, domain)
			require.Empty(t, d.overlaps(t, NewName(), "x"+domain, domain+".net"))
		}},
		{"Without domains there is no overlap", func(t T) {
			tenant, domain := d.place(t)
			d.give(t, tenant, domain)
			require.Empty(t, d.overlaps(t, NewName()))
		}},
	}
}

func (d domains) holderCases() []Case {
	return []Case{
		{"The tenant's own domains do not count", func(t T) {
			tenant, domain := d.place(t)
			d.give(t, tenant, domain)
			require.Empty(t, d.overlaps(t, tenant, domain, "www."+domain))
		}},
		{"Domains of foreign namespaces do not count", func(t T) {
			_, domain := d.place(t)
			foreign := NewName()
			d.outsider.CreateNamespace(t, foreign, "team-blue")
			d.outsider.LabelNamespace(t, foreign, adapter.LabelDomain+domain, adapter.DomainHeld)
			require.Empty(t, d.overlaps(t, NewName(), domain))
		}},
		{"A domain that its tenant has given up no longer overlaps", func(t T) {
			tenant, domain := d.place(t)
			d.give(t, tenant, "a."+domain, "b."+domain)
			d.give(t, tenant, "b."+domain)
			require.Empty(t, d.overlaps(t, NewName(), "a."+domain))
			d.requireOne(t, tenant, "b."+domain, domain)
		}},
		{"Overlapping domains are sorted, and each is listed once", func(t T) {
			first, domain := d.place(t)
			second, _ := d.place(t)
			if first > second {
				first, second = second, first
			}
			d.give(t, second, "d."+domain)
			d.give(t, first, "b."+domain, "c."+domain)
			require.Equal(t, []topology.DomainHolder{
				{Tenant: first, Domain: "b." + domain}, {Tenant: first, Domain: "c." + domain},
				{Tenant: second, Domain: "d." + domain},
			}, d.overlaps(t, NewName(), domain, "www.d."+domain, "c."+domain))
		}},
		{"A cancelled context gets no answer", func(t T) {
			_, domain := d.place(t)
			for _, domains := range [][]string{{domain}, nil} {
				_, err := d.top.OverlappingDomains(cancelled(t), NewName(), domains)
				require.ErrorIs(t, err, context.Canceled)
			}
		}},
	}
}
