package k8s

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Volumes implements topology.Volumes. A volume is a PersistentVolumeClaim.
func (t *Topology) Volumes(ctx context.Context, namespace string) ([]topology.Volume, error) {
	var volumes []topology.Volume
	err := t.retry.Do(ctx, adapter.Read(topology.KindVolumes, namespace), func(ctx context.Context) error {
		claims, err := kube.All(ctx, t.clients.Claims, namespace, "")
		if err != nil {
			return err
		}
		volumes = nil
		for _, claim := range claims {
			volume := topology.Volume{
				Name: claim.Name, Size: claim.Spec.Resources.Requests[corev1.ResourceStorage], BoundTo: claim.Spec.VolumeName,
			}
			if claim.Spec.StorageClassName != nil {
				volume.StorageClass = *claim.Spec.StorageClassName
			}
			volumes = append(volumes, volume)
		}
		return nil
	})
	return volumes, err
}
