package discovery

import (
	"context"
	"net/netip"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// discoverAPIServer finds the addresses behind the service "kubernetes".
func discoverAPIServer(ctx context.Context, clients kube.Clients, p *topology.Platform) error {
	slices, err := kube.All(ctx, clients.EndpointSlices, metav1.NamespaceDefault, discoveryv1.LabelServiceName+"=kubernetes")
	if err != nil {
		return err
	}
	for _, slice := range slices {
		var rule topology.NetworkRule
		for _, endpoint := range slice.Endpoints {
			for _, text := range endpoint.Addresses {
				if address, err := netip.ParseAddr(text); err == nil {
					rule.Peers = append(rule.Peers, singleAddress(address))
					addAddress(p, text)
				}
			}
		}
		for _, port := range slice.Ports {
			if port.Port != nil {
				rule.Ports = append(rule.Ports, topology.NetworkPort{Protocol: netpolicy.TCP, Port: *port.Port})
			}
		}
		if len(rule.Peers) > 0 && len(rule.Ports) > 0 { // a rule without one of them would select everything
			p.APIServer = append(p.APIServer, rule)
		}
	}
	return nil
}
