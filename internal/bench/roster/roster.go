// Package roster has the tenants of the benchmarks.
package roster

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
)

// Name returns the name of tenant i.
func Name(i int) string { return fmt.Sprintf("tenant-%04d", i) }

// Group returns the group of developers of tenant i.
func Group(i int) string { return Name(i) + "-devs" }

// Tenants returns the first n tenants. They are alike, with quotas for a thousand pods.
func Tenants(n int) []tenant.TenantScore {
	much := func(amount string) *resource.Quantity { return new(resource.MustParse(amount)) }
	var all []tenant.TenantScore
	for i := range n {
		all = append(all, tenant.TenantScore{
			TenantConfig: tenant.TenantConfig{
				Name:            Name(i),
				ImageRegistries: []string{"registry.example.com/a", "registry.example.com/b"},
			},
			ResourceQuotas: tenant.ResourceQuotaConfig{
				Requests: tenant.ComputeResources{
					CPU:              much("1000"),
					Memory:           much("1000Gi"),
					EphemeralStorage: much("1000Gi"),
				},
				Limits: tenant.ComputeResources{
					CPU:              much("1000"),
					Memory:           much("1000Gi"),
					EphemeralStorage: much("1000Gi"),
				},
				Objects: tenant.ObjectCounts{Pods: new(int64(1000)), AllPods: new(int64(1000))},
			},
			RBAC: tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Developer, Name: Group(i)}}},
		})
	}
	return all
}

// Provision runs the Scores of the tenants.
func Provision(ctx context.Context, top tenant.Topology, tenants []tenant.TenantScore) error {
	var steps []score.Step
	for _, t := range tenants {
		steps = append(steps, t.On(top))
	}
	_, err := score.Runner{Concurrency: 16}.Run(ctx, steps...)
	return err
}
