// Command composition runs Scores of two kinds on one topology in one run: tenants, and a DNS zone
// for each tenant.
//
// No package of Polyphony has DNS zones. Everything about them is in this directory: the
// capability, its Score and its Interpret in zone.go, and an adapter in nameservers.go. The
// topology of this program embeds that adapter and one of Polyphony's.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// site is a cluster and its name servers. It embeds both, so it has the capabilities of both.
type site struct {
	*fake.Topology
	*nameServers
}

func main() {
	if err := compose(context.Background(), os.Stdout, newSite()); err != nil {
		fmt.Fprintln(os.Stderr, "composition:", err)
		os.Exit(1)
	}
}

func newSite() site {
	return site{fake.New(fake.Options{Name: "site"}), newNameServers()}
}

// DryRun returns a view of the same site that writes nothing.
func (s site) DryRun() site { return site{s.Topology.DryRun(), s.nameServers.DryRun()} }

// compose provisions two tenants at the same time. The zone of each tenant comes after the tenant,
// and only if the tenant succeeds.
func compose(ctx context.Context, out io.Writer, on site) error {
	report, err := score.Run(ctx,
		score.Sequence(namedTenant("acme").On(on), ZoneScore{Zone: "acme.example.org", Tenant: "acme"}.On(on)),
		score.Sequence(namedTenant("globex").On(on), ZoneScore{Zone: "globex.example.org", Tenant: "globex"}.On(on)),
	)
	fmt.Fprint(out, report)
	return err
}

func namedTenant(name string) tenant.TenantScore {
	return tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}}
}
