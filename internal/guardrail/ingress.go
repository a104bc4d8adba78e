package guardrail

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

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

const askForDomain = "ask for the domain in networkIsolation.domains of its TenantScore"

func defaultBackend(w write) string {
	backend := w.object.Spec.DefaultBackend
	if w.Resource != "ingresses" || backend == nil || !w.created() && same(w.old.Spec.DefaultBackend, backend) {
		return ""
	}
	return "a default backend receives the requests for every host without a rule: " +
		"remove spec.defaultBackend and give each rule a host"
}

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
