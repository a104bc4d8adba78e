package roster

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/polyphony-go/polyphony/internal/valuetest"
	"github.com/polyphony-go/polyphony/tenant"
)

// rosterOf returns a roster of tenants that set nothing but their names.
func rosterOf(names ...string) Score {
	var s Score
	for _, name := range names {
		s.Tenants = append(s.Tenants, tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}})
	}
	return s
}

// validateCase is a change to a roster of acme, globex and initech, and the paths of the field
// errors that it causes. Nil: none.
type validateCase struct {
	name   string
	change func(*Score)
	paths  []string
}

func testValidate(t *testing.T, edges []validateCase) {
	t.Helper()
	for _, e := range edges {
		t.Run(e.name, func(t *testing.T) {
			s := rosterOf("acme", "globex", "initech")
			e.change(&s)
			valuetest.RequireFieldPaths(t, e.paths, s.Validate())
		})
	}
}

func TestScoreValidate(t *testing.T) {
	id := func(id string) func(*Score) { return func(s *Score) { s.ID = id } }
	name := func(i int, name string) func(*Score) {
		return func(s *Score) { s.Tenants[i].TenantConfig.Name = name }
	}
	display := func(names ...string) func(*Score) {
		return func(s *Score) {
			for i, name := range names {
				s.Tenants[i].TenantConfig.DisplayName = name
			}
		}
	}
	wait := func(seconds int) func(*Score) {
		return func(s *Score) { s.Wait = tenant.Duration(time.Duration(seconds) * time.Second) }
	}
	testValidate(t, []validateCase{
		{"the valid Score", func(*Score) {}, nil},
		{"nobody", func(s *Score) { s.Tenants = nil }, nil},
		{"id", id("team-1"), nil},
		{"long id", id(strings.Repeat("a", 63)), nil},
		{"too long id", id(strings.Repeat("a", 64)), []string{"id"}},
		{"id in capitals", id("Team"), []string{"id"}},
		{"id with a dot", id("a.b"), []string{"id"}},

		{"the same name", name(2, "acme"), []string{"tenants[2].tenantConfig.name"}},
		{"a longer name", name(2, "acme-2"), nil},
		{"no name", name(2, ""), []string{"tenants[2].tenantConfig.name"}},
		{"no names", func(s *Score) { name(1, "")(s); name(2, "")(s) }, []string{"tenants[1].tenantConfig.name", "tenants[2].tenantConfig.name"}},
		{"a mistake of a tenant", name(1, "Globex"), []string{"tenants[1].tenantConfig.name"}},

		{"names for people", display("Acme Ltd.", "Globex", "INITECH"), nil},
		{"the same for two", display("Acme", "Umbrella", "umbrella"), []string{"tenants[2].tenantConfig.displayName"}},
		{"the name of another", display("", "", "Acme"), []string{"tenants[2].tenantConfig.displayName"}},
		{"the name of one that comes later", display("GLOBEX"), []string{"tenants[0].tenantConfig.displayName"}},
		{"nearly the name of another", display("", "", "Acme 2"), nil},

		{"wait", wait(24 * 60 * 60), nil},
		{"longer than a day", wait(24*60*60 + 1), []string{"wait"}},
		{"negative wait", wait(-1), []string{"wait"}},
	})
}

func TestScoreValidateOfDomainsAndRanges(t *testing.T) {
	domains := func(of ...[]string) func(*Score) {
		return func(s *Score) {
			for i, domains := range of {
				s.Tenants[i].NetworkIsolation.Domains = domains
			}
		}
	}
	peer := func(cidr string) []tenant.NetworkPeer {
		return []tenant.NetworkPeer{{CIDR: cidr, Ports: []tenant.NetworkPort{{Port: 443}}}}
	}
	ranges := func(acme, globex string, shared ...string) func(*Score) {
		return func(s *Score) {
			s.Tenants[0].NetworkIsolation.Egress, s.Tenants[1].NetworkIsolation.Ingress = peer(acme), peer(globex)
			s.SharedCIDRs = shared
		}
	}
	shared := func(cidr string) func(*Score) { return func(s *Score) { s.SharedCIDRs = []string{cidr} } }
	domain, cidr := []string{"tenants[1].networkIsolation.domains[0]"}, []string{"tenants[1].networkIsolation.ingress[0].cidr"}
	testValidate(t, []validateCase{
		{"a domain each", domains([]string{"a.example.com"}, []string{"b.example.com"}), nil},
		{"a domain that ends as another", domains([]string{"a.example.com"}, []string{"aa.example.com"}), nil},
		{"the same domain", domains([]string{"a.example.com"}, []string{"a.example.com"}), domain},
		{"within another's", domains([]string{"example.com"}, []string{"b.c.example.com"}), domain},
		{"around another's", domains([]string{"b.c.example.com"}, []string{"example.com"}), []string{"tenants[0].networkIsolation.domains[0]"}},
		{"all three", domains([]string{"example.com", "example.net"}, []string{"b.example.com", "example.org"}, []string{"example.net", "c.b.example.com"}),
			[]string{domain[0], "tenants[2].networkIsolation.domains[0]", "tenants[2].networkIsolation.domains[1]", "tenants[2].networkIsolation.domains[1]"}},

		{"a range each", ranges("192.0.2.0/25", "192.0.2.128/25"), nil},
		{"the same range", ranges("192.0.2.0/24", "192.0.2.0/24"), cidr},
		{"the same range, shared", ranges("192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/24"), nil},
		{"the same range within a shared one", ranges("192.0.2.0/24", "192.0.2.0/24", "198.51.100.0/24", "192.0.0.0/16"), nil},
		{"the same range around a shared one", ranges("192.0.2.0/24", "192.0.2.0/24", "192.0.2.0/25"), cidr},
		{"the same range of IPv6", ranges("2001:db8::/32", "2001:db8::/32", "0.0.0.0/0"), cidr},
		{"the same range of IPv6, shared", ranges("2001:db8::/32", "2001:db8::/32", "2001:db8::/32"), nil},
		{"a tenant's own range twice", func(s *Score) {
			s.Tenants[0].NetworkIsolation.Egress, s.Tenants[0].NetworkIsolation.Ingress = peer("192.0.2.0/24"), peer("192.0.2.0/24")
		}, nil},
		{"shared with nobody", shared("192.0.2.0/24"), nil},
		{"sharing addresses beyond a range", shared("192.0.2.1/24"), []string{"sharedCIDRs[0]"}},
		{"sharing no range", shared("192.0.2.0"), []string{"sharedCIDRs[0]"}},
	})
}

