package roster

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// BenchmarkRosterOnTheFake provisions a roster, and runs it again without a change.
func BenchmarkRosterOnTheFake(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		s := bigRoster(n)
		run := func(b *testing.B, top *fake.Topology) score.Report {
			b.Helper()
			report, err := score.Runner{Concurrency: 16}.Run(b.Context(), s.On(top))
			require.NoError(b, err)
			return report
		}
		b.Run(fmt.Sprintf("first/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run(b, fake.New(fake.Options{}))
			}
		})
		b.Run(fmt.Sprintf("unchanged/%d", n), func(b *testing.B) {
			top := fake.New(fake.Options{})
			run(b, top)
			b.ReportAllocs()
			for b.Loop() {
				require.False(b, run(b, top).Changed())
			}
		})
	}
}

// bigRoster returns a roster whose tenants have members in every role and one domain each.
func bigRoster(n int) Score {
	var s Score
	for i := range n {
		t := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: fmt.Sprintf("tenant-%d", i)}}
		t.NetworkIsolation.Domains = []string{t.TenantConfig.Name + ".example.com"}
		for _, role := range []tenant.Role{tenant.Admin, tenant.Developer, tenant.Viewer} {
			t.RBAC.Members = append(t.RBAC.Members, tenant.Member{Role: role, Name: t.TenantConfig.Name + "-" + string(role)})
		}
		s.Tenants = append(s.Tenants, t)
	}
	return s
}
