package discovery

import (
	"context"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// discoverDNS finds the name servers behind the Service with the label k8s-app=kube-dns in
// kube-system, and NodeLocal DNSCache, which answers on an address of the node itself. The name of
// the Service does not matter.
func discoverDNS(ctx context.Context, clients kube.Clients, p *topology.Platform) error {
	if len(p.DNS) > 0 {
		return nil
	}
	peer := topology.NetworkPeer{
		NamespaceLabels: map[string]string{corev1.LabelMetadataName: metav1.NamespaceSystem},
		PodLabels:       map[string]string{"k8s-app": "kube-dns"},
	}
	ports := sets.New[int32](53)
	services, err := kube.All(ctx, clients.Services, metav1.NamespaceSystem, "k8s-app=kube-dns")
	if err != nil {
		return err
	}
	for _, service := range services {
		if len(service.Spec.Selector) == 0 {
			continue
		}
		peer.PodLabels = service.Spec.Selector
		for _, port := range service.Spec.Ports {
			if port.Port == 53 && port.TargetPort.IntVal != 0 {
				ports.Insert(port.TargetPort.IntVal)
			}
		}
	}
	p.DNS = []topology.NetworkRule{{Peers: []topology.NetworkPeer{peer}, Ports: dnsPorts(sets.List(ports)...)}}
	local, err := nodeLocalDNS(ctx, clients)
	if err == nil && len(local) > 0 {
		p.DNS = append(p.DNS, topology.NetworkRule{Peers: local, Ports: dnsPorts(53)})
	}
	return err
}

func dnsPorts(ports ...int32) []topology.NetworkPort {
	var all []topology.NetworkPort
	for _, port := range ports {
		all = append(all,
			topology.NetworkPort{Protocol: netpolicy.UDP, Port: port},
			topology.NetworkPort{Protocol: netpolicy.TCP, Port: port})
	}
	return all
}

func singleAddress(address netip.Addr) topology.NetworkPeer {
	return topology.NetworkPeer{CIDR: netip.PrefixFrom(address, address.BitLen()).String()}
}
