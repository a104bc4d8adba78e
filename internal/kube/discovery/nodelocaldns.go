package discovery

import (
	"context"
	"net/netip"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// nodeLocalDNS returns the addresses on which NodeLocal DNSCache listens, by its argument -localip.
func nodeLocalDNS(ctx context.Context, clients kube.Clients) ([]topology.NetworkPeer, error) {
	set, err := clients.DaemonSets.Get(ctx, metav1.NamespaceSystem, "node-local-dns")
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var peers []topology.NetworkPeer
	for _, container := range set.Spec.Template.Spec.Containers {
		for _, address := range localIPs(append(container.Command, container.Args...)) {
			peers = append(peers, singleAddress(address))
		}
	}
	return peers, nil
}

// localIPs returns the addresses of the argument -localip.
func localIPs(args []string) []netip.Addr {
	var addresses []netip.Addr
	for i, arg := range args {
		value, ok := strings.CutPrefix(strings.TrimLeft(arg, "-"), "localip")
		switch {
		case !ok:
			continue
		case value == "" && i+1 < len(args):
			value = args[i+1]
		}
		for text := range strings.SplitSeq(strings.TrimPrefix(value, "="), ",") {
			if address, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}
