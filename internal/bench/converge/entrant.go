package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// phase is a phase of the benchmark.
type phase string

const (
	provisioning phase = "provision"
	unchanged    phase = "again"
	drifted      phase = "drifted"
	removing     phase = "remove"
)

// work does the work of one phase for the tenants.
type work func(ctx context.Context, tenants []string) error

// setting is what a contestant is given.
type setting struct {
	config     *rest.Config
	kubeconfig string
	kubectl    string
	objects    []object
	meter      *meter
}

// entrant is one contestant. Each phase creates its clients again.
type entrant struct {
	name  string
	title string
	upTo  int // the highest number of tenants it is measured with; 0: any
	enter func(setting) (map[phase]work, error)
}

const (
	floorName     = "floor"
	polyphonyName = "polyphony"
)

// phases are the phases in their order.
var phases = []phase{provisioning, unchanged, drifted, removing}

var entrants = []entrant{
	{name: floorName, title: "floor", enter: enterFloor},
	{name: polyphonyName, title: "Polyphony", enter: enterPolyphony},
	{name: "flux", title: "Flux ssa", enter: enterFlux},
	{name: "controller-runtime", title: "controller-runtime", enter: enterRuntime},
	{name: "kubectl", title: "kubectl", upTo: kubectlUpTo, enter: enterKubectl},
}

func findEntrant(name string) (entrant, error) {
	for _, e := range entrants {
		if e.name == name {
			return e, nil
		}
	}
	var names []string
	for _, e := range entrants {
		names = append(names, e.name)
	}
	return entrant{}, fmt.Errorf("unknown contestant %q; choose from %s", name, strings.Join(names, ", "))
}

// inParallel calls do for each tenant, at most limit at a time.
func inParallel(
	ctx context.Context, limit int, tenants []string, do func(ctx context.Context, tenant string) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(limit)
	for _, tenant := range tenants {
		group.Go(func() error { return do(ctx, tenant) })
	}
	return group.Wait()
}
