// Command composition runs Scores of two kinds on one topology in one run: tenants, and the DNS zone that each of them gets.
//
// Polyphony knows nothing of zones. Everything about them is in this folder: the capability and its Score with its Interpret in zone.go, an
// adapter in nameservers.go. Together with an adapter of Polyphony's own it makes the topology below.
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

// site is a cluster and the name servers next to it. By embedding both it has the capabilities of both.
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

// DryRun returns the same site for somebody who does not write.
func (s site) DryRun() site { return site{s.Topology.DryRun(), s.nameServers.DryRun()} }

// compose runs a tenant and its zone in sequence, since a zone is of no use without its tenant; one tenant does not wait for another.
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
