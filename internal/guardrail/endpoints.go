package guardrail

const serviceName = "kubernetes.io/service-name"

func endpoints(w write) string {
	if !w.created() && same(w.object.Subsets, w.old.Subsets) &&
		same(w.object.Endpoints, w.old.Endpoints) && same(w.object.Ports, w.old.Ports) &&
		sameKey(w.object.Metadata.Labels, w.old.Metadata.Labels, serviceName) {
		return ""
	}
	return "endpoints written by hand can lead to addresses of other tenants (CVE-2021-25740): " +
		"give the Service a selector; " +
		"to reach an address outside the cluster, allow it in networkIsolation.egress of the TenantScore"
}
