package roster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// tenants returns tenants that set nothing but their names.
func tenants(names ...string) (all []tenant.TenantScore) {
	for _, name := range names {
		all = append(all, tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: name}})
	}
	return all
}

// A roster is the complete list of tenants. One that has left is named in a note.
func ExampleScore() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	if _, err := score.Run(ctx, roster.Score{Tenants: tenants("acme", "globex")}.On(cluster)); err != nil {
		fmt.Println(err)
	}
	report, err := score.Run(ctx, roster.Score{Tenants: tenants("acme")}.On(cluster))
	fmt.Println(report.Results[0].Outcome.Notes, err)
	// Output:
	// [not on the roster, and kept because prune is unset: globex] <nil>
}

// A run that would remove more tenants than Prune allows is refused before it touches anything.
func ExamplePrune() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	if _, err := score.Run(ctx, roster.Score{Tenants: tenants("acme", "globex", "initech")}.On(cluster)); err != nil {
		fmt.Println(err)
	}
	s := roster.Score{Tenants: tenants("acme"), Prune: &roster.Prune{AtMost: 1}}
	_, err := score.Run(ctx, s.On(cluster))
	fmt.Println("protected:", errors.Is(err, topology.ErrProtected))

	s.Prune.AtMost = 2
	report, err := score.Run(ctx, s.On(cluster))
	for _, c := range report.Changes() {
		if c.Kind == topology.KindNamespace && c.Action == topology.Deleted {
			fmt.Println(c)
		}
	}
	fmt.Println("error:", err)
	// Output:
	// protected: true
	// - Namespace globex deleted
	// - Namespace initech deleted
	// error: <nil>
}

// A plan shows the tenants with the gravest risk first.
func ExampleMakePlan() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	s := roster.Score{Tenants: tenants("acme", "globex")}
	if _, err := score.Run(ctx, s.On(cluster)); err != nil {
		fmt.Println(err)
	}
	s.Tenants[0].TenantConfig.DisplayName = "ACME Corporation"
	s.Tenants[1].TenantConfig.PodSecurity = topology.PodSecurityBaseline
	s.Tenants[1].ResourceQuotas.Objects.Pods = new(int64(50))
	plan, err := roster.MakePlan(ctx, s, cluster)
	if err != nil {
		fmt.Println(err)
	}
	for _, t := range plan.Tenants {
		fmt.Printf("%s: %q\n", t.Tenant, t.Risks)
	}
	// Output:
	// globex: ["removes or weakens a fence" "raises what may be used"]
	// acme: []
}

// A plan can be stored as JSON. It is applied once, and only if nothing else would change by then.
func ExampleApply() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	plan, err := roster.MakePlan(ctx, roster.Score{Tenants: tenants("acme")}, cluster)
	if err != nil {
		fmt.Println(err)
	}
	stored, err := json.Marshal(plan)
	if err != nil {
		fmt.Println(err)
	}
	var reviewed roster.Plan
	if err := json.Unmarshal(stored, &reviewed); err != nil {
		fmt.Println(err)
	}
	report, err := score.Run(ctx, roster.Apply(reviewed, cluster))
	fmt.Println("changed:", report.Changed(), "error:", err)

	_, err = score.Run(ctx, roster.Apply(reviewed, cluster))
	fmt.Println("conflict:", errors.Is(err, topology.ErrConflict))
	// Output:
	// changed: true error: <nil>
	// conflict: true
}
