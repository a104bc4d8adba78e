package guardrail

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
)

func externalIPs(w write) string {
	for _, ip := range w.object.Spec.ExternalIPs {
		if w.created() || !slices.Contains(w.old.Spec.ExternalIPs, ip) {
			return "external IPs can take over addresses of others (CVE-2020-8554): remove spec.externalIPs; " +
				"use an Ingress, or a LoadBalancer if the tenant may have one"
		}
	}
	return ""
}

// serviceType returns the type of a Service, with its default.
func (o object) serviceType() string { return cmp.Or(o.Spec.Type, "ClusterIP") }

// keepsType reports whether the Service has had its type before.
func (w write) keepsType() bool { return !w.created() && w.old.serviceType() == w.object.serviceType() }

func serviceType(w write) string {
	kind := w.object.serviceType()
	needsPermission := kind != "ClusterIP" && kind != "ExternalName"
	if !needsPermission || w.keepsType() || slices.Contains(w.Allowed.ServiceTypes, topology.ServiceType(kind)) {
		return ""
	}
	count := "loadBalancers"
	if kind == string(topology.NodePort) {
		count = "nodePorts"
	}
	return "the tenant may have no Service of type " + kind + ": use ClusterIP, " +
		"or ask for resourceQuotas.objects." + count + " in its TenantScore"
}

func externalName(w write) string {
	name := strings.TrimSuffix(w.object.Spec.ExternalName, ".")
	isKept := w.keepsType() && w.old.Spec.ExternalName == w.object.Spec.ExternalName
	if w.object.serviceType() != "ExternalName" || isKept || within(w.Allowed.ExternalNames, name) {
		return ""
	}
	return "the external name " + name + " is not allowed: " +
		"ask for its domain in networkIsolation.externalNames of the TenantScore"
}

// within reports whether a host is one of the domains or below one. A wildcard counts as the hosts
// that it stands for.
func within(domains []string, host string) bool {
	return slices.ContainsFunc(domains, func(d string) bool {
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

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

// same reports whether two values are equal without their empty fields, which an API server adds
// and removes by itself.
func same(a, b any) bool { return reflect.DeepEqual(withoutEmpty(a), withoutEmpty(b)) }

// withoutEmpty returns a copy of a JSON value without empty texts and objects.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		filled := map[string]any{}
		for key, value := range v {
			if nested, ok := value.(map[string]any); value != "" && (!ok || len(nested) > 0) {
				filled[key] = withoutEmpty(value)
			}
		}
		return filled
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = withoutEmpty(v[i])
		}
		return items
	default:
		return v
	}
}

// sameKey reports whether two maps have the same value for a key, or both none.
func sameKey(a, b map[string]string, key string) bool {
	one, inOne := a[key]
	other, inOther := b[key]
	return inOne == inOther && one == other
}

func defaultBackend(w write) string {
	backend := w.object.Spec.DefaultBackend
	if w.Resource != "ingresses" || backend == nil || !w.created() && same(w.old.Spec.DefaultBackend, backend) {
		return ""
	}
	return "a default backend receives the requests for every host without a rule: " +
		"remove spec.defaultBackend and give each rule a host"
}

const askForDomain = "ask for the domain in networkIsolation.domains of its TenantScore"

// newHosts returns the hosts of an Ingress or route, if the write changes them. "" is every host.
func (w write) newHosts() []string {
	switch {
	case w.Resource == "ingresses" && (w.created() || !same(w.old.Spec.Rules, w.object.Spec.Rules)):
		var all []string
		for _, rule := range w.object.Spec.Rules {
			fields, _ := rule.(map[string]any)
			host, _ := fields["host"].(string)
			all = append(all, host)
		}
		return all
	case strings.HasSuffix(w.Resource, "routes") &&
		(w.created() || !slices.Equal(w.old.Spec.Hostnames, w.object.Spec.Hostnames)):
		if len(w.object.Spec.Hostnames) == 0 {
			return []string{""}
		}
		return w.object.Spec.Hostnames
	default:
		return nil
	}
}

func hosts(w write) string {
	for _, host := range w.newHosts() {
		switch {
		case within(w.Allowed.Domains, host):
		case host == "":
			return "without a host it receives the requests for every host: " + askForDomain
		default:
			return "the host " + host + " is not within a domain of the tenant: " + askForDomain
		}
	}
	return ""
}

