package tenant

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
)

// The bounds of one list of allowances. Annotations of the namespace store all lists, beside up to
// maxAnnotations of the tenant's.
const (
	maxAllowed     = 100     // values
	maxAllowedSize = 8 << 10 // bytes, with one separator for each value
)

// validateList checks every value of a list by the function check, and refuses duplicates.
func validateList(
	list []string, at *field.Path, check func(value string, at *field.Path) field.ErrorList,
) field.ErrorList {
	if len(list) > maxAllowed {
		return field.ErrorList{field.TooMany(at, len(list), maxAllowed)}
	}
	var errs field.ErrorList
	size := 0
	for i, value := range list {
		size += len(value) + 1
		if slices.Contains(list[:i], value) {
			errs = append(errs, field.Duplicate(at.Index(i), value))
			continue
		}
		errs = append(errs, check(value, at.Index(i))...)
	}
	if size > maxAllowedSize {
		errs = append(errs, field.TooLong(at, "", maxAllowedSize))
	}
	return errs
}

func validateObjectName(name string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsDNS1123Subdomain(name) {
		errs = append(errs, field.Invalid(at, name, msg))
	}
	return errs
}

func validatePriorityClass(name string, at *field.Path) field.ErrorList {
	errs := validateObjectName(name, at)
	if strings.HasPrefix(name, "system-") {
		errs = append(errs,
			field.Invalid(at, name,
				"is the platform's own: pods with a class of system-... evict pods of the platform"))
	}
	return errs
}

func validateToleration(key string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsQualifiedName(key) {
		errs = append(errs, field.Invalid(at, key, msg))
	}
	if domain, _, _ := strings.Cut(key, "/"); domain == "node-role.kubernetes.io" {
		errs = append(errs,
			field.Invalid(at, key, "is a taint of the platform's own nodes; give the tenant's nodes another taint"))
	}
	return errs
}

// hostAnnotations are the ends of the keys of annotations that take hosts.
var hostAnnotations = []string{"server-alias", "server-alias-regex", "hostname"}

// validateIngressAnnotation refuses annotations that no tenant may have: snippets, which run as
// part of a controller that all tenants share, and hosts.
func validateIngressAnnotation(key string, at *field.Path) field.ErrorList {
	lower := strings.ToLower(key) // Kubernetes ignores the case of their keys
	var errs field.ErrorList
	for _, msg := range validation.IsQualifiedName(lower) {
		errs = append(errs, field.Invalid(at, key, msg))
	}
	switch {
	case len(errs) > 0:
	case !strings.Contains(key, "/"):
		errs = append(errs,
			field.Invalid(at, key, "must have a domain, such as nginx.ingress.kubernetes.io/rewrite-target"))
	case strings.Contains(lower, "snippet"):
		errs = append(errs, field.Invalid(at, key, "snippets run in a controller that all tenants share "+
			"(CVE-2021-25742); name single annotations instead"))
	case takesHosts(lower):
		errs = append(errs, field.Invalid(at, key, "takes hosts, which only domains may allow; leave it out"))
	}
	return errs
}

// takesHosts reports whether the annotation of a key in lower case takes hosts.
func takesHosts(key string) bool {
	return slices.ContainsFunc(hostAnnotations, func(end string) bool { return strings.HasSuffix(key, end) })
}

// anyRegistry is the entry of ImageRegistries that allows every image.
const anyRegistry = "*"

// registryFormat is a host, an optional port and an optional path. Source: the grammar of image
// references of the distribution project.
var registryFormat = regexp.MustCompile(
	`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*(:[0-9]{1,5})?` +
		`(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

// maxRegistry is the length of the name of an image, in characters. Source: the same grammar.
const maxRegistry = 255

func validateRegistries(registries []string, at *field.Path) field.ErrorList {
	return validateList(registries, at, func(registry string, at *field.Path) field.ErrorList {
		if registry == anyRegistry && len(registries) == 1 {
			return nil
		}
		if len(registry) > maxRegistry {
			return field.ErrorList{field.TooLong(at, "", maxRegistry)}
		}
		if problem := registryProblem(registry); problem != "" {
			return field.ErrorList{field.Invalid(at, registry, problem)}
		}
		return nil
	})
}

// registryProblem returns what is wrong with an entry of a list of registries, or "".
func registryProblem(registry string) string {
	host, _, path := strings.Cut(registry, "/")
	switch {
	case registry == anyRegistry:
		return "allows every image; it must be the only entry"
	case !registryFormat.MatchString(registry):
		return "must be a registry, with or without a path, in lower case and without scheme, tag and digest, " +
			"such as registry.example.com/acme"
	case host == "localhost" || strings.ContainsAny(host, ".:"):
		return "" // container runtimes recognize a registry by this
	case path:
		return "must begin with a registry: images of " + host + " on Docker Hub are docker.io/" + host
	default:
		return "must begin with a registry: the official images of Docker Hub are docker.io/library"
	}
}

// allowances returns what guardrails let the tenant do on this platform. The tenant may use
// everything that its quota grants.
func (s TenantScore) allowances(p topology.Platform) topology.Allowances {
	config, network, storage, quota := s.TenantConfig, s.NetworkIsolation, s.StorageAccess, s.ResourceQuotas
	var classes []string
	for _, class := range storage.Classes {
		classes = append(classes, class.Name)
	}
	priorities := slices.Clone(config.PriorityClasses)
	// The API server sets the default class on pods that name none, before guardrails check them.
	if p.DefaultPriorityClass != "" {
		priorities = append(priorities, p.DefaultPriorityClass)
	}
	tolerations := slices.Clone(config.Tolerations)
	for name, q := range quota.Extended {
		// By convention, nodes that have a resource have a taint of its name.
		if q.Sign() > 0 && strings.Contains(name, "/") {
			tolerations = append(tolerations, name)
		}
	}
	var services []topology.ServiceType
	if n := quota.Objects.NodePorts; n != nil && *n > 0 {
		services = append(services, topology.NodePort)
	}
	if n := quota.Objects.LoadBalancers; n != nil && *n > 0 {
		services = append(services, topology.LoadBalancer)
	}
	return topology.Allowances{
		Domains:            sorted(network.Domains),
		IngressAnnotations: sorted(network.IngressAnnotations),
		ServiceTypes:       sorted(services),
		ExternalNames:      sorted(network.ExternalNames),
		StorageClasses:     sorted(classes),
		InlineDrivers:      sorted(storage.InlineDrivers),
		ImageRegistries:    sorted(config.ImageRegistries),
		PriorityClasses:    sorted(priorities),
		RuntimeClasses:     sorted(config.RuntimeClasses),
		Tolerations:        sorted(tolerations),
		DefaultToken:       config.DefaultToken,
	}
}

// sorted returns the values of a list in order, each once. It returns nil for an empty list.
func sorted[S ~string](list []S) []S {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
