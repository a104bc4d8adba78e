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

	IngressAnnotations []string      `json:"ingressAnnotations,omitempty"` // keys of annotations for ingress controllers
	ServiceTypes       []ServiceType `json:"serviceTypes,omitempty"`
	ExternalNames      []string      `json:"externalNames,omitempty"`  // domains that ExternalName Services may lead to
	StorageClasses     []string      `json:"storageClasses,omitempty"` // which claims may name
	InlineDrivers      []string      `json:"inlineDrivers,omitempty"`  // CSI drivers of volumes without a claim

	// ImageRegistries are "registry" or "registry/path": every image there and below, and the one
	// image of that very name. "*" is every image. A name without a registry means "docker.io", and
	// one without a path "docker.io/library".
	ImageRegistries []string `json:"imageRegistries,omitempty"`

	PriorityClasses []string `json:"priorityClasses,omitempty"`
	RuntimeClasses  []string `json:"runtimeClasses,omitempty"`
	Tolerations     []string `json:"tolerations,omitempty"`  // keys of taints
	DefaultToken    bool     `json:"defaultToken,omitempty"` // pods may get the token of the service account "default"
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
	NodePort     ServiceType = "NodePort"
	LoadBalancer ServiceType = "LoadBalancer"
)
