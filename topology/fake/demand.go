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

// quantities are amounts of resources by name.
type quantities = map[string]resource.Quantity

// demand is what a container, a pod or a claim asks for.
type demand struct {
	Requests quantities `json:"requests"`
	Limits   quantities `json:"limits"`
}

func (d demand) plus(other demand) demand {
	add := func(a, b resource.Quantity) resource.Quantity { a.Add(b); return a }
	return demand{joined(d.Requests, other.Requests, add), joined(d.Limits, other.Limits, add)}
}

// orMore is the larger of both, resource by resource.
func (d demand) orMore(other demand) demand {
	larger := func(a, b resource.Quantity) resource.Quantity {
		if a.Cmp(b) < 0 {
			return b
		}
		return a
	}
	return demand{joined(d.Requests, other.Requests, larger), joined(d.Limits, other.Limits, larger)}
}

func joined(a, b quantities, both func(a, b resource.Quantity) resource.Quantity) quantities {
	sum := maps.Clone(a)
	if sum == nil {
		sum = quantities{}
	}
	for name, amount := range b {
		if have, found := sum[name]; found {
			amount = both(have.DeepCopy(), amount)
		}
		sum[name] = amount
	}
	return sum
}

// consumer is what quotas and limits read of pods, claims and services.
type consumer struct {
	Spec struct {
		// Pod
		Containers     []container `json:"containers"`
		InitContainers []container `json:"initContainers"`

		// PersistentVolumeClaim; a pod has them only where they are said for all its containers together
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

// consumers are the resources, of the core group, of which more is read than that they are there.
var consumers = []string{"persistentvolumeclaims", "pods", "services"}

func readConsumer(data json.RawMessage) (consumer, error) {
	var c consumer
	err := kjson.UnmarshalCaseSensitivePreserveInts(data, &c)
	return c, err
}

// total is what a pod asks for: its containers together with the sidecars, or what some init container takes beside the sidecars that
// are running by then, whichever is more.
func (c consumer) total() demand {
	var sum, sidecars, starting demand
	for _, container := range c.Spec.Containers {
		sum = sum.plus(container.Resources)
	}
	for _, container := range c.Spec.InitContainers {
		if container.RestartPolicy == "Always" {
			sum, sidecars = sum.plus(container.Resources), sidecars.plus(container.Resources)
			starting = starting.orMore(sidecars)
		} else {
			starting = starting.orMore(sidecars.plus(container.Resources))
		}
	}
	return sum.orMore(starting)
}

// usage is what an object takes of quotas, by the names that quotas have for it.
func usage(group, kind string, data json.RawMessage) (quantities, error) {
	one := *resource.NewQuantity(1, resource.DecimalSI)
	if group != "" {
		return quantities{"count/" + kind + "." + group: one}, nil
	}
	used := quantities{"count/" + kind: one, kind: one}
	if !slices.Contains(consumers, kind) {
		return used, nil
	}
	c, err := readConsumer(data)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "pods":
		if c.Status.Phase == "Succeeded" || c.Status.Phase == "Failed" {
			delete(used, "pods")
			return used, nil
		}
		maps.Copy(used, computed(c.total()))
	case "persistentvolumeclaims":
		c.claims(used)
	default:
		c.exposes(used)
	}
	return used, nil
}

// computed are the names that quotas have for what containers ask for.
func computed(d demand) quantities {
	used := quantities{}
	for name, amount := range d.Requests {
		used["requests."+name] = amount
		if slices.Contains([]string{"cpu", "memory", "ephemeral-storage"}, name) || strings.HasPrefix(name, "hugepages-") {
			used[name] = amount
		}
	}
	for name, amount := range d.Limits {
		if slices.Contains([]string{"cpu", "memory", "ephemeral-storage"}, name) {
			used["limits."+name] = amount
		}
	}
	return used
}

// claims adds what a claim takes, of all storage and of its class.
func (c consumer) claims(used quantities) {
	var prefixes = []string{""}
	if c.Spec.StorageClassName != "" {
		prefixes = append(prefixes, c.Spec.StorageClassName+".storageclass.storage.k8s.io/")
	}
	for _, prefix := range prefixes {
		used[prefix+"persistentvolumeclaims"] = *resource.NewQuantity(1, resource.DecimalSI)
		if c.Spec.Resources == nil {
			continue
		}
		if size, found := c.Spec.Resources.Requests["storage"]; found {
			size = size.DeepCopy()
			size.RoundUp(0)
			used[prefix+"requests.storage"] = size
		}
	}
}

// exposes adds the load balancer and the node ports that a Service takes.
func (c consumer) exposes(used quantities) {
	var ports int
	switch {
	case c.Spec.Type == topology.NodePort, c.Spec.Type == topology.LoadBalancer && (c.Spec.AllocatePorts == nil || *c.Spec.AllocatePorts):
		ports = len(c.Spec.Ports)
	case c.Spec.Type == topology.LoadBalancer:
		for _, port := range c.Spec.Ports {
			if port.NodePort != 0 {
				ports++
			}
		}
	}
	used["services.nodeports"] = *resource.NewQuantity(int64(ports), resource.DecimalSI)
	if c.Spec.Type == topology.LoadBalancer {
		used["services.loadbalancers"] = *resource.NewQuantity(1, resource.DecimalSI)
	}
}
