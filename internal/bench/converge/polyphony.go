package main

import (
	"context"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

// underWay is the number of tenants in progress. It is higher than the number of requests in
// flight, since some tenants wait for their quotas.
const underWay = 4 * inFlight

// polyphony is the contestant Polyphony.
type polyphony struct{ top *k8s.Topology }

func enterPolyphony(s setting) (map[phase]work, error) {
	top, err := k8s.New(s.config, k8s.Options{Name: "bench"})
	if err != nil {
		return nil, err
	}
	p := polyphony{top}
	return map[phase]work{provisioning: p.provision, unchanged: p.again, drifted: p.drifted, removing: p.remove}, nil
}

func (p polyphony) provision(ctx context.Context, tenants []string) error {
	return p.run(ctx, roster.Score{Tenants: scores(tenants)})
}

func (p polyphony) again(ctx context.Context, tenants []string) error {
	return p.provision(ctx, tenants)
}

func (p polyphony) drifted(ctx context.Context, tenants []string) error {
	return p.provision(ctx, tenants)
}

func (p polyphony) remove(ctx context.Context, _ []string) error {
	return p.run(ctx, roster.Score{Prune: &roster.Prune{AtMostPercent: 100}})
}

func (p polyphony) run(ctx context.Context, roster roster.Score) error {
	_, err := score.Runner{Concurrency: underWay}.Run(ctx, roster.On(p.top.Snapshot()))
	return err
}

func scores(tenants []string) []tenant.TenantScore {
	var all []tenant.TenantScore
	for _, name := range tenants {
		all = append(all, tenantScore(name))
	}
	return all
}

// tenantScore returns a typical tenant.
func tenantScore(name string) tenant.TenantScore {
	amount := func(text string) *resource.Quantity { return new(resource.MustParse(text)) }
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{
			Name: name, DisplayName: "Team " + name, ImageRegistries: []string{"registry.example.com/" + name},
		},
		ResourceQuotas: tenant.ResourceQuotaConfig{
			Requests: tenant.ComputeResources{CPU: amount("8"), Memory: amount("32Gi")},
			Limits:   tenant.ComputeResources{CPU: amount("16"), Memory: amount("64Gi")},
			Objects:  tenant.ObjectCounts{Pods: new(int64(50))},
		},
		NetworkIsolation: tenant.NetworkIsolationPolicy{PublicInternetEgress: true},
		RBAC: tenant.RBACConfig{Members: []tenant.Member{
			{Role: tenant.Admin, Name: name + "-admins"},
			{Role: tenant.Developer, Name: name + "-developers"},
			{Role: tenant.Viewer, Name: name + "-viewers"},
		}},
	}
}
