package tenant

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// ResourceQuotaConfig is how much the tenant may use: in total, and by each of its pods and containers. Unset is a small starter
// amount, never unlimited; set to zero is zero. The amounts are those of Kubernetes: CPU in cores ("500m" is half of one), memory and
// storage in bytes ("2Gi").
type ResourceQuotaConfig struct {
	// Requests is the sum of what all containers reserve. Unset: cpu 1, memory 2Gi, ephemeralStorage 5Gi.
	Requests ComputeResources `json:"requests,omitzero"`

	// Limits is the sum of what all containers may grow to. Unset: cpu 2, memory 4Gi, ephemeralStorage 10Gi, or Requests if those are
	// set to more.
	Limits ComputeResources `json:"limits,omitzero"`

	// Storage is the sum of all volumes over all classes. Unset: the sum of the capacities in StorageAccessConfig.Classes, so without
	// classes it is zero.
	Storage *resource.Quantity `json:"storage,omitempty"`

	// Extended is the sum of countable resources, such as "nvidia.com/gpu" or "hugepages-2Mi". Those not named are capped at zero: the
	// well-known ones (see [WellKnownExtendedResources]) and all that nodes of the topology have.
	Extended map[string]resource.Quantity `json:"extended,omitempty"`

	// Objects is how many objects of each kind there may be. More than zero NodePorts or LoadBalancers is also what allows Services of that type
	// where the guardrail "services" is installed: see [GuardrailsScore].
	Objects ObjectCounts `json:"objects,omitzero"`

	// Container bounds each container. A container that states nothing gets the defaults. Unset: request cpu 100m, memory 128Mi,
	// ephemeralStorage 100Mi; limit cpu 500m, memory 512Mi, ephemeralStorage 1Gi, each moved into Min and Max if it is outside. Min is cpu
	// 1m, memory 1Mi, ephemeralStorage 1Mi, or Max if that is less, and never zero: to Kubernetes a container's limit of zero is no limit,
	// and counts as nothing. A container that requests more than the default limit and states no limit of its own is refused.
	Container ContainerBounds `json:"container,omitzero"`

	// Pod bounds the sum over the containers of each pod. Unset: not bounded beyond the totals.
	Pod Bounds `json:"pod,omitzero"`
}

// ComputeResources is an amount of each resource that containers use. Nil is unset, which is not zero.
type ComputeResources struct {
	CPU              *resource.Quantity `json:"cpu,omitempty"`
	Memory           *resource.Quantity `json:"memory,omitempty"`
	EphemeralStorage *resource.Quantity `json:"ephemeralStorage,omitempty"`
}

// Bounds is the least and the most that one thing may have.
type Bounds struct {
	Min ComputeResources `json:"min,omitzero"`
	Max ComputeResources `json:"max,omitzero"`
}

// ContainerBounds is what a container may have, and gets if it states nothing.
type ContainerBounds struct {
	DefaultRequest ComputeResources `json:"defaultRequest,omitzero"`
	DefaultLimit   ComputeResources `json:"defaultLimit,omitzero"`
	Min            ComputeResources `json:"min,omitzero"`
	Max            ComputeResources `json:"max,omitzero"`
}

