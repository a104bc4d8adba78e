package tenant

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
)

// What a list of allowances may have: more than a tenant needs, and little enough to be written down at its namespace beside
// maxAnnotations.
const (
	maxAllowed     = 100     // values
	maxAllowedSize = 8 << 10 // bytes, a separator after each value included
)

// validateList checks each value of a list by itself, and that none is there twice.
func validateList(list []string, at *field.Path, check func(value string, at *field.Path) field.ErrorList) field.ErrorList {
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
		errs = append(errs, field.Invalid(at, name, "is the platform's own: pods with a class of system-... push away the platform's"))
	}
	return errs
}

func validateToleration(key string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsQualifiedName(key) {
		errs = append(errs, field.Invalid(at, key, msg))
	}
	if domain, _, _ := strings.Cut(key, "/"); domain == "node-role.kubernetes.io" {
		errs = append(errs, field.Invalid(at, key, "is a taint of the platform's own nodes; give the tenant's nodes another one"))
	}
	return errs
}

// hostAnnotations are how names of annotations end that take hosts.
var hostAnnotations = []string{"server-alias", "server-alias-regex", "hostname"}

// validateIngressAnnotation refuses what no tenant must have: a snippet makes a controller that all tenants share do whatever it says.
func validateIngressAnnotation(key string, at *field.Path) field.ErrorList {
	lower := strings.ToLower(key) // the case of their keys does not matter to Kubernetes
	var errs field.ErrorList
	for _, msg := range validation.IsQualifiedName(lower) {
		errs = append(errs, field.Invalid(at, key, msg))
	}
	switch {
	case len(errs) > 0:
	case !strings.Contains(key, "/"):
		errs = append(errs, field.Invalid(at, key, "must have a domain, such as nginx.ingress.kubernetes.io/rewrite-target"))
	case strings.Contains(lower, "snippet"):
		errs = append(errs, field.Invalid(at, key, "snippets do whatever they say to a controller that all tenants share (CVE-2021-25742); name single annotations"))
	case slices.ContainsFunc(hostAnnotations, func(end string) bool { return strings.HasSuffix(lower, end) }):
		errs = append(errs, field.Invalid(at, key, "takes hosts, which are for domains alone to allow; leave it out"))
	}
	return errs
}

// anyRegistry is every image.
const anyRegistry = "*"

var registryFormat = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*(:[0-9]{1,5})?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)

// maxRegistry is how long the name of an image may be. Source: the reference grammar of the distribution project.
const maxRegistry = 255

func validateRegistries(registries []string, at *field.Path) field.ErrorList {
	return validateList(registries, at, func(registry string, at *field.Path) field.ErrorList {
		host, _, path := strings.Cut(registry, "/")
		switch {
		case registry == anyRegistry && len(registries) == 1:
		case registry == anyRegistry:
			return field.ErrorList{field.Invalid(at, registry, "is every image already; it stands alone")}
		case len(registry) > maxRegistry:
			return field.ErrorList{field.TooLong(at, "", maxRegistry)}
		case !registryFormat.MatchString(registry):
			return field.ErrorList{field.Invalid(at, registry, "must be a registry and perhaps a path, in lower case and without scheme, tag and digest, such as registry.example.com/acme")}
		case host == "localhost" || strings.ContainsAny(host, ".:"): // as container runtimes tell registries from paths
		case path:
			return field.ErrorList{field.Invalid(at, registry, "must begin with a registry: images of "+host+" on Docker Hub are docker.io/"+host)}
		default:
			return field.ErrorList{field.Invalid(at, registry, "must begin with a registry: the official images of Docker Hub are docker.io/library")}
		}
		return nil
	})
}

// allowances are what the tenant may do beyond the guardrails, as the topology receives them. What its quota grants, it may also use.
func (s TenantScore) allowances(p topology.Platform) topology.Allowances {
	config, network, storage, quota := s.TenantConfig, s.NetworkIsolation, s.StorageAccess, s.ResourceQuotas
	var classes []string
	for _, class := range storage.Classes {
		classes = append(classes, class.Name)
	}
	priorities := slices.Clone(config.PriorityClasses)
	if p.DefaultPriorityClass != "" { // pods that name none get it, and are then looked at
		priorities = append(priorities, p.DefaultPriorityClass)
	}
	tolerations := slices.Clone(config.Tolerations)
	for name, q := range quota.Extended {
		if q.Sign() > 0 && strings.Contains(name, "/") { // by convention, nodes are tainted with the name of what they have
			tolerations = append(tolerations, name)
		}
	}
	var services []topology.ServiceType
	for kind, count := range map[topology.ServiceType]*int64{topology.NodePort: quota.Objects.NodePorts, topology.LoadBalancer: quota.Objects.LoadBalancers} {
		if count != nil && *count > 0 {
			services = append(services, kind)
		}
	}
	return topology.Allowances{
		Domains: sorted(network.Domains), IngressAnnotations: sorted(network.IngressAnnotations), ServiceTypes: sorted(services),
		ExternalNames: sorted(network.ExternalNames), StorageClasses: sorted(classes), InlineDrivers: sorted(storage.InlineDrivers),
		ImageRegistries: sorted(config.ImageRegistries), PriorityClasses: sorted(priorities), RuntimeClasses: sorted(config.RuntimeClasses),
		Tolerations: sorted(tolerations), DefaultToken: config.DefaultToken,
	}
}

// sorted is the list in order, each value once, and nil if there is none.
func sorted[S ~string](list []S) []S {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
