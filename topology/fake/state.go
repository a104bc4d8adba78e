package fake

import (
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

// State is everything that an infrastructure holds, to be looked at and compared. It marshals to JSON.
type State struct {
	Namespaces     map[string]NamespaceState          `json:"namespaces"`
	ClusterReaders map[string]topology.ClusterReaders `json:"clusterReaders"`
	Guardrails     *topology.GuardrailSet             `json:"guardrails,omitempty"`
}

// NamespaceState is one namespace and what is in it. What is not there is nil.
type NamespaceState struct {
	Namespace     topology.Namespace     `json:"namespace"`
	ForeignLabels map[string]string      `json:"foreignLabels,omitempty"`
	Quota         *topology.Quota        `json:"quota,omitempty"`
	LimitRange    *topology.LimitRange   `json:"limitRange,omitempty"`
	NetworkRules  *topology.NetworkRules `json:"networkRules,omitempty"`
	Access        *topology.Access       `json:"access,omitempty"`
	Volumes       []topology.Volume      `json:"volumes,omitempty"`
}

// State returns a copy of everything.
func (t *Topology) State() State {
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	all := State{Namespaces: map[string]NamespaceState{}, ClusterReaders: map[string]topology.ClusterReaders{}}
	for name, ns := range t.state.namespaces {
		all.Namespaces[name] = NamespaceState{
			Namespace: ns.value.Clone(), ForeignLabels: maps.Clone(ns.foreignLabels),
			Quota: ns.quota.copied(), LimitRange: ns.limitRange.copied(), NetworkRules: ns.network.copied(), Access: ns.access.copied(),
			Volumes: ns.listVolumes(),
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

func (s slot[V]) copied() *V {
	if s.value == nil {
		return nil
	}
	return new((*s.value).Clone())
}

// listVolumes are the claims by name.
func (n *namespace) listVolumes() []topology.Volume {
	var volumes []topology.Volume
	for key, object := range n.objects {
		if key.group != "" || key.resource != "persistentvolumeclaims" {
			continue
		}
		claim, err := readConsumer(object)
		if err != nil {
			claim = consumer{} // it is a claim all the same
		}
		volumes = append(volumes, topology.Volume{
			Name: key.name, StorageClass: claim.Spec.StorageClassName, Size: orNone(claim.Spec.Resources).Requests["storage"], BoundTo: claim.Spec.VolumeName,
		})
	}
	slices.SortFunc(volumes, func(a, b topology.Volume) int { return strings.Compare(a.Name, b.Name) })
	return volumes
}