// ObjectCounts is how many objects of each kind there may be. Nil is unset; the comment says what that means.
type ObjectCounts struct {
	Pods                     *int64 `json:"pods,omitempty"`                     // 20, not counting finished ones
	AllPods                  *int64 `json:"allPods,omitempty"`                  // five times Pods, finished ones included
	Services                 *int64 `json:"services,omitempty"`                 // 10
	LoadBalancers            *int64 `json:"loadBalancers,omitempty"`            // 0
	NodePorts                *int64 `json:"nodePorts,omitempty"`                // 0; a load balancer takes one a port unless allocateLoadBalancerNodePorts is false
	PersistentVolumeClaims   *int64 `json:"persistentVolumeClaims,omitempty"`   // 5, or 0 without storage classes
	Secrets                  *int64 `json:"secrets,omitempty"`                  // 20
	ConfigMaps               *int64 `json:"configMaps,omitempty"`               // 20
	ServiceAccounts          *int64 `json:"serviceAccounts,omitempty"`          // 10
	ReplicationControllers   *int64 `json:"replicationControllers,omitempty"`   // 0
	Deployments              *int64 `json:"deployments,omitempty"`              // 10
	ReplicaSets              *int64 `json:"replicaSets,omitempty"`              // 100, since each deployment keeps its old ones
	StatefulSets             *int64 `json:"statefulSets,omitempty"`             // 5
	DaemonSets               *int64 `json:"daemonSets,omitempty"`               // 0
	ControllerRevisions      *int64 `json:"controllerRevisions,omitempty"`      // 60, since each stateful set keeps its old ones
	Jobs                     *int64 `json:"jobs,omitempty"`                     // 20
	CronJobs                 *int64 `json:"cronJobs,omitempty"`                 // 5
	HorizontalPodAutoscalers *int64 `json:"horizontalPodAutoscalers,omitempty"` // 10
	PodDisruptionBudgets     *int64 `json:"podDisruptionBudgets,omitempty"`     // 10
	Ingresses                *int64 `json:"ingresses,omitempty"`                // 5
	Leases                   *int64 `json:"leases,omitempty"`                   // 20
	ResourceClaims           *int64 `json:"resourceClaims,omitempty"`           // 0; of dynamically allocated devices
}

// WellKnownExtendedResources are capped at zero unless ResourceQuotaConfig.Extended says otherwise, even before the first node has them.
func WellKnownExtendedResources() []string {
	return []string{
		"amd.com/gpu", "aws.amazon.com/neuron", "google.com/tpu", "gpu.intel.com/i915", "gpu.intel.com/xe", "habana.ai/gaudi",
		"hugepages-1Gi", "hugepages-2Mi", "nvidia.com/gpu",
	}
}

// objectCount is one field of ObjectCounts: its JSON name, its key in a quota, its value and what unset means.
type objectCount struct {
	name, key string
	value     *int64
	starter   int64
}

// amount is what the field comes to.
func (o objectCount) amount() int64 {
	if o.value != nil {
		return *o.value
	}
	return o.starter
}

func (c ObjectCounts) all() []objectCount {
	pods := objectCount{"pods", "pods", c.Pods, 20}
	return []objectCount{
		pods,
		{"allPods", "count/pods", c.AllPods, 5 * pods.amount()},
		{"services", "services", c.Services, 10},
		{"loadBalancers", "services.loadbalancers", c.LoadBalancers, 0},
		{"nodePorts", "services.nodeports", c.NodePorts, 0},
		{"persistentVolumeClaims", "persistentvolumeclaims", c.PersistentVolumeClaims, 5},
		{"secrets", "secrets", c.Secrets, 20},
		{"configMaps", "configmaps", c.ConfigMaps, 20},
		{"serviceAccounts", "count/serviceaccounts", c.ServiceAccounts, 10},
		{"replicationControllers", "replicationcontrollers", c.ReplicationControllers, 0},
		{"deployments", "count/deployments.apps", c.Deployments, 10},
		{"replicaSets", "count/replicasets.apps", c.ReplicaSets, 100},
		{"statefulSets", "count/statefulsets.apps", c.StatefulSets, 5},
		{"daemonSets", "count/daemonsets.apps", c.DaemonSets, 0},
		{"controllerRevisions", "count/controllerrevisions.apps", c.ControllerRevisions, 60},
		{"jobs", "count/jobs.batch", c.Jobs, 20},
		{"cronJobs", "count/cronjobs.batch", c.CronJobs, 5},
		{"horizontalPodAutoscalers", "count/horizontalpodautoscalers.autoscaling", c.HorizontalPodAutoscalers, 10},
		{"podDisruptionBudgets", "count/poddisruptionbudgets.policy", c.PodDisruptionBudgets, 10},
		{"ingresses", "count/ingresses.networking.k8s.io", c.Ingresses, 5},
		{"leases", "count/leases.coordination.k8s.io", c.Leases, 20},
		{"resourceClaims", "count/resourceclaims.resource.k8s.io", c.ResourceClaims, 0},
	}
}

