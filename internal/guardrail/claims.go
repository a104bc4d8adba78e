package guardrail

import (
	"regexp"
	"slices"
	"strings"
)

// storageClass returns the class of a claim. The deprecated annotation still takes precedence.
func (o object) storageClass() string {
	if class, ok := o.Metadata.Annotations["volume.beta.kubernetes.io/storage-class"]; ok {
		return class
	}
	return o.Spec.StorageClassName
}

func storageClass(w write) string {
	class := w.object.storageClass()
	if class != "" && slices.Contains(w.Allowed.StorageClasses, class) || !w.created() && w.old.storageClass() == class {
		return ""
	}
	what := "the storage class " + class + " is not allowed"
	if class == "" {
		what = "the claim names no storage class"
	}
	return what + ": use one of [" + strings.Join(w.Allowed.StorageClasses, ", ") +
		"], or ask for one in storageAccess.classes of the TenantScore"
}

func volumeName(w write) string {
	volume := w.object.Spec.VolumeName
	if volume == "" || !w.created() && (w.old.Spec.VolumeName == volume || w.Platform) {
		return ""
	}
	return "the claim names its volume, which may be meant for another tenant: remove spec.volumeName; " +
		"a cluster administrator can reserve a volume by the volume's spec.claimRef"
}

func volumeSelector(w write) string {
	if !w.created() || w.object.Spec.Selector == nil {
		return ""
	}
	return "the claim selects its volume by labels, which may be meant for another tenant: remove spec.selector"
}

func dataSource(w write) string {
	from := w.object.Spec.DataSourceRef.Namespace
	if !w.created() || from == "" || from == w.object.Metadata.Namespace {
		return ""
	}
	return "the claim takes its data from another namespace: remove spec.dataSourceRef.namespace"
}

func tokenSecret(w write) string {
	const account = "kubernetes.io/service-account.name"
	if w.object.Type != "kubernetes.io/service-account-token" ||
		!w.created() && sameKey(w.object.Metadata.Annotations, w.old.Metadata.Annotations, account) {
		return ""
	}
	return "the Secret asks for a token of a service account that never expires: " +
		"mount a projected serviceAccountToken volume instead"
}

var (
	fencingLabel      = regexp.MustCompile(`^([^/]*\.)?(tenancy\.polyphony\.dev|pod-security\.kubernetes\.io)/`)
	fencingAnnotation = regexp.MustCompile(`^([^/]*\.)?tenancy\.polyphony\.dev/`)
)

func namespaceLabels(w write) string {
	var old map[string]string
	if !w.created() {
		old = w.old.Metadata.Labels
	}
	if sameKeys(fencingLabel, w.object.Metadata.Labels, old) {
		return ""
	}
	return "labels of tenancy.polyphony.dev and pod-security.kubernetes.io isolate the tenant: " +
		"change its TenantScore"
}

func namespaceAnnotations(w write) string {
	var old map[string]string
	if !w.created() {
		old = w.old.Metadata.Annotations
	}
	if sameKeys(fencingAnnotation, w.object.Metadata.Annotations, old) {
		return ""
	}
	return "annotations of tenancy.polyphony.dev hold what the tenant is allowed: change its TenantScore"
}

// sameKeys reports whether two maps are equal in the keys that match.
func sameKeys(match *regexp.Regexp, a, b map[string]string) bool {
	subset := func(a, b map[string]string) bool {
		for key, value := range a {
			if other, ok := b[key]; match.MatchString(key) && (!ok || other != value) {
				return false
			}
		}
		return true
	}
	return subset(a, b) && subset(b, a)
}

func namespaceFinalizers(w write) string {
	const message = "a finalizer would block the deletion of the namespace: remove it, or ask for the right to bypass this rule"
	var held, specHeld []string
	if !w.created() {
		held, specHeld = w.old.Metadata.Finalizers, w.old.Spec.Finalizers
	}
	if len(without(w.object.Metadata.Finalizers, held)) > 0 ||
		!w.created() && len(without(w.object.Spec.Finalizers, specHeld)) > 0 {
		return message
	}
	return ""
}

// without returns the list without the elements of the other one.
func without[V comparable](list, other []V) []V {
	return slices.DeleteFunc(slices.Clone(list), func(v V) bool { return slices.Contains(other, v) })
}

func finalizers(w write) string {
	known := []string{"foregroundDeletion", "orphan"}
	if w.Resource == "persistentvolumeclaims" {
		known = append(known, "kubernetes.io/pvc-protection")
	}
	isOfJob := func(owner ownerReference) bool { return owner.Kind == "Job" }
	if w.Resource == "pods" && slices.ContainsFunc(w.object.Metadata.OwnerReferences, isOfJob) {
		known = append(known, "batch.kubernetes.io/job-tracking")
	}
	if w.Subresource == "status" { // a cloud controller adds it, whose name is not known
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
