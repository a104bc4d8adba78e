package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// nameServers is an adapter of [Zones] in memory. A real one would talk to a DNS provider here.
type nameServers struct {
	mu    *sync.Mutex
	zones map[string]Zone
	dry   bool
}

func newNameServers() *nameServers { return &nameServers{mu: &sync.Mutex{}, zones: map[string]Zone{}} }

// DryRun returns the same name servers for somebody who does not write.
func (n *nameServers) DryRun() *nameServers { return &nameServers{mu: n.mu, zones: n.zones, dry: true} }

// Zone implements Zones.
func (n *nameServers) Zone(ctx context.Context, name string) (Zone, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	zone, ok := n.zones[name]
	switch {
	case ctx.Err() != nil:
		return Zone{}, &topology.Error{Op: "read", Kind: "Zone", Name: name, Cause: ctx.Err()}
	case !ok:
		return Zone{}, &topology.Error{Op: "read", Kind: "Zone", Name: name, Reason: topology.ErrNotFound}
	}
	return zone, nil
}

// EnsureZone implements Zones.
func (n *nameServers) EnsureZone(ctx context.Context, want Zone) (topology.Change, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change := topology.Change{Kind: "Zone", Name: want.Name, Action: topology.Created}
	have, ok := n.zones[want.Name]
	switch {
	case ctx.Err() != nil:
		return topology.Change{}, &topology.Error{Op: "ensure", Kind: "Zone", Name: want.Name, Cause: ctx.Err()}
	case ok && have.Tenant != want.Tenant:
		return topology.Change{}, &topology.Error{Op: "ensure", Kind: "Zone", Name: want.Name, Reason: topology.ErrConflict,
			Detail: fmt.Sprintf("is the zone of the tenant %q; choose another, or have it removed there", have.Tenant)}
	case ok:
		if change.Fields = adapter.Diff(have, want); len(change.Fields) == 0 {
			change.Action = topology.Unchanged
			return change, nil
		}
		change.Action = topology.Updated
	}
	if !n.dry {
		n.zones[want.Name] = want
	}
	return change, nil
}

// DeleteZone implements Zones.
func (n *nameServers) DeleteZone(ctx context.Context, name string) (topology.Change, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change := topology.Change{Kind: "Zone", Name: name, Action: topology.Unchanged}
	if ctx.Err() != nil {
		return topology.Change{}, &topology.Error{Op: "delete", Kind: "Zone", Name: name, Cause: ctx.Err()}
	}
	if _, ok := n.zones[name]; ok {
		change.Action = topology.Deleted
		if !n.dry {
			delete(n.zones, name)
		}
	}
	return change, nil
}
