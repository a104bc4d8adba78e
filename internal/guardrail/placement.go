package guardrail

import "slices"

func nodeName(w write) string {
	if !w.created() || w.object.Spec.NodeName == "" {
		return ""
	}
	return "the pod names its node, which bypasses the scheduler and the node's taints: remove spec.nodeName; " +
		"use spec.nodeSelector for a kind of node"
}

// conditions are the taints of unhealthy nodes, which every pod may tolerate for a while.
var conditions = []string{
	"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable",
	"node.kubernetes.io/memory-pressure", "node.kubernetes.io/disk-pressure",
	"node.kubernetes.io/pid-pressure",
}

func tolerations(w write) string {
	for _, t := range w.object.Spec.Tolerations {
		key, _ := t["key"].(string)
		if slices.Contains(conditions, key) || key != "" && slices.Contains(w.Allowed.Tolerations, key) ||
			!w.created() &&
				slices.ContainsFunc(w.old.Spec.Tolerations, func(old map[string]any) bool { return same(old, t) }) {
			continue
		}
		what := "the taint " + key + " is not allowed"
		if key == "" {
			what = "a toleration without a key tolerates every taint"
		}
		return what + ": remove the toleration, or ask for its key in tenantConfig.tolerations, " +
			"or for an extended resource in resourceQuotas.extended, of the TenantScore"
	}
	return ""
}

func priorityClass(w write) string {
	class := w.object.Spec.PriorityClassName
	if !w.created() || class == "" || slices.Contains(w.Allowed.PriorityClasses, class) {
		return ""
	}
	return "the priority class " + class + " is not allowed: ask for it in tenantConfig.priorityClasses of the TenantScore"
}

func runtimeClass(w write) string {
	class := w.object.Spec.RuntimeClassName
	if !w.created() || class == "" || slices.Contains(w.Allowed.RuntimeClasses, class) {
		return ""
	}
	return "the runtime class " + class + " is not allowed: ask for it in tenantConfig.runtimeClasses of the TenantScore"
}

func podAffinities(w write) string {
	isElsewhere := func(namespace string) bool { return namespace != w.object.Metadata.Namespace }
	for _, term := range w.object.Spec.Affinity.terms() {
		if w.created() && (term.NamespaceSelector != nil || slices.ContainsFunc(term.Namespaces, isElsewhere)) {
			return "the pod's affinity names pods of other namespaces, which it could keep away from nodes: " +
				"remove namespaces and namespaceSelector from it"
		}
	}
	return ""
}

const secondsPerDay = 24 * 60 * 60

func gracePeriod(w write) string {
	if !w.created() || w.object.Spec.GracePeriod <= secondsPerDay {
		return ""
	}
	return "the pod may take more than a day to end, and would block the deletion of its namespace as long: " +
		"lower spec.terminationGracePeriodSeconds"
}
