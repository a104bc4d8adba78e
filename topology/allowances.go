package topology

import "slices"

// Allowances is what a tenant may do beyond the guardrails. The zero value allows nothing. It has
// no effect where no guardrail is installed. Lists are sorted and without duplicates, and no value
// contains a comma.
type Allowances struct {
	// Domains are the hosts that the tenant serves: "acme.example.com" is that host and every host
	// below it. The domains of two tenants never overlap. At most 63 characters each, of at least
	// two labels.
	Domains []string `json:"domains,omitempty"`

	// IngressAnnotations are the keys of annotations that Ingresses and Gateway API routes may have
	// beyond the harmless ones.
	IngressAnnotations []string `json:"ingressAnnotations,omitempty"`

	// ServiceTypes are the types that Services may have beyond ClusterIP.
	ServiceTypes []ServiceType `json:"serviceTypes,omitempty"`

	// ExternalNames are the domains that ExternalName Services may lead to, such as "example.org",
	// which includes every host below it.
	ExternalNames []string `json:"externalNames,omitempty"`

	// StorageClasses are the names of the storage classes that claims may use.
	StorageClasses []string `json:"storageClasses,omitempty"`

	// InlineDrivers are the CSI drivers that pods may use for volumes without a claim.
	InlineDrivers []string `json:"inlineDrivers,omitempty"`

	// ImageRegistries are "registry" or "registry/path": every image there and below, and the one
	// image of that very name. "*" is every image. A name without a registry means "docker.io", and
	// one without a path "docker.io/library".
	ImageRegistries []string `json:"imageRegistries,omitempty"`

	PriorityClasses []string `json:"priorityClasses,omitempty"` // names that pods may have
	RuntimeClasses  []string `json:"runtimeClasses,omitempty"`  // names that pods may have
	Tolerations     []string `json:"tolerations,omitempty"`     // keys of taints that pods may tolerate

	// DefaultToken allows pods that get the token of the service account "default".
	DefaultToken bool `json:"defaultToken,omitempty"`
}

// Clone returns a copy that shares nothing with a.
func (a Allowances) Clone() Allowances {
	a.Domains, a.IngressAnnotations = slices.Clone(a.Domains), slices.Clone(a.IngressAnnotations)
	a.ServiceTypes, a.ExternalNames = slices.Clone(a.ServiceTypes), slices.Clone(a.ExternalNames)
	a.StorageClasses, a.InlineDrivers = slices.Clone(a.StorageClasses), slices.Clone(a.InlineDrivers)
	a.ImageRegistries, a.PriorityClasses = slices.Clone(a.ImageRegistries), slices.Clone(a.PriorityClasses)
	a.RuntimeClasses, a.Tolerations = slices.Clone(a.RuntimeClasses), slices.Clone(a.Tolerations)
	return a
}

// ServiceType is a type of Service that can be reached from outside.
type ServiceType string

// The types of Services that have to be allowed. ExternalName has a list of its own.
const (
	NodePort     ServiceType = "NodePort"     // a port of every node
	LoadBalancer ServiceType = "LoadBalancer" // an address of its own
)
