package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// nameServers is an adapter of [Zones] in memory. A real one would call a DNS provider here.
type nameServers struct {
	mu    *sync.Mutex // shared with every dry run
	zones map[string]Zone
	dry   bool
}

func newNameServers() *nameServers {
	return &nameServers{mu: &sync.Mutex{}, zones: map[string]Zone{}}
}

// DryRun returns a view of the same name servers that writes nothing.
func (n *nameServers) DryRun() *nameServers {
	return &nameServers{mu: n.mu, zones: n.zones, dry: true}
}

// Zone implements Zones.
func (n *nameServers) Zone(ctx context.Context, name string) (Zone, error) {
	call := adapter.Read(kindZone, name)
	if ctx.Err() != nil {
		return Zone{}, call.Stopped(ctx)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	zone, ok := n.zones[name]
	if !ok {
		return Zone{}, call.Fail(topology.ErrNotFound, "")
	}
	return zone, nil
}

// EnsureZone implements Zones.
func (n *nameServers) EnsureZone(ctx context.Context, want Zone) (topology.Change, error) {
	call := adapter.Ensure(kindZone, want.Name)
	if ctx.Err() != nil {
		return topology.Change{}, call.Stopped(ctx)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	have, ok := n.zones[want.Name]
	if ok && have.Tenant != want.Tenant {
		return topology.Change{}, call.Fail(topology.ErrConflict, fmt.Sprintf(
			"is the zone of the tenant %q; choose another name, or delete the zone first", have.Tenant))
	}
	change := call.Created(want)
	if ok {
		change = call.Updated(have, want, adapter.Diff(have, want))
	}
	if change.Action != topology.Unchanged && !n.dry {
		n.zones[want.Name] = want
	}
	return change, nil
}

// DeleteZone implements Zones.
func (n *nameServers) DeleteZone(ctx context.Context, name string) (topology.Change, error) {
	call := adapter.Delete(kindZone, name)
	if ctx.Err() != nil {
		return topology.Change{}, call.Stopped(ctx)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	have, ok := n.zones[name]
	if !ok {
		return call.Unchanged(), nil
	}
	if !n.dry {
		delete(n.zones, name)
	}
	return call.Deleted(have), nil
}