func tlsHosts(w write) string {
	if w.Resource != "ingresses" || !w.created() && reflect.DeepEqual(w.old.Spec.TLS, w.object.Spec.TLS) {
		return ""
	}
	for _, tls := range w.object.Spec.TLS {
		isForeign := func(host string) bool { return !within(w.Allowed.Domains, host) }
		if len(tls.Hosts) == 0 || slices.ContainsFunc(tls.Hosts, isForeign) {
			return "every entry of spec.tls needs hosts within the tenant's domains: " + askForDomain
		}
	}
	return ""
}

// newAnnotations returns the keys of the annotations that the write adds or changes, sorted.
func (w write) newAnnotations() []string {
	var keys []string
	for key, value := range w.object.Metadata.Annotations {
		if w.created() || w.old.Metadata.Annotations[key] != value {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys) // the first one is in the message, which must not change from run to run
	return keys
}

// Patterns of the keys of annotations, and of the characters that a path must not have.
var (
	controllerAnnotation = regexp.MustCompile(`^([^/]*\.)?(nginx\.org|nginx\.com|haproxy\.org|haproxy\.com|` +
		`konghq\.com|projectcontour\.io|getambassador\.io|traefik\.io)/`)
	harmlessAnnotation = regexp.MustCompile(`^((kubectl|app)\.kubernetes\.io|` +
		`([^/]*\.)?(helm\.sh|argoproj\.io|toolkit\.fluxcd\.io|cert-manager\.io)|` +
		`external-dns\.alpha\.kubernetes\.io)/`)
	sansAnnotation = regexp.MustCompile(`^cert-manager\.io/(ip|uri|email)-sans$`)
	dnsAnnotation  = regexp.MustCompile(`^(([^/]*\.)?external-dns[^/]*/.*hostname|` +
		`cert-manager\.io/(common-name|alt-names))$`)
	badPath = regexp.MustCompile("[\\s\"'`{};#]")
)

// configures reports whether an annotation may configure a controller that tenants share. For
// Ingresses and routes that is each one that is not known to be harmless, for Services those of
// ingress controllers.
func (w write) configures(key string) bool {
	if key == "kubernetes.io/ingress.class" {
		return false
	}
	byName := strings.Contains(key, "ingress") &&
		!strings.HasPrefix(key, "external-dns.") && !strings.HasPrefix(key, "acme.cert-manager.io/")
	return w.Resource != "services" && strings.Contains(key, "/") && !harmlessAnnotation.MatchString(key) ||
		byName || strings.Contains(key, "snippet") || sansAnnotation.MatchString(key) || controllerAnnotation.MatchString(key)
}

func ingressAnnotations(w write) string {
	for _, key := range w.newAnnotations() {
		if w.configures(key) && !slices.Contains(w.Allowed.IngressAnnotations, key) {
			return "the annotation " + key + " may configure a controller that all tenants share: " +
				"ask for it in networkIsolation.ingressAnnotations of the TenantScore"
		}
	}
	return ""
}

func paths(w write) string {
	if w.Resource != "ingresses" || !w.created() && same(w.old.Spec.Rules, w.object.Spec.Rules) {
		return ""
	}
	for _, rule := range w.object.Spec.Rules {
		fields, _ := rule.(map[string]any)
		http, _ := fields["http"].(map[string]any)
		list, _ := http["paths"].([]any)
		for _, item := range list {
			entry, _ := item.(map[string]any)
			if path, _ := entry["path"].(string); badPath.MatchString(path) {
				return "a path has a character that ends it in the configuration of an ingress controller: " +
					"white space, quotes, braces, ; or #"
			}
		}
	}
	return ""
}

func dnsNames(w write) string {
	for _, key := range w.newAnnotations() {
		if !dnsAnnotation.MatchString(key) {
			continue
		}
		for host := range strings.SplitSeq(w.object.Metadata.Annotations[key], ",") {
			if !within(w.Allowed.Domains, strings.TrimSpace(host)) {
				return "names for ExternalDNS and cert-manager must be within the tenant's domains: " + askForDomain
			}
		}
	}
	return ""
}
