package main

import (
	"context"
	"time"

	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// fluxTenants is the number of tenants in progress. Flux applies the objects of a tenant one after
// the other.
const fluxTenants = 32

// flux uses the engine of the Flux controllers.
type flux struct {
	manager *ssa.ResourceManager
	objects []object
}

func enterFlux(s setting) (map[phase]work, error) {
	c, err := newRuntimeClient(s)
	if err != nil {
		return nil, err
	}
	f := flux{ssa.NewResourceManager(c, nil, ssa.Owner{Field: fieldManager, Group: "bench.example.com"}), s.objects}
	return map[phase]work{provisioning: f.apply, unchanged: f.apply, drifted: f.apply, removing: f.remove}, nil
}

// apply applies the namespace first, since the dry run of its contents fails without it.
func (f flux) apply(ctx context.Context, tenants []string) error {
	return inParallel(ctx, fluxTenants, tenants, func(ctx context.Context, tenant string) error {
		all := render(f.objects, tenant)
		for _, stage := range [][]*unstructured.Unstructured{all[:1], all[1:]} {
			if _, err := f.manager.ApplyAll(ctx, stage, ssa.DefaultApplyOptions()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f flux) remove(ctx context.Context, tenants []string) error {
	return inParallel(ctx, fluxTenants, tenants, func(ctx context.Context, tenant string) error {
		namespace := render(f.objects[:1], tenant)
		if _, err := f.manager.DeleteAll(ctx, namespace, ssa.DefaultDeleteOptions()); err != nil {
			return err
		}
		return f.manager.WaitForTermination(namespace, ssa.WaitOptions{Interval: 500 * time.Millisecond, Timeout: patience})
	})
}
