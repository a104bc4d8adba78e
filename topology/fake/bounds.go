package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// limited holds what is written against the bounds of single things. It returns why it is refused, or nothing.
func (n *namespace) limited(r topology.Request, object json.RawMessage) (string, error) {
	claim := r.Resource == "persistentvolumeclaims"
	if n.limitRange.value == nil || r.APIGroup != "" || r.Subresource != "" || !claim && (r.Resource != "pods" || r.Verb != "create") {
		return "", nil
	}
	c, err := readConsumer(object)
	if err != nil {
		return "", err
	}
	for _, limit := range n.limitRange.value.Limits {
		var reason string
		switch {
		case claim && limit.Type == topology.LimitPVC:
			size := orNone(c.Spec.Resources)
			reason = outside(limit, demand{size.Requests, size.Requests}) // a claim has no limits of its own
		case !claim && limit.Type == topology.LimitPod:
			reason = outside(limit, c.total())
		case !claim && limit.Type == topology.LimitContainer:
			for _, container := range slices.Concat(c.Spec.Containers, c.Spec.InitContainers) {
				if reason = outside(limit, container.Resources); reason != "" {
					reason += " (container " + container.Name + ")"
					break
				}
			}
		}
		if reason != "" {
			return reason, nil
		}
	}
	return "", nil
}

func orNone(d *demand) demand {
	if d == nil {
		return demand{}
	}
	return *d
}

// outside says how a demand is out of bounds. Who has a least amount must ask for one, who has a most must have a limit.
func outside(limit topology.Limit, d demand) string {
	for _, name := range slices.Sorted(maps.Keys(limit.Min)) {
		least := limit.Min[name]
		said := fmt.Sprintf("the least %s of a %s is %s, and ", name, limit.Type, least.String())
		asked, found := d.Requests[name]
		if !found {
			return said + "none is requested"
		}
		if asked.Cmp(least) < 0 {
			return said + asked.String() + " is requested"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(limit.Max)) {
		most := limit.Max[name]
		said := fmt.Sprintf("the most %s of a %s is %s, and ", name, limit.Type, most.String())
		bound, found := d.Limits[name]
		if !found {
			return said + "it has no limit"
		}
		if bound.Cmp(most) > 0 {
			return said + "its limit is " + bound.String()
		}
		if asked := d.Requests[name]; asked.Cmp(most) > 0 {
			return said + asked.String() + " is requested"
		}
	}
	return ""
}

// fillResources gives containers what they do not say themselves: a request as high as the limit, then what the namespace has for such.
func (n *namespace) fillResources(spec map[string]any) {
	var preset demand
	if n.limitRange.value != nil {
		for _, limit := range n.limitRange.value.Limits {
			if limit.Type == topology.LimitContainer {
				most := first(limit.Default, limit.Max)
				preset = demand{Limits: most, Requests: first(limit.DefaultRequest, most, limit.Min)}
			}
		}
	}
	for _, field := range []string{"containers", "initContainers"} {
		list, _ := spec[field].([]any)
		for _, element := range list {
			container, ok := element.(map[string]any)
			if !ok {
				continue
			}
			resources := nested(container, "resources")
			requests, limits := nested(resources, "requests"), nested(resources, "limits")
			for name, amount := range limits {
				if _, said := requests[name]; !said {
					requests[name] = amount
				}
			}
			fillAmounts(limits, preset.Limits)
			fillAmounts(requests, preset.Requests)
		}
	}
}

// first has every resource of any of the maps, from the first that has it.
func first(all ...quantities) quantities {
	filled := quantities{}
	for _, amounts := range slices.Backward(all) {
		maps.Copy(filled, amounts)
	}
	return filled
}

func fillAmounts(into map[string]any, amounts quantities) {
	for name, amount := range amounts {
		if _, said := into[name]; !said {
			into[name] = amount.String()
		}
	}
}

// nested is an object within an object, made if there is none.
func nested(object map[string]any, field string) map[string]any {
	inner, ok := object[field].(map[string]any)
	if !ok {
		inner = map[string]any{}
		if object[field] == nil { // what is no object is refused by those who read it
			object[field] = inner
		}
	}
	return inner
}

// overQuota holds what is written against the quota. It returns why it is refused, or nothing.
func (n *namespace) overQuota(r topology.Request, object, old json.RawMessage) (string, error) {
	updated := r.APIGroup == "" && (r.Resource == "services" || r.Resource == "persistentvolumeclaims")
	if n.quota.value == nil || r.Subresource != "" || r.Verb != "create" && !updated {
		return "", nil
	}
	more, err := usage(r.APIGroup, r.Resource, object)
	if err != nil {
		return "", err
	}
	if old != nil {
		before, err := usage(r.APIGroup, r.Resource, old)
		if err != nil {
			return "", err
		}
		for name, amount := range more {
			amount.Sub(before[name])
			more[name] = amount
		}
	}
	hard := n.quota.value.Hard
	if reason, err := unsaid(r, hard, object); reason != "" || err != nil {
		return reason, err
	}
	for _, name := range slices.Sorted(maps.Keys(hard)) {
		asked := more[name]
		if asked.Sign() <= 0 {
			continue
		}
		used, err := n.used(name)
		if err != nil {
			return "", err
		}
		sum, most := used, hard[name]
		if sum.Add(asked); sum.Cmp(most) > 0 {
			return fmt.Sprintf("the quota of %s is %s, of which %s are used, and %s more are asked for", name, most.String(), used.String(), asked.String()), nil
		}
	}
	return "", nil
}

// unsaid names what every container of a pod has to say, because there is a quota of it, and does not.
func unsaid(r topology.Request, hard quantities, object json.RawMessage) (string, error) {
	if r.APIGroup != "" || r.Resource != "pods" {
		return "", nil
	}
	c, err := readConsumer(object)
	if err != nil {
		return "", err
	}
	for _, container := range slices.Concat(c.Spec.Containers, c.Spec.InitContainers) {
		said := computed(container.Resources)
		for _, name := range slices.Sorted(maps.Keys(hard)) {
			_, ok := said[name]
			if bounded := strings.TrimPrefix(strings.TrimPrefix(name, "requests."), "limits."); !ok && (bounded == "cpu" || bounded == "memory") {
				return "there is a quota of " + name + ", and the container " + container.Name + " does not say how much it takes", nil
			}
		}
	}
	return "", nil
}

// standing are objects that every namespace has, and that quotas count.
var standing = map[string]int64{"configmaps": 1, "serviceaccounts": 1, "resourcequotas": 1} // kube-root-ca.crt, default, and the quota itself

// used is how much of a quota is taken by what is there.
func (n *namespace) used(name string) (resource.Quantity, error) {
	sum := *resource.NewQuantity(standing[strings.TrimPrefix(name, "count/")], resource.DecimalSI)
	for key, object := range n.objects {
		taken, err := usage(key.group, key.resource, object)
		if err != nil {
			return sum, err
		}
		sum.Add(taken[name])
	}
	return sum, nil
}
