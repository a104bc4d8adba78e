package guardrails_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// The guardrails come first, and then the tenants.
func ExampleScore() {
	cluster := fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	report, err := score.Run(context.Background(), score.Sequence(guardrails.Score{}.On(cluster), acme.On(cluster)))
	fmt.Println(report)
	fmt.Println("error:", err)
	// Output:
	// guardrails on fake
	//   + Guardrails fake created
	// tenant/acme on fake
	//   + Namespace acme created
	//   + NetworkRules acme created
	//   + Quota acme created
	//   + LimitRange acme created
	//   = Access acme unchanged
	//   = ClusterReaders acme unchanged
	// 5 created, 0 updated, 0 deleted, 2 unchanged
	//
	// error: <nil>
}

// Without leaves rules out. Each of them is then open to every tenant.
func ExampleScore_without() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	s := guardrails.Score{Without: []topology.Guardrail{topology.GuardrailImages, topology.GuardrailPlacement}}
	if _, err := score.Run(ctx, s.On(cluster)); err != nil {
		fmt.Println(err)
	}
	installed, err := cluster.Guardrails(ctx)
	if err != nil {
		fmt.Println(err)
	}
	for _, rule := range topology.AllGuardrails() {
		if !slices.Contains(installed.Rules, rule) {
			fmt.Println("not installed:", rule)
		}
	}
	// Output:
	// not installed: images
	// not installed: placement
}

// A dry run of the Score notes what exists and would be refused.
func ExampleScore_violations() {
	ctx, cluster := context.Background(), fake.New(fake.Options{})
	acme := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
	if _, err := score.Run(ctx, acme.On(cluster)); err != nil {
		fmt.Println(err)
	}
	cluster.Outsider().Put("acme", "", "services", "db", json.RawMessage(`{
		"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"},
		"spec": {"type": "ExternalName", "externalName": "db.example.net"}}`))

	report, err := score.Run(ctx, guardrails.Score{}.On(cluster.DryRun()))
	for _, note := range report.Results[0].Outcome.Notes {
		fmt.Println(strings.ReplaceAll(note, ": ", ":\n  "))
	}
	fmt.Println("error:", err)
	// Output:
	// exists and would be refused:
	//   Service acme/db:
	//   services:
	//   the external name db.example.net is not allowed:
	//   ask for its domain in networkIsolation.externalNames of the TenantScore
	// error: <nil>
}
