package tenant

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// objectCount is one field of ObjectCounts.
type objectCount struct {
	name    string // in JSON
	key     string // in a quota
	value   *int64
	starter int64 // if value is nil
}

// amount returns the value, or the starter amount.
func (o objectCount) amount() int64 {
	if o.value != nil {
		return *o.value
	}
	return o.starter
}

// all returns the fields in the order of the struct.
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

// resources are amounts by the name of the resource.
type resources = map[string]resource.Quantity

func amounts(cpu, memory, ephemeralStorage string) resources {
	return resources{
		"cpu":               resource.MustParse(cpu),
		"memory":            resource.MustParse(memory),
		"ephemeral-storage": resource.MustParse(ephemeralStorage),
	}
}

// set returns the amounts that are set, by resource.
func (c ComputeResources) set() resources {
	all := resources{}
	fields := map[string]*resource.Quantity{
		"cpu": c.CPU, "memory": c.Memory, "ephemeral-storage": c.EphemeralStorage,
	}
	for name, q := range fields {
		if q != nil {
			all[name] = q.DeepCopy()
		}
	}
	return all
}

// or returns the amounts that are set, and the others from fallback.
func (c ComputeResources) or(fallback resources) resources {
	all := c.set()
	for name, q := range fallback {
		if _, ok := all[name]; !ok {
			all[name] = q.DeepCopy()
		}
	}
	return all
}

// larger returns the resources of a, each with the amount of b if that is larger.
func larger(a, b resources) resources { return pick(a, b, 1) }

// smaller returns the resources of a, each with the amount of b if that is smaller.
func smaller(a, b resources) resources { return pick(a, b, -1) }

// pick returns the resources of a, each with the amount of b if that compares to it as sign.
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

// hard returns the whole quota.
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

// bounds returns the limits of single containers, pods and claims. It sets every default, because
// the infrastructure would otherwise derive one from the bounds.
func (c ResourceQuotaConfig) bounds(storage StorageAccessConfig) []topology.Limit {
	limit, request := c.Container.defaults()
	limits := []topology.Limit{{
		Type: topology.LimitContainer, Min: c.Container.minimum(), Max: c.Container.Max.set(),
		Default: limit, DefaultRequest: request,
	}}
	if pod := c.Pod; pod != (Bounds{}) {
		limits = append(limits, topology.Limit{Type: topology.LimitPod, Min: pod.Min.set(), Max: pod.Max.set()})
	}
	if claim, ok := storage.claimLimit(); ok {
		limits = append(limits, claim)
	}
	return limits
}

// minimum returns the least that a container may request.
func (c ContainerBounds) minimum() resources {
	return c.Min.or(smaller(starterMin, c.Max.set()))
}

// defaults returns the limit and the request of a container that sets none, within the bounds.
func (c ContainerBounds) defaults() (limit, request resources) {
	minimum, maximum := c.minimum(), c.Max.set()
	within := func(r resources) resources { return smaller(larger(r, minimum), maximum) }
	limit = c.DefaultLimit.or(within(larger(starterDefaultLimit, c.DefaultRequest.set())))
	request = c.DefaultRequest.or(smaller(within(starterDefaultRequest), limit))
	return limit, request
}
