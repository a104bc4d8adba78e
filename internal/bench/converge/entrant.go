package main

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
)

// phase is a part of a tenant's life.
type phase string

const (
	provisioning phase = "provision"
	unchanged    phase = "again"
	drifted      phase = "drifted"
	removing     phase = "remove"
)

// work makes something of these tenants.
type work func(ctx context.Context, tenants []string) error

// setting is what a contestant gets to work with.
type setting struct {
	config     *rest.Config
	kubeconfig string
	kubectl    string
	objects    []object
	meter      *meter
}

// entrant is one contestant. It is made anew for each phase.
type entrant struct {
	name  string
	title string
	upTo  int // tenants; 0: any number
	enter func(setting) (map[phase]work, error)
}

const (
	floorName     = "floor"
	polyphonyName = "polyphony"
)

// phases are gone through in this order.
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
	return entrant{}, fmt.Errorf("there is no contestant %q, but %s", name, strings.Join(names, ", "))
}

// inParallel does something for each tenant, so many at a time.
func inParallel(ctx context.Context, limit int, tenants []string, do func(ctx context.Context, tenant string) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(limit)
	for _, tenant := range tenants {
		group.Go(func() error { return do(ctx, tenant) })
	}
	return group.Wait()
}
