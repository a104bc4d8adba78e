package tenant

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/topology"
)

// TenantConfig is who the tenant is and what its boundary is like.
type TenantConfig struct {
	// Name is the tenant's name and its namespace's: a DNS-1123 label, at most 63 characters. Names that platforms use for
	// themselves (default, kube-*, openshift*, ...) are refused.
	Name string `json:"name"`

	DisplayName string `json:"displayName,omitempty"` // for people; one line, at most 253 characters

	// Labels and Annotations are put on the namespace. Prefixes that mean something to the infrastructure are refused.
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`

	// PodSecurity is the level of the Pod Security Standards that every pod must keep. Unset: restricted. "baseline" admits volumes that
	// pods name themselves, such as NFS and iSCSI, which the node mounts past StorageAccess and NetworkIsolation, unless the guardrail
	// "volumes" is installed. "privileged" switches the checks off, and with them every other fence, since such a pod owns its node.
	PodSecurity topology.PodSecurity `json:"podSecurity,omitempty"`

	// ImageRegistries are where images may come from: a registry and perhaps a path, such as "registry.example.com/acme" or
	// "docker.io/library", is every image below it. "*" alone is every image. Unset: no image at all, so no pod runs. It has an effect only
	// where the guardrail "images" is installed: see [GuardrailsScore].
	ImageRegistries []string `json:"imageRegistries,omitempty"`

	// PriorityClasses are the names of priority classes that pods may have, besides the topology's default one, as it is when
	// the Score runs. Unset: none. The platform's own
	// (system-...) are refused. It has an effect only where the guardrail "placement" is installed: see [GuardrailsScore].
	PriorityClasses []string `json:"priorityClasses,omitempty"`

	// RuntimeClasses are the names of runtime classes that pods may have. Unset: none. Taints that such a class tolerates by itself have to be in
	// Tolerations too. It has an effect only where the guardrail "placement" is
	// installed: see [GuardrailsScore].
	RuntimeClasses []string `json:"runtimeClasses,omitempty"`

	// Tolerations are the keys of taints that pods may tolerate, such as "dedicated" or "example.com/team". Those of a node's condition
	// (node.kubernetes.io/...) are always allowed, and so are the names of the resources that ResourceQuotaConfig.Extended grants. Unset: no
	// others. Those of the platform's own nodes (node-role.kubernetes.io/...) are refused. It has an effect only where the guardrail
	// "placement" is installed: see [GuardrailsScore].
	Tolerations []string `json:"tolerations,omitempty"`

	// DefaultToken lets pods have the token of the service account "default" without asking for it. Unset: they say
	// automountServiceAccountToken: false, or use a service account of their own. It has an effect only where the guardrail "default-token"
	// is installed: see [GuardrailsScore].
	DefaultToken bool `json:"defaultToken,omitempty"`

	// Adopt takes over a namespace of this name that Polyphony did not create. Unset, such a namespace is an error.
	Adopt bool `json:"adopt,omitempty"`

	// InheritGrants lets the tenant come into being although service accounts of its name hold rights in other namespaces, which are its own from then
	// on. Unset, that is an error: they may be left from a tenant that has gone. It has no effect on a tenant that exists.
	InheritGrants bool `json:"inheritGrants,omitempty"`

	// DeletionProtection makes an OffboardScore refuse. To remove the tenant, run it once more without.
	DeletionProtection bool `json:"deletionProtection,omitempty"`
}

// Names and prefixes of namespaces that belong to a platform.
var (
	reservedNames    = []string{"default", "kube", "kubernetes", "openshift", "okd", "system", "polyphony", "polyphony-system"}
	reservedPrefixes = []string{"kube-", "openshift", "okd-"}
)

// Domains whose labels and annotations mean something to the infrastructure, their subdomains included.
var reservedDomains = []string{"kubernetes.io", "k8s.io", "openshift.io", "polyphony.dev"}

func (c TenantConfig) validate(at *field.Path) field.ErrorList {
	errs := validateNamespaceName(c.Name, at.Child("name"))
	if utf8.RuneCountInString(c.DisplayName) > 253 || strings.ContainsFunc(c.DisplayName, isControl) || strings.TrimSpace(c.DisplayName) != c.DisplayName {
		errs = append(errs, field.Invalid(at.Child("displayName"), c.DisplayName, "must be one line of at most 253 characters, without spaces around it"))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		keyAt := at.Child("labels").Key(key)
		errs = append(errs, validateKey(key, keyAt)...)
		for _, msg := range validation.IsValidLabelValue(c.Labels[key]) {
			errs = append(errs, field.Invalid(keyAt, c.Labels[key], msg))
		}
	}
	size := 0
	for _, key := range slices.Sorted(maps.Keys(c.Annotations)) {
		keyAt := at.Child("annotations").Key(key)
		errs = append(errs, validateKey(strings.ToLower(key), keyAt)...) // their case does not matter to Kubernetes
		if !utf8.ValidString(c.Annotations[key]) {
			errs = append(errs, field.Invalid(keyAt, c.Annotations[key], "must be UTF-8"))
		}
		size += len(key) + len(c.Annotations[key])
	}
	if size > maxAnnotations {
		errs = append(errs, field.TooLong(at.Child("annotations"), "", maxAnnotations))
	}
	levels := []topology.PodSecurity{"", topology.PodSecurityRestricted, topology.PodSecurityBaseline, topology.PodSecurityPrivileged}
	if !slices.Contains(levels, c.PodSecurity) {
		errs = append(errs, field.NotSupported(at.Child("podSecurity"), c.PodSecurity, levels[1:]))
	}
	errs = append(errs, validateRegistries(c.ImageRegistries, at.Child("imageRegistries"))...)
	errs = append(errs, validateList(c.PriorityClasses, at.Child("priorityClasses"), validatePriorityClass)...)
	errs = append(errs, validateList(c.RuntimeClasses, at.Child("runtimeClasses"), validateObjectName)...)
	return append(errs, validateList(c.Tolerations, at.Child("tolerations"), validateToleration)...)
}

// maxAnnotations leaves room within the 256 KiB that the API server allows for what others annotate.
const maxAnnotations = 128 << 10

// isControl tells whether r has no place in a line of text: control characters, line ends of every kind, and what is not UTF-8.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

func validateNamespaceName(name string, at *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(at, "a DNS-1123 label such as \"acme\"")}
	}
	var errs field.ErrorList
	for _, msg := range validation.IsDNS1123Label(name) {
		errs = append(errs, field.Invalid(at, name, msg))
	}
	if isReservedName(name) {
		errs = append(errs, field.Invalid(at, name, "belongs to the platform: "+strings.Join(reservedNames, ", ")+
			", and names that start with "+strings.Join(reservedPrefixes, ", ")+" are refused"))
	}
	return errs
}

func isReservedName(name string) bool {
	return slices.Contains(reservedNames, name) ||
		slices.ContainsFunc(reservedPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func validateKey(key string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsQualifiedName(key) {
		errs = append(errs, field.Invalid(at, key, msg))
	}
	domain, _, found := strings.Cut(key, "/")
	reserved := slices.ContainsFunc(reservedDomains, func(d string) bool { return domain == d || strings.HasSuffix(domain, "."+d) })
	if found && reserved && domain != "app.kubernetes.io" {
		errs = append(errs, field.Forbidden(at, "labels and annotations of "+strings.Join(reservedDomains, ", ")+
			" steer the infrastructure (app.kubernetes.io is fine)"))
	}
	return errs
}

// namespace is the boundary as the topology receives it.
func (c TenantConfig) namespace(defaultClass string) topology.Namespace {
	level := c.PodSecurity
	if level == "" {
		level = topology.PodSecurityRestricted
	}
	return topology.Namespace{
		Name: c.Name, DisplayName: c.DisplayName, Labels: c.Labels, Annotations: c.Annotations,
		PodSecurity: level, DefaultStorageClass: defaultClass, Protected: c.DeletionProtection, Adopt: c.Adopt, InheritGrants: c.InheritGrants,
	}
}
