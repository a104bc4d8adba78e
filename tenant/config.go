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
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// TenantConfig holds the name of the tenant and the properties of its namespace.
type TenantConfig struct {
	// Name is the name of the tenant and of its namespace: a DNS-1123 label of at most 63
	// characters. Required. Names that platforms use for themselves (default, kube-*, openshift*,
	// ...) are refused.
	Name string `json:"name"`

	// DisplayName is a name for people: one line of at most 253 characters. Unset: none.
	DisplayName string `json:"displayName,omitempty"`

	// Labels are put on the namespace. Keys of domains that mean something to the infrastructure,
	// such as kubernetes.io, are refused. Unset: none.
	Labels map[string]string `json:"labels,omitempty"`

	// Annotations are put on the namespace, at most 128 KiB of them. The same keys are refused as
	// in Labels. Unset: none.
	Annotations map[string]string `json:"annotations,omitempty"`

	// PodSecurity is the level of the Pod Security Standards that every pod must meet. Unset:
	// restricted.
	//
	// The level "baseline" admits volumes that pods name themselves, such as NFS and iSCSI. The
	// node mounts them, past StorageAccess and NetworkIsolation, unless the guardrail "volumes" is
	// installed. The level "privileged" switches the checks off. All isolation is lost with it,
	// because a privileged pod controls its node.
	PodSecurity topology.PodSecurity `json:"podSecurity,omitempty"`

	// ImageRegistries lists where images may come from. An entry is a registry, with or without a
	// path, and allows every image below it: "registry.example.com/acme" or "docker.io/library". A
	// single "*" allows every image. Unset: no image, so no pod runs.
	//
	// It has an effect only where the guardrail "images" is installed: see package guardrails.
	ImageRegistries []string `json:"imageRegistries,omitempty"`

	// PriorityClasses lists the priority classes that pods may have, in addition to the default
	// class that the topology has when the Score runs. Unset: none. The platform's own (system-...)
	// are refused.
	//
	// It has an effect only where the guardrail "placement" is installed: see package guardrails.
	PriorityClasses []string `json:"priorityClasses,omitempty"`

	// RuntimeClasses lists the runtime classes that pods may have. Unset: none. If such a class
	// tolerates taints by itself, list them in Tolerations too.
	//
	// It has an effect only where the guardrail "placement" is installed: see package guardrails.
	RuntimeClasses []string `json:"runtimeClasses,omitempty"`

	// Tolerations lists the keys of taints that pods may tolerate, for example "dedicated" or
	// "example.com/team". Taints for the condition of a node (node.kubernetes.io/...) are always
	// allowed, and so are the names of resources that ResourceQuotaConfig.Extended grants. Unset:
	// no others. Taints of the platform's own nodes (node-role.kubernetes.io/...) are refused.
	//
	// It has an effect only where the guardrail "placement" is installed: see package guardrails.
	Tolerations []string `json:"tolerations,omitempty"`

	// DefaultToken lets pods use the token of the service account "default" without asking for it.
	// Unset: they set automountServiceAccountToken to false, or use another service account.
	//
	// It has an effect only where the guardrail "default-token" is installed: see package
	// guardrails.
	DefaultToken bool `json:"defaultToken,omitempty"`

	// Adopt takes over a namespace of this name that Polyphony did not create. Unset: such a
	// namespace is a conflict.
	Adopt bool `json:"adopt,omitempty"`

	// InheritGrants creates the tenant although service accounts of its name hold rights in other
	// namespaces. The tenant then has these rights. Unset: that is a conflict, because the rights
	// may be left over from a deleted tenant. It has no effect on a tenant that exists.
	InheritGrants bool `json:"inheritGrants,omitempty"`

	// DeletionProtection makes an [OffboardScore] refuse to remove the tenant. To remove the
	// tenant, run its TenantScore without it first.
	DeletionProtection bool `json:"deletionProtection,omitempty"`
}

