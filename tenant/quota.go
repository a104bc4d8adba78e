package tenant

import "k8s.io/apimachinery/pkg/api/resource"

// ResourceQuotaConfig bounds what the tenant may use: in total, and by each pod and container. An
// unset amount is a small starter amount, never unlimited; an amount set to zero is zero.
//
// Amounts are quantities of Kubernetes: CPU in cores ("500m" is half a core), memory and storage in
// bytes ("2Gi").
//
// Source: the multi-tenancy ADR, "Tenant Isolation Strategy"; see docs/sources.md.
type ResourceQuotaConfig struct {
	// Requests bounds the sum of the requests of all containers. Unset: cpu 1, memory 2Gi,
	// ephemeralStorage 5Gi.
	Requests ComputeResources `json:"requests,omitzero"`

	// Limits bounds the sum of the limits of all containers. Unset: cpu 2, memory 4Gi,
	// ephemeralStorage 10Gi, or Requests where they are more.
	Limits ComputeResources `json:"limits,omitzero"`

	// Storage bounds the sum of all volumes of all classes. Unset: the sum of the capacities in
	// StorageAccessConfig.Classes, which is zero without classes.
	Storage *resource.Quantity `json:"storage,omitempty"`

	// Extended bounds countable resources, for example "nvidia.com/gpu" or "hugepages-2Mi".
	// Resources that it does not name are capped at zero: the well-known ones
	// ([WellKnownExtendedResources]) and all that nodes of the topology have. Unset: none.
	Extended map[string]resource.Quantity `json:"extended,omitempty"`

	// Objects bounds the number of objects of each kind. Where the guardrail "services" is
	// installed, it allows Services of type NodePort or LoadBalancer only if their count is more
	// than zero: see package guardrails.
	Objects ObjectCounts `json:"objects,omitzero"`

	// Container bounds each container, and holds the defaults of a container that sets nothing.
	//
	// Unset: request cpu 100m, memory 128Mi, ephemeralStorage 100Mi; limit cpu 500m, memory 512Mi,
	// ephemeralStorage 1Gi; each moved between Min and Max if it is outside. Min is cpu 1m, memory
	// 1Mi, ephemeralStorage 1Mi, or Max if that is less. Min is never zero, because a limit of zero
	// is no limit to Kubernetes and the quota does not count it.
	//
	// A container that requests more than the default limit and sets no limit is refused.
	Container ContainerBounds `json:"container,omitzero"`

	// Pod bounds the sum over the containers of each pod. Unset: no bound but the totals.
	Pod Bounds `json:"pod,omitzero"`
}

// ComputeResources is an amount of each resource that containers use. Nil is unset; zero is zero.
type ComputeResources struct {
	// cores, in steps of 1m
	CPU              *resource.Quantity `json:"cpu,omitempty"`
	Memory           *resource.Quantity `json:"memory,omitempty"`           // bytes
	EphemeralStorage *resource.Quantity `json:"ephemeralStorage,omitempty"` // bytes
}

// Bounds is the least and the most of each resource that one pod or container may have. Unset: no
// bound.
type Bounds struct {
	Min ComputeResources `json:"min,omitzero"` // the least
	Max ComputeResources `json:"max,omitzero"` // the most, not less than Min
}

// ContainerBounds bounds each container, and holds the defaults of a container that sets nothing.
// For unset values see ResourceQuotaConfig.Container.
type ContainerBounds struct {
	// DefaultRequest is the request of a container that sets none.
	DefaultRequest ComputeResources `json:"defaultRequest,omitzero"`

	// DefaultLimit is the limit of a container that sets none.
	DefaultLimit ComputeResources `json:"defaultLimit,omitzero"`

	// Min is the least that a container may request. Zero is refused.
	Min ComputeResources `json:"min,omitzero"`

	// Max is the most that the limit of a container may be. Zero is refused. Unset: no bound but
	// the totals.
	Max ComputeResources `json:"max,omitzero"`
}

// ObjectCounts bounds the number of objects of each kind. Each field is a count; its comment has
// the meaning of nil. Zero is zero.
type ObjectCounts struct {
	// Pods counts pods that have not finished. Nil: 20.
	Pods *int64 `json:"pods,omitempty"`

	// AllPods counts all pods, including finished ones. Nil: five times Pods.
	AllPods *int64 `json:"allPods,omitempty"`

	Services      *int64 `json:"services,omitempty"`      // nil: 10
	LoadBalancers *int64 `json:"loadBalancers,omitempty"` // nil: 0

	// NodePorts counts ports on nodes. A load balancer takes one for each of its ports, unless its
	// allocateLoadBalancerNodePorts is false. Nil: 0.
	NodePorts *int64 `json:"nodePorts,omitempty"`

	// PersistentVolumeClaims counts claims of all classes. Nil: 5, or 0 without storage classes.
	PersistentVolumeClaims *int64 `json:"persistentVolumeClaims,omitempty"`

	Secrets                *int64 `json:"secrets,omitempty"`                // nil: 20
	ConfigMaps             *int64 `json:"configMaps,omitempty"`             // nil: 20
	ServiceAccounts        *int64 `json:"serviceAccounts,omitempty"`        // nil: 10
	ReplicationControllers *int64 `json:"replicationControllers,omitempty"` // nil: 0
	Deployments            *int64 `json:"deployments,omitempty"`            // nil: 10

	// ReplicaSets includes the old ones that each deployment keeps. Nil: 100.
	ReplicaSets *int64 `json:"replicaSets,omitempty"`

	StatefulSets *int64 `json:"statefulSets,omitempty"` // nil: 5
	DaemonSets   *int64 `json:"daemonSets,omitempty"`   // nil: 0

	// ControllerRevisions includes the old ones that each stateful set keeps. Nil: 60.
	ControllerRevisions *int64 `json:"controllerRevisions,omitempty"`

	Jobs                     *int64 `json:"jobs,omitempty"`                     // nil: 20
	CronJobs                 *int64 `json:"cronJobs,omitempty"`                 // nil: 5
	HorizontalPodAutoscalers *int64 `json:"horizontalPodAutoscalers,omitempty"` // nil: 10
	PodDisruptionBudgets     *int64 `json:"podDisruptionBudgets,omitempty"`     // nil: 10
	Ingresses                *int64 `json:"ingresses,omitempty"`                // nil: 5
	Leases                   *int64 `json:"leases,omitempty"`                   // nil: 20

	// ResourceClaims counts claims of dynamically allocated devices. Nil: 0.
	ResourceClaims *int64 `json:"resourceClaims,omitempty"`
}

// WellKnownExtendedResources returns the extended resources that are capped at zero unless
// ResourceQuotaConfig.Extended names them, even before the first node has them. Sorted.
func WellKnownExtendedResources() []string {
	return []string{
		"amd.com/gpu", "aws.amazon.com/neuron", "google.com/tpu", "gpu.intel.com/i915", "gpu.intel.com/xe",
		"habana.ai/gaudi", "hugepages-1Gi", "hugepages-2Mi", "nvidia.com/gpu",
	}
}
