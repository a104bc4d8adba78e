package discovery

import (
	"context"
	"net/netip"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// discoverServiceRanges finds the address ranges of services. Clusters older than Kubernetes 1.33
// do not serve them.
func discoverServiceRanges(ctx context.Context, clients kube.Clients, p *topology.Platform) error {
	cidrs, err := kube.All(ctx, clients.ServiceCIDRs, "", "")
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	for _, cidr := range cidrs {
		addRanges(p, cidr.Spec.CIDRs)
	}
	return nil
}

// addAddress adds one address to the own ranges. A host name adds nothing.
func addAddress(p *topology.Platform, text string) {
	if address, err := netip.ParseAddr(text); err == nil {
		addRanges(p, []string{netip.PrefixFrom(address, address.BitLen()).String()})
	}
}

func addRanges(p *topology.Platform, cidrs []string) {
	for _, text := range cidrs {
		if prefix, err := netip.ParsePrefix(text); err == nil && !slices.Contains(p.OwnRanges, prefix.Masked()) {
			p.OwnRanges = append(p.OwnRanges, prefix.Masked())
		}
	}
}
