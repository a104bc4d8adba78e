package discovery

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// discoverNodes finds the addresses, pod ranges and extended resources of nodes. All own ranges are
// known then, and so are the address families.
func discoverNodes(ctx context.Context, clients kube.Clients, p *topology.Platform) error {
	extended := sets.New[string]()
	err := kube.Each(ctx, clients.Nodes, "", func(node *corev1.Node) {
		addRanges(p, node.Spec.PodCIDRs)
		for _, address := range node.Status.Addresses {
			addAddress(p, address.Address)
		}
		for name := range node.Status.Allocatable {
			if isExtended(string(name)) {
				extended.Insert(string(name))
			}
		}
	})
	if err != nil {
		return err
	}
	p.ExtendedResources = sets.List(extended)
	for _, prefix := range p.OwnRanges {
		p.IPv4 = p.IPv4 || prefix.Addr().Is4()
		p.IPv6 = p.IPv6 || prefix.Addr().Is6()
	}
	if len(p.OwnRanges) == 0 {
		p.IPv4 = true
	}
	slices.SortFunc(p.OwnRanges, netip.Prefix.Compare)
	return nil
}

func isExtended(name string) bool {
	domain, _, found := strings.Cut(name, "/")
	return strings.HasPrefix(name, corev1.ResourceHugePagesPrefix) ||
		found && domain != "kubernetes.io" && !strings.HasSuffix(domain, ".kubernetes.io")
}