// The names and prefixes of namespaces that belong to a platform.
var (
	reservedNames = []string{"default", "kube", "kubernetes", "openshift", "okd", "system", "polyphony",
		"polyphony-system"}
	reservedPrefixes = []string{"kube-", "openshift", "okd-"}
)

// reservedDomains are domains whose labels and annotations, including those of subdomains, mean
// something to the infrastructure.
var reservedDomains = []string{"kubernetes.io", "k8s.io", "openshift.io", "polyphony.dev"}

func (c TenantConfig) validate(at *field.Path) field.ErrorList {
	errs := validateNamespaceName(c.Name, at.Child("name"))
	if !isLine(c.DisplayName) || utf8.RuneCountInString(c.DisplayName) > 253 {
		errs = append(errs, field.Invalid(at.Child("displayName"), c.DisplayName,
			"must be one line of at most 253 characters, without spaces around it"))
	}
	errs = append(errs, validateLabels(c.Labels, at.Child("labels"))...)
	errs = append(errs, validateAnnotations(c.Annotations, at.Child("annotations"))...)
	levels := []topology.PodSecurity{
		"", topology.PodSecurityRestricted, topology.PodSecurityBaseline, topology.PodSecurityPrivileged,
	}
	if !slices.Contains(levels, c.PodSecurity) {
		errs = append(errs, field.NotSupported(at.Child("podSecurity"), c.PodSecurity, levels[1:]))
	}
	errs = append(errs, validateRegistries(c.ImageRegistries, at.Child("imageRegistries"))...)
	errs = append(errs, validateList(c.PriorityClasses, at.Child("priorityClasses"), validatePriorityClass)...)
	errs = append(errs, validateList(c.RuntimeClasses, at.Child("runtimeClasses"), validateObjectName)...)
	return append(errs, validateList(c.Tolerations, at.Child("tolerations"), validateToleration)...)
}

func validateLabels(labels map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		errs = append(errs, validateKey(key, at.Key(key))...)
		for _, msg := range validation.IsValidLabelValue(labels[key]) {
			errs = append(errs, field.Invalid(at.Key(key), labels[key], msg))
		}
	}
	return errs
}

// maxAnnotations is the size of all annotations, in bytes. The API server allows 256 KiB; the rest
// is for annotations of others.
const maxAnnotations = 128 << 10

func validateAnnotations(annotations map[string]string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	size := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		value := annotations[key]
		// Kubernetes ignores their case
		errs = append(errs, validateKey(strings.ToLower(key), at.Key(key))...)
		if !utf8.ValidString(value) {
			errs = append(errs, field.Invalid(at.Key(key), value, "must be UTF-8"))
		}
		size += len(key) + len(value)
	}
	if size > maxAnnotations {
		errs = append(errs, field.TooLong(at, "", maxAnnotations))
	}
	return errs
}

// isLine reports whether text is one line without spaces around it.
func isLine(text string) bool {
	return strings.TrimSpace(text) == text && !strings.ContainsFunc(text, isControl)
}

// isControl reports whether r has no place in a line of text: a control character, an end of a line
// or paragraph, or a byte that is not UTF-8.
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
	reserved := slices.ContainsFunc(reservedDomains, func(d string) bool {
		return adapter.DomainContains(d, domain)
	})
	if found && reserved && domain != "app.kubernetes.io" {
		errs = append(errs, field.Forbidden(at, "labels and annotations of "+strings.Join(reservedDomains, ", ")+
			" control the infrastructure (app.kubernetes.io is allowed)"))
	}
	return errs
}

// namespace returns the boundary, with its defaults.
func (c TenantConfig) namespace(defaultClass string) topology.Namespace {
	level := c.PodSecurity
	if level == "" {
		level = topology.PodSecurityRestricted
	}
	return topology.Namespace{
		Name: c.Name, DisplayName: c.DisplayName, Labels: c.Labels, Annotations: c.Annotations,
		PodSecurity: level, DefaultStorageClass: defaultClass,
		Protected: c.DeletionProtection, Adopt: c.Adopt, InheritGrants: c.InheritGrants,
	}
}
