package topology

import (
	"context"
	"net/netip"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Platforms describes what surrounds the tenants, so that rules can be made for it.
type Platforms interface {
	// Platform reads what is there. Adapters may answer from a memory that is at most a minute old.
	Platform(ctx context.Context) (Platform, error)
}

// Platform is what surrounds every tenant of a topology. What a topology does not have or does not know is empty, and a Score that needs
// it is refused by its Interpret.
type Platform struct {
	DNS                []NetworkRule  `json:"dns"`                          // egress rules that reach the name servers
	APIServer          []NetworkRule  `json:"apiServer,omitempty"`          // egress rules that reach the API server
	IngressControllers []NetworkPeer  `json:"ingressControllers,omitempty"` // who brings requests in from outside
	Monitoring         []NetworkPeer  `json:"monitoring,omitempty"`         // who scrapes metrics
	OwnRanges          []netip.Prefix `json:"ownRanges,omitempty"`          // addresses of nodes, pods and services: never "the internet"
	IPv4               bool           `json:"ipv4"`
	IPv6               bool           `json:"ipv6"`

	StorageClasses []StorageClass `json:"storageClasses,omitempty"` // sorted by name

	// DefaultPriorityClass is the priority class of pods that name none; empty: they have none.
	DefaultPriorityClass string `json:"defaultPriorityClass,omitempty"`

	// ExtendedResources are countable resources of nodes beyond CPU, memory and storage: "nvidia.com/gpu", "hugepages-2Mi". Sorted.
	ExtendedResources []string `json:"extendedResources,omitempty"`
}

// StorageClass is a kind of volume that can be asked for.
type StorageClass struct {
	Name    string `json:"name"`
	Default bool   `json:"default,omitempty"` // for claims that name none
}

// Volumes tells what data there is in a namespace.
type Volumes interface {
	// Volumes lists the persistent volume claims of a namespace by name. A namespace that does not exist has none.
	Volumes(ctx context.Context, namespace string) ([]Volume, error)
}

// Volume is a claim on persistent data.
type Volume struct {
	Name         string            `json:"name"`
	StorageClass string            `json:"storageClass,omitempty"`
	Size         resource.Quantity `json:"size"`
	BoundTo      string            `json:"boundTo,omitempty"` // the persistent volume; empty while unbound
}
