package guardrail

import "regexp"

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
