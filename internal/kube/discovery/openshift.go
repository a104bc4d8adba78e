package discovery

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/polyphony-go/polyphony/topology"
)

// openShiftGroup is an API group that only OpenShift serves.
const openShiftGroup = "config.openshift.io"

// addOpenShift adds the places of OpenShift's own components where the options are unset.
func addOpenShift(p *topology.Platform) {
	if len(p.IngressControllers) == 0 {
		p.IngressControllers = policyGroup("ingress")
	}
	if len(p.Monitoring) == 0 {
		p.Monitoring = policyGroup("monitoring")
	}
	if len(p.DNS) == 0 {
		p.DNS = openShiftDNS()
	}
}

// policyGroup returns the namespaces that OpenShift marks as those of its ingress controllers or of
// its monitoring.
func policyGroup(group string) []topology.NetworkPeer {
	return []topology.NetworkPeer{{NamespaceLabels: map[string]string{"network.openshift.io/policy-group": group}}}
}

// openShiftDNS returns the rule for OpenShift's name servers. They run in their own namespace, and
// their pods listen on 5353: rules apply to the port of the pod, not to that of the service.
func openShiftDNS() []topology.NetworkRule {
	return []topology.NetworkRule{{
		Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{corev1.LabelMetadataName: "openshift-dns"}}},
		Ports: dnsPorts(5353),
	}}
}
