package fake

import (
	"encoding/json"
	"maps"
	"sync"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// state holds everything in an infrastructure. It shares nothing: values are cloned on the way in
// and out.
type state struct {
	mu         sync.Mutex
	platform   topology.Platform // constant
	namespaces map[string]*namespace
	readers    map[string]topology.ClusterReaders // by tenant
	guardrails *topology.GuardrailSet             // nil: none are installed
	leases     map[string]leaseRecord
	index      index
	counts     Counts
}

func newState(platform topology.Platform) *state {
	return &state{
		platform:   platform,
		namespaces: map[string]*namespace{},
		readers:    map[string]topology.ClusterReaders{},
		leases:     map[string]leaseRecord{},
		index:      newIndex(),
	}
}

// namespace is a namespace with its contents.
type namespace struct {
	value         topology.Namespace
	foreignLabels map[string]string // those that Polyphony does not manage
	held          string            // what holds the namespace while it is being deleted; empty: nothing

	quota      slot[topology.Quota]
	limitRange slot[topology.LimitRange]
	network    slot[topology.NetworkRules]
	access     slot[topology.Access]

	// Objects of an Outsider.
	objects  map[objectKey]json.RawMessage // manifests
	grants   []topology.Grant
	policies []netpolicy.Policy
}

// objectKey identifies an object within a namespace.
type objectKey struct{ group, resource, name string }

// State is a copy of everything that an infrastructure holds, except leases. It marshals to JSON.
type State struct {
	Namespaces     map[string]NamespaceState          `json:"namespaces"`           // by name
	ClusterReaders map[string]topology.ClusterReaders `json:"clusterReaders"`       // by tenant
	Guardrails     *topology.GuardrailSet             `json:"guardrails,omitempty"` // nil: none
}

// NamespaceState is a namespace with its contents. A value that does not exist is nil.
type NamespaceState struct {
	Namespace     topology.Namespace     `json:"namespace"`               // it may be foreign: see Managed
	ForeignLabels map[string]string      `json:"foreignLabels,omitempty"` // not managed by Polyphony
	Quota         *topology.Quota        `json:"quota,omitempty"`         // nil: none
	LimitRange    *topology.LimitRange   `json:"limitRange,omitempty"`    // nil: none
	NetworkRules  *topology.NetworkRules `json:"networkRules,omitempty"`  // nil: none
	Access        *topology.Access       `json:"access,omitempty"`        // nil: none
	Volumes       []topology.Volume      `json:"volumes,omitempty"`       // sorted by name
}

// State returns a copy of everything that the infrastructure holds.
func (t *Topology) State() State {
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	all := State{
		Namespaces:     map[string]NamespaceState{},
		ClusterReaders: map[string]topology.ClusterReaders{},
	}
	for name, ns := range t.state.namespaces {
		all.Namespaces[name] = NamespaceState{
			Namespace:     ns.value.Clone(),
			ForeignLabels: maps.Clone(ns.foreignLabels),
			Quota:         ns.quota.copied(),
			LimitRange:    ns.limitRange.copied(),
			NetworkRules:  ns.network.copied(),
			Access:        ns.access.copied(),
			Volumes:       ns.volumes(),
		}
	}
	if t.state.guardrails != nil {
		all.Guardrails = new(t.state.guardrails.Clone())
	}
	for name, readers := range t.state.readers {
		all.ClusterReaders[name] = readers.Clone()
	}
	return all
}
