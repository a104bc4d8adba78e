package discovery

import (
	"context"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// discoverStorage finds the storage classes.
func discoverStorage(ctx context.Context, clients kube.Clients, p *topology.Platform) error {
	classes, err := kube.All(ctx, clients.StorageClasses, "", "")
	if err != nil {
		return err
	}
	for _, class := range classes {
		p.StorageClasses = append(p.StorageClasses, topology.StorageClass{
			Name: class.Name, Default: class.Annotations["storageclass.kubernetes.io/is-default-class"] == "true",
		})
	}
	slices.SortFunc(p.StorageClasses, func(a, b topology.StorageClass) int { return strings.Compare(a.Name, b.Name) })
	return nil
}
