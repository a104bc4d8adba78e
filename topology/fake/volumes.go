package fake

import (
	"context"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Volumes implements topology.Volumes.
func (t *Topology) Volumes(ctx context.Context, namespace string) ([]topology.Volume, error) {
	if err := t.begin(ctx, adapter.Read(topology.KindVolumes, namespace)); err != nil {
		return nil, err
	}
	t.state.mu.Lock()
	defer t.state.mu.Unlock()
	if ns := t.state.namespaces[namespace]; ns != nil {
		return ns.volumes(), nil
	}
	return nil, nil
}

// volumes returns the persistent volume claims of a namespace, sorted by name.
func (n *namespace) volumes() []topology.Volume {
	var volumes []topology.Volume
	for key, object := range n.objects {
		if key.group != "" || key.resource != "persistentvolumeclaims" {
			continue
		}
		claim, err := readConsumer(object)
		if err != nil {
			claim = consumer{} // it counts as a claim, even if its specification is invalid
		}
		volumes = append(volumes, topology.Volume{
			Name:         key.name,
			StorageClass: claim.Spec.StorageClassName,
			Size:         claim.resources().Requests["storage"],
			BoundTo:      claim.Spec.VolumeName,
		})
	}
	slices.SortFunc(volumes, func(a, b topology.Volume) int { return strings.Compare(a.Name, b.Name) })
	return volumes
}
