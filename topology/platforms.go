package topology

import (
	"context"
	"net/netip"
	"slices"

	"github.com/polyphony-go/polyphony/internal/clone"
)

// Platforms describes what surrounds the tenants. Rules that refer to it are made from this.
type Platforms interface {
	// Platform reads what surrounds the tenants. Adapters may answer from a cache that is at most a
	// minute old.
	Platform(ctx context.Context) (Platform, error)
}

// Platform describes what surrounds every tenant of a topology. A field is empty if the topology
// lacks the component or does not know it. The Interpret of a Score that needs the component then
// refuses the Score.
type Platform struct {
	DNS                []NetworkRule  `json:"dns"`                          // egress rules that reach the name servers
	APIServer          []NetworkRule  `json:"apiServer,omitempty"`          // egress rules that reach the API server
	IngressControllers []NetworkPeer  `json:"ingressControllers,omitempty"` // forward requests from outside
	Monitoring         []NetworkPeer  `json:"monitoring,omitempty"`         // scrape metrics
	OwnRanges          []netip.Prefix `json:"ownRanges,omitempty"`          // addresses of nodes, pods and services
	IPv4               bool           `json:"ipv4"`                         // pods have IPv4 addresses
	IPv6               bool           `json:"ipv6"`                         // pods have IPv6 addresses

	// StorageClasses are the storage classes of the topology, sorted by name.
	StorageClasses []StorageClass `json:"storageClasses,omitempty"`

	// DefaultPriorityClass is the priority class of pods that name none. Empty: they have none.
	DefaultPriorityClass string `json:"defaultPriorityClass,omitempty"`

	// ExtendedResources are countable resources of nodes beyond CPU, memory and storage, such as
	// "nvidia.com/gpu" or "hugepages-2Mi". Sorted.
	ExtendedResources []string `json:"extendedResources,omitempty"`
}

// Clone returns a copy that shares nothing with p.
func (p Platform) Clone() Platform {
	p.DNS, p.APIServer = clone.Each(p.DNS, NetworkRule.Clone), clone.Each(p.APIServer, NetworkRule.Clone)
	p.IngressControllers = clone.Each(p.IngressControllers, NetworkPeer.Clone)
	p.Monitoring = clone.Each(p.Monitoring, NetworkPeer.Clone)
	p.OwnRanges, p.StorageClasses = slices.Clone(p.OwnRanges), slices.Clone(p.StorageClasses)
	p.ExtendedResources = slices.Clone(p.ExtendedResources)
	return p
}

// StorageClass is a kind of volume that claims can name.
type StorageClass struct {
	Name    string `json:"name"`              // as claims name it
	Default bool   `json:"default,omitempty"` // it is the class of claims that name none
}
