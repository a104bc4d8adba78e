package guardrail

import (
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"
)

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
