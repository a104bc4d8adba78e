package fake

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	kjson "sigs.k8s.io/json"

	"github.com/polyphony-go/polyphony/topology"
)

// quantities are amounts by the name of their resource.
type quantities = map[string]resource.Quantity

// demand is what a container, a pod or a claim asks for.
type demand struct {
	Requests quantities `json:"requests"`
	Limits   quantities `json:"limits"`
}

// plus returns the sum of two demands.
func (d demand) plus(other demand) demand {
	add := func(a, b resource.Quantity) resource.Quantity { a.Add(b); return a }
	return demand{merge(d.Requests, other.Requests, add), merge(d.Limits, other.Limits, add)}
}

// max returns the larger of two demands, resource by resource.
func (d demand) max(other demand) demand {
	larger := func(a, b resource.Quantity) resource.Quantity {
		if a.Cmp(b) < 0 {
			return b
		}
		return a
	}
	return demand{merge(d.Requests, other.Requests, larger), merge(d.Limits, other.Limits, larger)}
}

// merge returns the union of two maps. Amounts that both have are combined by both.
func merge(a, b quantities, both func(a, b resource.Quantity) resource.Quantity) quantities {
	merged := maps.Clone(a)
	if merged == nil {
		merged = quantities{}
	}
	for name, amount := range b {
		if have, found := merged[name]; found {
			amount = both(have.DeepCopy(), amount)
		}
		merged[name] = amount
	}
	return merged
}

// consumer is what quotas and limits read of pods, claims and services.
type consumer struct {
	Spec struct {
		// Pod
		Containers     []container `json:"containers"`
		InitContainers []container `json:"initContainers"`

		// PersistentVolumeClaim; a pod states them for all of its containers together
		Resources        *demand `json:"resources"`
		StorageClassName string  `json:"storageClassName"`
		VolumeName       string  `json:"volumeName"`

		// Service
		Type          topology.ServiceType `json:"type"`
		Ports         []servicePort        `json:"ports"`
		AllocatePorts *bool                `json:"allocateLoadBalancerNodePorts"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

type container struct {
	Name          string `json:"name"`
	RestartPolicy string `json:"restartPolicy"`
	Resources     demand `json:"resources"`
}

type servicePort struct {
	NodePort int `json:"nodePort"`
}

// consumers are the resources of the core group that use more than their own number.
var consumers = []string{"persistentvolumeclaims", "pods", "services"}

func readConsumer(data json.RawMessage) (consumer, error) {
	var c consumer
	err := kjson.UnmarshalCaseSensitivePreserveInts(data, &c)
	return c, err
}

// resources returns what a claim asks for.
func (c consumer) resources() demand {
	if c.Spec.Resources == nil {
		return demand{}
	}
	return *c.Spec.Resources
}

// total returns what a pod asks for. That is the larger of two: its containers together with its
// sidecars, and the most that one init container takes together with the sidecars that run by then.
// Source: KEP-753.
func (c consumer) total() demand {
	var running, sidecars, starting demand
	for _, container := range c.Spec.Containers {
		running = running.plus(container.Resources)
	}
	for _, container := range c.Spec.InitContainers {
		if container.RestartPolicy == "Always" {
			running, sidecars = running.plus(container.Resources), sidecars.plus(container.Resources)
			starting = starting.max(sidecars)
		} else {
			starting = starting.max(sidecars.plus(container.Resources))
		}
	}
	return running.max(starting)
}

// usage returns what an object uses, by the names that quotas have for it.
func usage(group, resourceName string, data json.RawMessage) (quantities, error) {
	one := *resource.NewQuantity(1, resource.DecimalSI)
	if group != "" {
		return quantities{"count/" + resourceName + "." + group: one}, nil
	}
	used := quantities{"count/" + resourceName: one, resourceName: one}
	if !slices.Contains(consumers, resourceName) {
		return used, nil
	}
	c, err := readConsumer(data)
	if err != nil {
		return nil, err
	}
	switch resourceName {
	case "pods":
		if c.Status.Phase == "Succeeded" || c.Status.Phase == "Failed" {
			delete(used, "pods")
			return used, nil
		}
		maps.Copy(used, computeUsage(c.total()))
	case "persistentvolumeclaims":
		maps.Copy(used, c.storageUsage())
	default:
		maps.Copy(used, c.serviceUsage())
	}
	return used, nil
}

// computeUsage returns a demand by the names that quotas have for it.
func computeUsage(d demand) quantities {
	native := []string{"cpu", "memory", "ephemeral-storage"}
	used := quantities{}
	for name, amount := range d.Requests {
		used["requests."+name] = amount
		if slices.Contains(native, name) || strings.HasPrefix(name, "hugepages-") {
			used[name] = amount
		}
	}
	for name, amount := range d.Limits {
		if slices.Contains(native, name) {
			used["limits."+name] = amount
		}
	}
	return used
}

// storageUsage returns what a claim uses, of all storage and of its storage class.
func (c consumer) storageUsage() quantities {
	prefixes := []string{""}
	if c.Spec.StorageClassName != "" {
		prefixes = append(prefixes, c.Spec.StorageClassName+".storageclass.storage.k8s.io/")
	}
	used := quantities{}
	for _, prefix := range prefixes {
		used[prefix+"persistentvolumeclaims"] = *resource.NewQuantity(1, resource.DecimalSI)
		if size, found := c.resources().Requests["storage"]; found {
			size = size.DeepCopy()
			size.RoundUp(0)
			used[prefix+"requests.storage"] = size
		}
	}
	return used
}

// serviceUsage returns the load balancers and node ports that a Service uses.
func (c consumer) serviceUsage() quantities {
	isLoadBalancer := c.Spec.Type == topology.LoadBalancer
	allocates := isLoadBalancer && (c.Spec.AllocatePorts == nil || *c.Spec.AllocatePorts)
	var ports int
	switch {
	case c.Spec.Type == topology.NodePort, allocates:
		ports = len(c.Spec.Ports)
	case isLoadBalancer:
		for _, port := range c.Spec.Ports {
			if port.NodePort != 0 {
				ports++
			}
		}
	}
	used := quantities{"services.nodeports": *resource.NewQuantity(int64(ports), resource.DecimalSI)}
	if isLoadBalancer {
		used["services.loadbalancers"] = *resource.NewQuantity(1, resource.DecimalSI)
	}
	return used
}
