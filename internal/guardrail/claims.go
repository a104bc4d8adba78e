package guardrail

import (
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
