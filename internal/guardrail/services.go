package guardrail

import (
	"cmp"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

func externalIPs(w write) string {
	for _, ip := range w.object.Spec.ExternalIPs {
		if w.created() || !slices.Contains(w.old.Spec.ExternalIPs, ip) {
			return "external IPs can take over addresses of others (CVE-2020-8554): remove spec.externalIPs; " +
				"use an Ingress, or a LoadBalancer if the tenant may have one"
		}
	}
	return ""
}

// serviceType returns the type of a Service, with its default.
func (o object) serviceType() string { return cmp.Or(o.Spec.Type, "ClusterIP") }

// keepsType reports whether the Service has had its type before.
func (w write) keepsType() bool { return !w.created() && w.old.serviceType() == w.object.serviceType() }

func serviceType(w write) string {
	kind := w.object.serviceType()
	needsPermission := kind != "ClusterIP" && kind != "ExternalName"
	if !needsPermission || w.keepsType() || slices.Contains(w.Allowed.ServiceTypes, topology.ServiceType(kind)) {
		return ""
	}
	count := "loadBalancers"
	if kind == string(topology.NodePort) {
		count = "nodePorts"
	}
	return "the tenant may have no Service of type " + kind + ": use ClusterIP, " +
		"or ask for resourceQuotas.objects." + count + " in its TenantScore"
}

func externalName(w write) string {
	name := strings.TrimSuffix(w.object.Spec.ExternalName, ".")
	isKept := w.keepsType() && w.old.Spec.ExternalName == w.object.Spec.ExternalName
	if w.object.serviceType() != "ExternalName" || isKept || within(w.Allowed.ExternalNames, name) {
		return ""
	}
	return "the external name " + name + " is not allowed: " +
		"ask for its domain in networkIsolation.externalNames of the TenantScore"
}
