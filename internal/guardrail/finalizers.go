package guardrail

import "slices"

func finalizers(w write) string {
	known := []string{"foregroundDeletion", "orphan"}
	if w.Resource == "persistentvolumeclaims" {
		known = append(known, "kubernetes.io/pvc-protection")
	}
	isOfJob := func(owner ownerReference) bool { return owner.Kind == "Job" }
	if w.Resource == "pods" && slices.ContainsFunc(w.object.Metadata.OwnerReferences, isOfJob) {
		known = append(known, "batch.kubernetes.io/job-tracking")
	}
	if w.Subresource == "status" { // the cloud controller that adds it has no fixed user name
		known = append(known, "service.kubernetes.io/load-balancer-cleanup")
	}
	if !w.created() {
		known = append(known, w.old.Metadata.Finalizers...)
	}
	if len(without(w.object.Metadata.Finalizers, known)) == 0 {
		return ""
	}
	return "a finalizer would block the removal of the tenant: remove metadata.finalizers, " +
		"or ask for the right to bypass this rule"
}
