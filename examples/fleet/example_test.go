package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/score/progress"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// A roster is planned, and the plan is applied.
func Example() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	if _, err := score.Run(ctx, earlierRoster().On(cluster)); err != nil {
		log.Fatal(err)
	}
	acme, initech := named("acme"), named("initech")
	acme.TenantConfig.DisplayName = "ACME Corporation"
	fleet := roster.Score{
		ID:      "fleet",
		Tenants: []tenant.TenantScore{acme, initech},
		Prune:   &roster.Prune{AtMost: 2},
	}
	plan, err := roster.MakePlan(ctx, fleet, cluster)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(plan) // or json.Marshal(plan), to be applied another day

	runner := score.Runner{Concurrency: 16, Retries: 3, Observe: progress.Bar(os.Stderr)}
	report, err := runner.Run(ctx, roster.Apply(plan, cluster))
	fmt.Println(len(report.Changes()), err)
	// Output:
	// roster/fleet on fake
	//
	// polyphony-fleet-globex
	//   ! deletes the tenant with all its data
	//   - Access polyphony-fleet-globex deleted
	//   - Namespace polyphony-fleet-globex deleted
	//
	// polyphony-fleet-umbrella
	//   ! deletes the tenant with all its data
	//   - Access polyphony-fleet-umbrella deleted
	//   - Namespace polyphony-fleet-umbrella deleted
	//
	// polyphony-fleet-acme
	//   ~ Namespace polyphony-fleet-acme updated
	//       displayName: (none) -> ACME Corporation
	//
	// polyphony-fleet-initech
	//   + Namespace polyphony-fleet-initech created
	//   + NetworkRules polyphony-fleet-initech created
	//   + Quota polyphony-fleet-initech created
	//   + LimitRange polyphony-fleet-initech created
	//   + Access polyphony-fleet-initech created
	//
	// 4 tenants change, 2 of them with risks, 0 are unchanged
	// 18 <nil>
}
