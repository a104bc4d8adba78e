package main

import (
	"context"
	"errors"
	"log"
)

// warmUp is a tenant that is provisioned before anything is measured.
var warmUp = []string{"warm-up"}

// removalUpTo is the largest number of tenants for which removal is measured by default. The
// controller manager takes minutes to remove more.
const removalUpTo = 100

// takeSample provisions a tenant with Polyphony and reads back its objects.
func (b *bench) takeSample(ctx context.Context) (err error) {
	p, err := startPlane(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if _, err := p.spawn(ctx, task{Contestant: polyphonyName, Phase: provisioning, Tenants: []string{sampleName}}); err != nil {
		return err
	}
	if b.objects, err = readSample(ctx, p.discovery, p.admin); err != nil {
		return err
	}
	b.record.Objects, b.record.Machine.Kubernetes = len(b.objects), p.version
	log.Printf("a tenant consists of %d objects", len(b.objects))
	return nil
}

// compete measures one contestant on its own control plane, phase by phase.
func (b *bench) compete(ctx context.Context, e entrant, round, n int) (err error) {
	p, err := startPlane(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if _, err := p.spawn(ctx, task{Contestant: e.name, Phase: provisioning, Tenants: warmUp, Objects: b.objects}); err != nil {
		return err
	}
	tenants := names(n)
	for _, phase := range phases {
		if phase == removing && n > removalUpTo && !*removal {
			continue
		}
		if phase == drifted {
			if err := p.drift(ctx, tenants); err != nil {
				return err
			}
		}
		if err := p.settle(ctx); err != nil {
			return err
		}
		o, err := p.spawn(ctx, task{Contestant: e.name, Phase: phase, Tenants: tenants, Objects: b.objects})
		if err != nil {
			return err
		}
		if err := b.add(result{Round: round, Tenants: n, Contestant: e.name, Phase: phase, outcome: o}); err != nil {
			return err
		}
		if err := b.check(ctx, p, phase, tenants); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error unless the contestant has reached the state that the phase measures.
func (b *bench) check(ctx context.Context, p *plane, phase phase, tenants []string) error {
	switch phase {
	case provisioning, drifted:
		return verify(ctx, p.admin, b.objects, tenants)
	case removing:
		return verifyGone(ctx, p.admin, tenants)
	default:
		return nil
	}
}
