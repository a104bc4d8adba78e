package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/polyphony-go/polyphony/topology"
)

var limitRanges = slotKind[topology.LimitRange]{
	topology.KindLimitRange, func(n *namespace) *slot[topology.LimitRange] { return &n.limitRange },
}

// LimitRange implements topology.LimitRanges.
func (t *Topology) LimitRange(ctx context.Context, namespace string) (topology.LimitRange, error) {
	return limitRanges.read(ctx, t, namespace)
}

// EnsureLimitRange implements topology.LimitRanges.
func (t *Topology) EnsureLimitRange(ctx context.Context, want topology.LimitRange) (topology.Change, error) {
	return limitRanges.ensure(ctx, t, want.Namespace, want)
}

// DeleteLimitRange implements topology.LimitRanges.
func (t *Topology) DeleteLimitRange(ctx context.Context, namespace string) (topology.Change, error) {
	return limitRanges.remove(ctx, t, namespace)
}

// outOfLimits returns why the limits of the namespace refuse a write, or "".
func (n *namespace) outOfLimits(r topology.Request, object json.RawMessage) (string, error) {
	isClaim := r.Resource == "persistentvolumeclaims"
	isNewPod := r.Resource == "pods" && r.Verb == "create"
	if n.limitRange.value == nil || r.APIGroup != "" || r.Subresource != "" || !isClaim && !isNewPod {
		return "", nil
	}
	c, err := readConsumer(object)
	if err != nil {
		return "", err
	}
	for _, limit := range n.limitRange.value.Limits {
		var reason string
		switch {
		case isClaim && limit.Type == topology.LimitPVC:
			size := c.resources().Requests
			reason = outOfLimit(limit, demand{size, size}) // a claim has no limits of its own
		case isNewPod && limit.Type == topology.LimitPod:
			reason = outOfLimit(limit, c.total())
		case isNewPod && limit.Type == topology.LimitContainer:
			reason = c.containersOutOfLimit(limit)
		}
		if reason != "" {
			return reason, nil
		}
	}
	return "", nil
}

// containersOutOfLimit returns why the first container that a limit refuses is refused, or "".
func (c consumer) containersOutOfLimit(limit topology.Limit) string {
	for _, container := range slices.Concat(c.Spec.Containers, c.Spec.InitContainers) {
		if reason := outOfLimit(limit, container.Resources); reason != "" {
			return reason + " (container " + container.Name + ")"
		}
	}
	return ""
}

// outOfLimit returns why a demand is refused, or "". A resource with a minimum needs a request, and
// one with a maximum needs a limit.
func outOfLimit(limit topology.Limit, d demand) string {
	for _, name := range slices.Sorted(maps.Keys(limit.Min)) {
		least := limit.Min[name]
		bound := fmt.Sprintf("the minimum %s of a %s is %s, and ", name, limit.Type, least.String())
		asked, found := d.Requests[name]
		if !found {
			return bound + "none is requested"
		}
		if asked.Cmp(least) < 0 {
			return bound + asked.String() + " is requested"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(limit.Max)) {
		most := limit.Max[name]
		bound := fmt.Sprintf("the maximum %s of a %s is %s, and ", name, limit.Type, most.String())
		stated, found := d.Limits[name]
		if !found {
			return bound + "it has no limit"
		}
		if stated.Cmp(most) > 0 {
			return bound + "its limit is " + stated.String()
		}
		if asked := d.Requests[name]; asked.Cmp(most) > 0 {
			return bound + asked.String() + " is requested"
		}
	}
	return ""
}

// setDefaultResources adds what the containers of a pod do not state: first a request as high as
// the container's own limit, then the defaults of the namespace.
func (n *namespace) setDefaultResources(spec map[string]any) {
	var defaults demand
	if n.limitRange.value != nil {
		for _, limit := range n.limitRange.value.Limits {
			if limit.Type == topology.LimitContainer {
				most := firstOf(limit.Default, limit.Max)
				defaults = demand{Limits: most, Requests: firstOf(limit.DefaultRequest, most, limit.Min)}
			}
		}
	}
	for _, field := range []string{"containers", "initContainers"} {
		list, _ := spec[field].([]any)
		for _, element := range list {
			if container, ok := element.(map[string]any); ok {
				setDefaultAmounts(container, defaults)
			}
		}
	}
}

// setDefaultAmounts adds the defaults to one container.
func setDefaultAmounts(container map[string]any, defaults demand) {
	resources := nestedObject(container, "resources")
	requests, limits := nestedObject(resources, "requests"), nestedObject(resources, "limits")
	add := func(to map[string]any, name string, amount any) {
		if _, stated := to[name]; !stated {
			to[name] = amount
		}
	}
	for name, amount := range limits {
		add(requests, name, amount)
	}
	for name, amount := range defaults.Limits {
		add(limits, name, amount.String())
	}
	for name, amount := range defaults.Requests {
		add(requests, name, amount.String())
	}
}

// firstOf merges maps: each resource has the amount of the first map that has it.
func firstOf(all ...quantities) quantities {
	merged := quantities{}
	for _, amounts := range slices.Backward(all) {
		maps.Copy(merged, amounts)
	}
	return merged
}

// nestedObject returns the object in a field, which it creates if the field is not set. A field
// with another value stays, and is refused when the whole object is read.
func nestedObject(parent map[string]any, field string) map[string]any {
	child, ok := parent[field].(map[string]any)
	if !ok {
		child = map[string]any{}
		if parent[field] == nil {
			parent[field] = child
		}
	}
	return child
}
