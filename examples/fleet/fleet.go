package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
)

const prefix = "polyphony-fleet-" // of the names of tenants and groups

func named(name string) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: prefix + name},
		RBAC:         tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: prefix + name + "-devs"}}},
	}
}

// earlierRoster returns the roster that ran earlier on the clusters in memory.
func earlierRoster() roster.Score {
	return roster.Score{ID: "fleet", Tenants: []tenant.TenantScore{named("acme"), named("globex"), named("umbrella")}}
}

// newRoster returns the roster of today: umbrella has left, initech is new, and globex may connect
// to acme.
func newRoster() roster.Score {
	acme, globex, initech := named("acme"), named("globex"), named("initech")
	https := []tenant.NetworkPort{{Port: 443}}
	acme.NetworkIsolation.Ingress = []tenant.NetworkPeer{{Tenant: prefix + "globex", Ports: https}}
	return roster.Score{
		ID:      "fleet",
		Tenants: []tenant.TenantScore{acme, globex, initech},
		Prune:   &roster.Prune{AtMost: 1},
	}
}

// removed returns the roster without tenants, which removes all that exist.
func removed(s roster.Score) roster.Score {
	s.Tenants, s.Prune = nil, &roster.Prune{AtMostPercent: 100}
	return s
}

// fleet is a roster and the clusters that it runs on.
type fleet struct {
	clusters []cluster
	roster   roster.Score
	runner   score.Runner // for all of them together
	out      io.Writer
}

// converge makes the roster true on every cluster.
func (f fleet) converge(ctx context.Context) error {
	var steps []score.Step
	for _, c := range f.clusters {
		steps = append(steps, f.roster.On(c))
	}
	return f.summary(f.apply(ctx, steps))
}

// planAndApply prints a plan for each cluster and applies it. A cluster that has no plan stays
// untouched.
func (f fleet) planAndApply(ctx context.Context) error {
	var steps []score.Step
	var failed []string
	for _, c := range f.clusters {
		plan, err := roster.MakePlan(ctx, f.roster, c)
		if err != nil {
			fmt.Fprintf(f.out, "no plan: %s\n\n", err)
			failed = append(failed, c.Name())
			continue
		}
		fmt.Fprintf(f.out, "--- Plan: %s\n", plan)
		steps = append(steps, roster.Apply(plan, c))
	}
	return f.summary(append(failed, f.apply(ctx, steps)...))
}

// apply runs one step for each cluster, prints the results, and returns the names of the clusters
// that failed.
func (f fleet) apply(ctx context.Context, steps []score.Step) (failed []string) {
	report, _ := f.runner.Run(ctx, steps...) // its errors are in the results
	for _, result := range report.Results {
		fmt.Fprintf(f.out, "--- %s\n", score.Report{Results: []score.Result{result}})
		if result.Err != nil {
			failed = append(failed, result.Topology)
		}
	}
	return failed
}

func (f fleet) summary(failed []string) error {
	if len(failed) == 0 {
		fmt.Fprintf(f.out, "all %d clusters are as they should be\n", len(f.clusters))
		return nil
	}
	return fmt.Errorf("%d of %d clusters failed: %s", len(failed), len(f.clusters), strings.Join(failed, ", "))
}