// The starter amounts, by resource.
var (
	starterRequests       = amounts("1", "2Gi", "5Gi")
	starterLimits         = amounts("2", "4Gi", "10Gi")
	starterDefaultRequest = amounts("100m", "128Mi", "100Mi")
	starterDefaultLimit   = amounts("500m", "512Mi", "1Gi")
	starterMin            = amounts("1m", "1Mi", "1Mi")
)

type resources = map[string]resource.Quantity

func amounts(cpu, memory, ephemeralStorage string) resources {
	return resources{
		"cpu": resource.MustParse(cpu), "memory": resource.MustParse(memory), "ephemeral-storage": resource.MustParse(ephemeralStorage),
	}
}

// set returns the amounts that are set, by resource.
func (c ComputeResources) set() resources {
	all := resources{}
	for name, q := range map[string]*resource.Quantity{"cpu": c.CPU, "memory": c.Memory, "ephemeral-storage": c.EphemeralStorage} {
		if q != nil {
			all[name] = q.DeepCopy()
		}
	}
	return all
}

// or returns the amounts that are set, and from fallback those that are not.
func (c ComputeResources) or(fallback resources) resources {
	all := c.set()
	for name, q := range fallback {
		if _, ok := all[name]; !ok {
			all[name] = q.DeepCopy()
		}
	}
	return all
}

// larger and smaller keep of each resource in a the amount, or b's if that is larger (or smaller).
func larger(a, b resources) resources  { return pick(a, b, 1) }
func smaller(a, b resources) resources { return pick(a, b, -1) }

func pick(a, b resources, sign int) resources {
	all := resources{}
	for name, q := range a {
		if other, ok := b[name]; ok && other.Cmp(q) == sign {
			q = other
		}
		all[name] = q.DeepCopy()
	}
	return all
}

func (c ResourceQuotaConfig) requests() resources { return c.Requests.or(starterRequests) }

func (c ResourceQuotaConfig) limits() resources {
	return c.Limits.or(larger(starterLimits, c.requests()))
}

// hard is the quota for compute resources and objects.
func (c ResourceQuotaConfig) hard(p topology.Platform, storage StorageAccessConfig) resources {
	hard := storage.hard(p, c)
	for name, q := range c.requests() {
		hard["requests."+name] = q
	}
	for name, q := range c.limits() {
		hard["limits."+name] = q
	}
	for _, name := range append(WellKnownExtendedResources(), p.ExtendedResources...) {
		hard["requests."+name] = *resource.NewQuantity(0, resource.DecimalSI)
	}
	for name, q := range c.Extended {
		hard["requests."+name] = q.DeepCopy()
	}
	for _, o := range c.Objects.all() {
		if o.key == "persistentvolumeclaims" && len(storage.Classes) == 0 {
			o.starter = 0
		}
		hard[o.key] = *resource.NewQuantity(o.amount(), resource.DecimalSI)
	}
	return hard
}

// bounds are the limits of single containers, pods and claims. Every default is explicit, since the infrastructure would otherwise
// derive one from the bounds.
func (c ResourceQuotaConfig) bounds(storage StorageAccessConfig) []topology.Limit {
	limit, request := c.Container.defaults()
	limits := []topology.Limit{{
		Type: topology.LimitContainer, Min: c.Container.minimum(), Max: c.Container.Max.set(), Default: limit, DefaultRequest: request,
	}}
	if pod := c.Pod; pod != (Bounds{}) {
		limits = append(limits, topology.Limit{Type: topology.LimitPod, Min: pod.Min.set(), Max: pod.Max.set()})
	}
	if claim, ok := storage.claimLimit(); ok {
		limits = append(limits, claim)
	}
	return limits
}

// minimum is what a container must have at least.
func (c ContainerBounds) minimum() resources {
	return c.Min.or(smaller(starterMin, c.Max.set()))
}

// defaults are the limit and the request of a container that states none, within the bounds.
func (c ContainerBounds) defaults() (limit, request resources) {
	minimum, maximum := c.minimum(), c.Max.set()
	within := func(r resources) resources { return smaller(larger(r, minimum), maximum) }
	limit = c.DefaultLimit.or(within(larger(starterDefaultLimit, c.DefaultRequest.set())))
	request = c.DefaultRequest.or(smaller(within(starterDefaultRequest), limit))
	return limit, request
}
