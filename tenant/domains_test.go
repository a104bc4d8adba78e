package tenant

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// serving returns a tenant with domains.
func serving(name string, domains ...string) TenantScore {
	return TenantScore{TenantConfig: TenantConfig{Name: name},
		NetworkIsolation: NetworkIsolationPolicy{Domains: domains}}
}

func TestDomainsOfOtherTenantsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wants []string
		says  string // empty: no error
	}{
		{"an unrelated domain is accepted", []string{"acme.example.net"}, ""},
		{"domains beside those of another tenant are accepted",
			[]string{"acme.example.com", "shop2.example.com", "myglobex.example.com"}, ""},
		{"the domain of another tenant is refused", []string{"globex.example.com"},
			`globex.example.com, because the tenant "globex" holds globex.example.com; remove`},
		{"a domain below one of another tenant is refused", []string{"a.b.globex.example.com"},
			`a.b.globex.example.com, because the tenant "globex" holds globex.example.com; remove`},
		{"a domain above those of another tenant is refused", []string{"example.com"},
			`example.com, because the tenant "globex" holds globex.example.com; ` +
				`example.com, because the tenant "globex" holds shop.example.com; remove`},
		{"of several domains, only the overlapping one is named",
			[]string{"acme.example.net", "hop.example.com", "workshop.example.com",
				"x.shop.example.com"},
			`cannot have x.shop.example.com, because the tenant "globex" holds shop.example.com; remove`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := fake.New(fake.Options{})
			_, err := score.Run(t.Context(), serving("globex", "globex.example.com", "shop.example.com").On(top))
			require.NoError(t, err)
			before := top.Counts().Writes
			report, err := score.Run(t.Context(), serving("acme", tt.wants...).On(top))
			if tt.says == "" {
				require.NoError(t, err)
				require.Equal(t, slices.Sorted(slices.Values(tt.wants)), domainsOf(t, top, "acme"))
				return
			}
			require.ErrorIs(t, err, topology.ErrConflict)
			require.ErrorContains(t, err, `ensure Namespace "acme": cannot have `)
			require.ErrorContains(t, err, tt.says+" the domain from networkIsolation.domains of one of the two tenants")
			require.Equal(t, "domains", failedAt(t, err))
			require.Empty(t, report.Changes())
			require.Equal(t, before, top.Counts().Writes, "nothing has been touched")
		})
	}
}

func TestDomainsErrorListsTheFirstConflicts(t *testing.T) {
	top := fake.New(fake.Options{})
	var theirs []string
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		theirs = append(theirs, string(c)+".example.com")
	}
	_, err := score.Run(t.Context(), serving("globex", theirs...).On(top))
	require.NoError(t, err)
	_, err = score.Run(t.Context(), serving("acme", "example.com").On(top))
	require.ErrorContains(t, err, `holds t.example.com; and 6 more; remove the domain`)
}

// A tenant can take a domain when the other tenant no longer holds it.
func TestDomainsCanBeTakenWhenFreeAgain(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := score.Run(t.Context(), serving("globex", "example.com").On(top))
	require.NoError(t, err)
	_, err = score.Run(t.Context(), serving("acme", "example.com").On(top))
	require.ErrorIs(t, err, topology.ErrConflict)
	_, err = score.Run(t.Context(), serving("globex").On(top), serving("acme", "example.com").On(top))
	require.NoError(t, err)
	require.Empty(t, domainsOf(t, top, "globex"))
	require.Equal(t, []string{"example.com"}, domainsOf(t, top, "acme"))
}

// racing is a topology on which something happens after the first and the second write of a
// namespace.
type racing struct {
	*fake.Topology
	meanwhile []func()
	looks     int // the number of reads of domains
	written   []topology.Namespace
}

func (r *racing) OverlappingDomains(
	ctx context.Context, tenant string, domains []string,
) ([]topology.DomainHolder, error) {
	r.looks++
	return r.Topology.OverlappingDomains(ctx, tenant, domains)
}

func (r *racing) EnsureNamespace(ctx context.Context, want topology.Namespace) (topology.Change, error) {
	change, err := r.Topology.EnsureNamespace(ctx, want)
	r.written = append(r.written, want.Clone())
	if len(r.meanwhile) > 0 {
		r.meanwhile[0]()
		r.meanwhile = r.meanwhile[1:]
	}
	return change, err
}

func TestDomainsAreYieldedToAConcurrentTenant(t *testing.T) {
	top := fake.New(fake.Options{})
	r := &racing{Topology: top, meanwhile: []func(){func() {
		_, err := top.EnsureNamespace(t.Context(),
			topology.Namespace{Name: "globex", PodSecurity: topology.PodSecurityRestricted,
				Allowed: topology.Allowances{Domains: []string{"shop.example.com"}}})
		require.NoError(t, err)
	}}}
	s := serving("acme", "example.com", "acme.example.net")
	s.TenantConfig.ImageRegistries = []string{"*"}
	s.RBAC.Members = []Member{{Role: Developer, Name: "devs"}}
	report, err := score.Run(t.Context(), s.On(r))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorContains(t, err,
		`ensure Namespace "acme": cannot have example.com, because the tenant "globex" holds shop.example.com; remove`)
	require.Equal(t, "domains still free", failedAt(t, err))
	require.Empty(t, domainsOf(t, top, "acme"))
	require.Equal(t, []string{"shop.example.com"}, domainsOf(t, top, "globex"))

	require.Len(t, r.written, 2)
	again := r.written[0]
	again.Allowed.Domains = nil
	require.Equal(t, again, r.written[1], "nothing else is taken back")
	require.Equal(t, []topology.Action{topology.Created, topology.Updated}, actions(report), "both are in the report")
	_, err = top.Access(t.Context(), "acme")
	require.ErrorIs(t, err, topology.ErrNotFound)
}