func TestPruneValidate(t *testing.T) {
	prune := func(p Prune) func(*Score) { return func(s *Score) { s.Prune = &p } }
	volumes := func(tenant string, names ...string) func(*Score) {
		return prune(Prune{DeleteVolumes: map[string][]string{tenant: names}})
	}
	testValidate(t, []validateCase{
		{"an unset Prune", prune(Prune{}), nil},
		{"limits", prune(Prune{AtMost: 1000, AtMostPercent: 100, Wait: tenant.Duration(time.Second)}), nil},
		{"fewer than none", prune(Prune{AtMost: -1}), []string{"prune.atMost"}},
		{"less than nothing", prune(Prune{AtMostPercent: -1}), []string{"prune.atMostPercent"}},
		{"more than all", prune(Prune{AtMostPercent: 101}), []string{"prune.atMostPercent"}},
		{"waits", prune(Prune{Wait: -1}), []string{"prune.wait"}},
		{"volumes", volumes("umbrella", "data", "logs"), nil},
		{"volumes of the platform", volumes("kube-system", "data"), []string{"prune.deleteVolumes[kube-system]"}},
		{"all volumes", volumes("umbrella", "*"), []string{"prune.deleteVolumes[umbrella]"}},
		{"everything at once, in the same order each time", prune(Prune{AtMost: -1, AtMostPercent: 200, Wait: -1, DeleteVolumes: map[string][]string{
			"d": {""}, "a": {""}, "c": {""}, "b": {""}, "fine": {"data"}}}),
			[]string{"prune.atMost", "prune.atMostPercent", "prune.deleteVolumes[a]", "prune.deleteVolumes[b]", "prune.deleteVolumes[c]", "prune.deleteVolumes[d]", "prune.wait"}},
	})
}

func TestScoreValidateNamesTheOtherTenant(t *testing.T) {
	s := rosterOf("acme", "globex")
	s.Tenants[0].NetworkIsolation.Domains = []string{"example.com"}
	s.Tenants[1].NetworkIsolation.Domains = []string{"shop.example.com"}
	s.Tenants[1].TenantConfig.DisplayName = "ACME"
	require.EqualError(t, s.Validate(), `[tenants[1].tenantConfig.displayName: Invalid value: "ACME": is also a name of the tenant "acme"; choose another display name, `+
		`tenants[1].networkIsolation.domains[0]: Invalid value: "shop.example.com": is within example.com, which belongs to the tenant "acme"]`)
}

func TestPruneBoundsRemovals(t *testing.T) {
	for _, tt := range []struct {
		prune                   Prune
		existing, wanted, limit int
	}{
		{Prune{}, 100, 90, 10},
		{Prune{}, 19, 18, 1},
		{Prune{}, 9, 8, 0},
		{Prune{}, 100, 0, 0},
		{Prune{AtMost: 3}, 100, 50, 3},
		{Prune{AtMost: 3}, 1, 0, 3},
		{Prune{AtMostPercent: 50}, 9, 5, 4},
		{Prune{AtMostPercent: 100}, 9, 0, 9},
		{Prune{AtMostPercent: 1}, 99, 0, 0},
		{Prune{AtMost: 3, AtMostPercent: 50}, 100, 0, 3},
		{Prune{AtMost: 3, AtMostPercent: 50}, 4, 0, 2},
	} {
		require.Equal(t, tt.limit, tt.prune.limit(tt.existing, tt.wanted), "%+v", tt)
	}
}

func TestScoreSurvivesJSONAndYAML(t *testing.T) {
	require.Equal(t, "roster/default", Score{}.Name())
	s := rosterOf("acme")
	s.ID, s.Wait, s.SharedCIDRs = "west", tenant.Duration(time.Minute), []string{"192.0.2.0/24"}
	s.Prune = &Prune{AtMost: 2, AtMostPercent: 5, Wait: tenant.Duration(30 * time.Second), DeleteVolumes: map[string][]string{"globex": {"data"}}}
	require.Equal(t, "roster/west", s.Name())
	var fromYAML Score
	require.NoError(t, yaml.UnmarshalStrict([]byte(`
id: west
wait: 1m
sharedCIDRs: [192.0.2.0/24]
prune: {atMost: 2, atMostPercent: 5, wait: 30s, deleteVolumes: {globex: [data]}}
tenants:
- tenantConfig: {name: acme}
`), &fromYAML))
	require.Equal(t, s, fromYAML)
	data, err := json.Marshal(s)
	require.NoError(t, err)
	var fromJSON Score
	require.NoError(t, json.Unmarshal(data, &fromJSON))
	require.Equal(t, s, fromJSON)
}
