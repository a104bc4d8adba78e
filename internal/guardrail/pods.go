package guardrail

import (
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"
)

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

// claimed are the kinds of volumes that give access to nothing outside the namespace by themselves.
// Host paths are among them because pod security refuses them.
var claimed = []string{
	"configMap", "secret", "emptyDir", "projected", "downwardAPI",
	"persistentVolumeClaim", "ephemeral", "image", "hostPath",
}

func volumes(w write) string {
	if !w.created() {
		return ""
	}
	for _, v := range w.object.Spec.Volumes {
		isEmptyDir := len(v) == 1 // it has only a name
		if isEmptyDir || slices.ContainsFunc(claimed, v.has) {
			continue
		}
		var csi struct {
			Driver string `json:"driver"`
		}
		_ = kjson.UnmarshalCaseSensitivePreserveInts(v["csi"], &csi) // an error leaves it without a driver
		switch {
		case csi.Driver != "" && slices.Contains(w.Allowed.InlineDrivers, csi.Driver):
		case csi.Driver != "":
			return "the volume " + v.name() + " has no claim: use a persistentVolumeClaim, " +
				"or ask for the driver " + csi.Driver + " in storageAccess.inlineDrivers of the TenantScore"
		default:
			return "the volume " + v.name() + " has no claim: use a persistentVolumeClaim"
		}
	}
	return ""
}

// images returns the images of containers of every kind.
func (o object) images() []string {
	var all []string
	for _, c := range slices.Concat(o.Spec.Containers, o.Spec.InitContainers, o.Spec.EphemeralContainers) {
		all = append(all, c.Image)
	}
	return all
}

// volumeImages returns the images of volumes.
func (o object) volumeImages() []string {
	var all []string
	for _, v := range o.Spec.Volumes {
		var image struct {
			Reference string `json:"reference"`
		}
		if v.has("image") && kjson.UnmarshalCaseSensitivePreserveInts(v["image"], &image) == nil {
			all = append(all, image.Reference)
		}
	}
	return all
}

// reference returns the complete name of an image, as container runtimes read it: the part before
// the first slash is a registry if it looks like a host.
func reference(image string) string {
	host, _, found := strings.Cut(image, "/")
	switch {
	case !found:
		return "docker.io/library/" + image
	case host == "docker.io" && strings.Count(image, "/") == 1:
		return "docker.io/library/" + strings.TrimPrefix(image, "docker.io/")
	case strings.ContainsAny(host, ".:") || host == "localhost" || host != strings.ToLower(host):
		return image
	default:
		return "docker.io/" + image
	}
}

// contains reports whether a registry, or a path in one, contains an image. A path may be that of
// the image itself. A registry on another port is another registry.
func contains(registry, image string) bool {
	rest, ok := strings.CutPrefix(image, registry)
	if registry == "*" || ok && strings.HasPrefix(rest, "/") {
		return true
	}
	return ok && strings.Contains(registry, "/") && (rest == "" || rest[0] == ':' || rest[0] == '@')
}

func images(w write) string {
	all, known := w.object.images(), []string(nil)
	if w.created() {
		all = append(all, w.object.volumeImages()...) // they cannot change later
	} else {
		known = w.old.images()
	}
	for _, image := range all {
		full := reference(image)
		isIn := func(registry string) bool { return contains(registry, full) }
		if !slices.Contains(known, image) && !slices.ContainsFunc(w.Allowed.ImageRegistries, isIn) {
			return "the image " + full + " is not from an allowed registry: use one of [" +
				strings.Join(w.Allowed.ImageRegistries, ", ") +
				"], or ask for its registry in tenantConfig.imageRegistries of the TenantScore"
		}
	}
	return ""
}

func defaultToken(w write) string {
	account := w.object.Spec.ServiceAccountName
	if w.Allowed.DefaultToken || !w.created() || account != "" && account != "default" {
		return ""
	}
	for _, v := range w.object.Spec.Volumes {
		if strings.HasPrefix(v.name(), "kube-api-access-") && v.has("projected") {
			return "the pod gets a token of the service account default, which is not allowed: " +
				"set automountServiceAccountToken to false, name another service account, " +
				"or ask for tenantConfig.defaultToken of the TenantScore"
		}
	}
	return ""
}
