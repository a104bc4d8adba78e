package discovery

import (
	"context"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// discoverPriority finds the priority class of pods that name none. If several classes are the
// default, the API server takes the one with the least value.
func discoverPriority(ctx context.Context, clients kube.Clients, p *topology.Platform) error {
	classes, err := kube.All(ctx, clients.PriorityClasses, "", "")
	if err != nil {
		return err
	}
	var least int32
	for _, class := range classes {
		if class.GlobalDefault && (p.DefaultPriorityClass == "" || class.Value < least) {
			p.DefaultPriorityClass, least = class.Name, class.Value
		}
	}
	return nil
}