// A tenant that loses a race for one more domain keeps its other domains.
func TestDomainsFromBeforeTheRunAreKept(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := score.Run(t.Context(), serving("acme", "acme.example.com").On(top))
	require.NoError(t, err)
	r := &racing{Topology: top, meanwhile: []func(){func() {
		_, err := top.EnsureNamespace(t.Context(),
			topology.Namespace{Name: "globex", PodSecurity: topology.PodSecurityRestricted,
				Allowed: topology.Allowances{Domains: []string{"shared.example.org"}}})
		require.NoError(t, err)
	}}}
	_, err = score.Run(t.Context(), serving("acme", "acme.example.com", "shared.example.org").On(r))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.Equal(t, []string{"acme.example.com"}, domainsOf(t, top, "acme"))
}

func TestDomainsThatCannotBeYieldedAreReported(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := top.EnsureNamespace(t.Context(),
		topology.Namespace{Name: "globex", PodSecurity: topology.PodSecurityRestricted})
	require.NoError(t, err)
	r := &racing{Topology: top.WithFaults(fake.Fault{Op: "ensure", Kind: "Namespace", Nth: 2,
		Err: topology.ErrUnavailable}), meanwhile: []func(){func() {
		_, err := top.EnsureNamespace(t.Context(),
			topology.Namespace{Name: "globex", PodSecurity: topology.PodSecurityRestricted,
				Allowed: topology.Allowances{Domains: []string{"example.com"}}})
		require.NoError(t, err)
	}}}
	_, err = score.Run(t.Context(), serving("acme", "example.com").On(r))
	require.ErrorIs(t, err, topology.ErrConflict)
	require.ErrorIs(t, err, topology.ErrUnavailable)
	require.ErrorContains(t, err, "; restoring the domains from before the run failed: ")
}

// meeting is a topology on which all runs have read the domains before one of them writes.
type meeting struct {
	*fake.Topology
	all  *sync.WaitGroup
	once *sync.Once
}

func (m meeting) OverlappingDomains(
	ctx context.Context, tenant string, domains []string,
) ([]topology.DomainHolder, error) {
	holders, err := m.Topology.OverlappingDomains(ctx, tenant, domains)
	m.once.Do(func() {
		m.all.Done()
		m.all.Wait()
	})
	return holders, err
}

func TestDomainsAreNeverSharedByConcurrentTenants(t *testing.T) {
	for range 50 {
		top := fake.New(fake.Options{})
		var all sync.WaitGroup
		names := []string{"acme", "globex", "initech"}
		all.Add(len(names))
		var steps []score.Step
		for i, name := range names {
			steps = append(steps, serving(name, []string{"example.com", "a.example.com", "b.a.example.com"}[i]).On(
				meeting{top, &all, new(sync.Once)}))
		}
		_, err := score.Runner{Concurrency: len(names)}.Run(t.Context(), steps...)
		require.ErrorIs(t, err, topology.ErrConflict)
		var have []string
		for _, name := range names {
			have = append(have, domainsOf(t, top, name)...)
		}
		require.LessOrEqual(t, len(have), 1)
	}
}

// A run reads domains only for a tenant with domains, and the second time only after it wrote them.
func TestDomainsAreReadOnlyIfNeeded(t *testing.T) {
	r := &racing{Topology: fake.New(fake.Options{})}
	run := func(looks int, s TenantScore) {
		t.Helper()
		r.looks = 0
		_, err := score.Run(t.Context(), s.On(r))
		require.NoError(t, err)
		require.Equal(t, looks, r.looks)
	}
	run(0, serving("acme"))
	run(2, serving("acme", "example.com"))
	run(1, serving("acme", "example.com"))
	run(2, serving("acme", "example.com", "example.net"))
	run(0, serving("acme"))
}

func TestDomainsThatCannotBeReadFailTheRun(t *testing.T) {
	for nth, step := range map[int]string{1: "domains", 2: "domains still free"} {
		top := fake.New(fake.Options{})
		_, err := score.Run(t.Context(),
			serving("acme",
				"example.com").On(top.WithFaults(fake.Fault{Op: "read", Kind: "Domains", Nth: nth,
				Err: topology.ErrUnavailable})))
		require.ErrorIs(t, err, topology.ErrUnavailable)
		require.Equal(t, step, failedAt(t, err))
		_, err = score.Run(t.Context(), serving("acme", "example.com").On(top))
		require.NoError(t, err)
	}
}

func domainsOf(t *testing.T, top *fake.Topology, name string) []string {
	t.Helper()
	namespace, err := top.Namespace(t.Context(), name)
	require.NoError(t, err)
	return namespace.Allowed.Domains
}

func failedAt(t *testing.T, err error) string {
	t.Helper()
	var at *score.Error
	require.ErrorAs(t, err, &at)
	return at.Step
}

func actions(report score.Report) []topology.Action {
	var all []topology.Action
	for _, c := range report.Changes() {
		all = append(all, c.Action)
	}
	return all
}
