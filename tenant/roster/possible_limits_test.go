package roster_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// bounds are the amounts that a LimitRange has of one resource, in thousandths. A bound that is
// missing is absent from the map.
type bounds map[string]int64

const (
	podMin, podMax             = "Pod/min", "Pod/max"
	containerMin, containerMax = "Container/min", "Container/max"
	claimMin, claimMax         = "PersistentVolumeClaim/min", "PersistentVolumeClaim/max"
	silentLimit, silentRequest = "Container/default", "Container/defaultRequest"
)

func boundsOf(l topology.LimitRange, name string) bounds {
	found := bounds{}
	for _, limit := range l.Limits {
		for kind, amounts := range map[string]map[string]resource.Quantity{
			"min": limit.Min, "max": limit.Max, "default": limit.Default, "defaultRequest": limit.DefaultRequest,
		} {
			if q, ok := amounts[name]; ok {
				found[string(limit.Type)+"/"+kind] = q.MilliValue()
			}
		}
	}
	return found
}

// unstated is the request or limit of a container that states none.
const unstated = -1

// shape is a container with its request and its limit.
type shape struct{ request, limit int64 }

// withDefaults adds what a cluster adds: a request as high as the container's own limit, and then
// the defaults of the namespace. Source: the admission plugin LimitRanger.
func (s shape) withDefaults(b bounds) shape {
	if s.request == unstated {
		s.request = s.limit
	}
	if amount, ok := b[silentLimit]; ok && s.limit == unstated {
		s.limit = amount
	}
	if amount, ok := b[silentRequest]; ok && s.request == unstated {
		s.request = amount
	}
	return s
}

// fences are what refuses pods by their resources. Each gets the containers with their defaults.
var fences = map[string]func(bounds, []shape) bool{
	"a request is not above its limit": func(_ bounds, pod []shape) bool {
		return !slices.ContainsFunc(pod, func(s shape) bool { return s.limit != unstated && s.request > s.limit })
	},
	"containers have enough": func(b bounds, pod []shape) bool {
		return !slices.ContainsFunc(pod, func(s shape) bool { return s.request < b[containerMin] })
	},
	"the pod has enough": func(b bounds, pod []shape) bool {
		var sum int64
		for _, s := range pod {
			sum += max(0, s.request)
		}
		return sum >= b[podMin]
	},
	"the pod has not too much": func(b bounds, pod []shape) bool {
		var sum int64
		for _, s := range pod {
			sum += max(0, s.limit)
		}
		most, bounded := b[podMax]
		return !bounded || sum <= most
	},
}

// podShapes returns pods of which each bound could refuse one: single containers of every kind, and
// containers that state nothing beside one that fills the pod up to a bound.
func podShapes(was, is bounds) (all [][]shape) {
	amounts := map[int64]bool{0: true}
	for _, b := range []bounds{was, is} {
		for _, amount := range b {
			amounts[amount-1], amounts[amount], amounts[amount+1] = true, true, true
		}
	}
	for a := range amounts {
		all = append(all, []shape{{a, unstated}}, []shape{{unstated, a}})
		for b := range amounts {
			all = append(all, []shape{{min(a, b), max(a, b)}})
		}
	}
	for k := range int64(maxSilent) {
		silent := slices.Repeat([]shape{{unstated, unstated}}, int(k)+1)
		all = append(all, silent)
		for filler := range fillers(was, is, k+1) {
			all = append(all, append(slices.Clone(silent), shape{filler, filler}))
		}
	}
	return slices.DeleteFunc(all, func(pod []shape) bool {
		return slices.ContainsFunc(pod, func(s shape) bool { return s.request < unstated || s.limit < unstated })
	})
}

// fillers returns amounts with which a pod comes near a bound of pods, beside some containers that
// state nothing.
func fillers(was, is bounds, silent int64) map[int64]bool {
	found := map[int64]bool{}
	for _, b := range []bounds{was, is} {
		for _, bound := range []int64{b[podMin], b[podMax]} {
			for _, amount := range []int64{b[silentLimit], b[silentRequest]} {
				for _, filler := range []int64{bound - silent*amount, bound - silent*amount - 1} {
					if filler >= 0 {
						found[filler] = true
					}
				}
			}
		}
	}
	return found
}

// maxSilent is how many containers of a pod may state nothing.
const maxSilent = 16

// limitOpenings returns what limits let through now and did not.
func limitOpenings(was, is topology.LimitRange) (all []opening) {
	for _, resource := range []string{"cpu", "memory", "ephemeral-storage", "storage"} {
		before, after := boundsOf(was, resource), boundsOf(is, resource)
		for _, bound := range []string{containerMax, podMax, claimMax, silentLimit} {
			all = append(all, raisedBound(bound+" of "+resource, before, after, bound)...)
		}
		request, stated := before[silentRequest]
		if stated && after[silentRequest] > request {
			all = append(all, opening{"more " + resource + " for silence", []roster.Risk{roster.RiskRaises}})
		}
		if least := before[claimMin]; after[claimMin] < least {
			all = append(all, opening{"claims of less", []roster.Risk{roster.RiskAdmits}})
		}
		if !maps.Equal(before, after) && resource != "storage" {
			all = append(all, podOpenings(resource, before, after)...)
		}
	}
	return all
}

func raisedBound(what string, was, is bounds, bound string) []opening {
	before, bounded := was[bound]
	after, stillBounded := is[bound]
	switch {
	case bounded && !stillBounded:
		return []opening{{"no " + what, []roster.Risk{roster.RiskUnfences}}}
	case bounded && after > before:
		return []opening{{"a higher " + what, []roster.Risk{roster.RiskRaises}}}
	default:
		return nil
	}
}

// podOpenings returns the fences that let a pod through now that they did not.
func podOpenings(resource string, was, is bounds) (all []opening) {
	shapes := podShapes(was, is)
	for name, admits := range fences {
		for _, pod := range shapes {
			if admits(is, defaulted(is, pod)) && !admits(was, defaulted(was, pod)) {
				risks := []roster.Risk{roster.RiskAdmits, roster.RiskRaises, roster.RiskUnfences}
				all = append(all, opening{fmt.Sprintf("%s of %s: %v", name, resource, pod), risks})
				break
			}
		}
	}
	return all
}

func defaulted(b bounds, pod []shape) []shape {
	all := make([]shape, len(pod))
	for i, s := range pod {
		all[i] = s.withDefaults(b)
	}
	return all
}

// The model of limits in this file agrees with the admission of the topology.
func TestPossiblePodsAreThoseThatTheTopologyAdmits(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 2026))
	admitted, refused := 0, 0
	for range 60 {
		s := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "acme"}}
		plenty := tenant.ComputeResources{CPU: quantity("1k"), Memory: quantity("1Ti"), EphemeralStorage: quantity("1Ti")}
		s.ResourceQuotas.Requests, s.ResourceQuotas.Limits = plenty, plenty
		for _, a := range amountAspects {
			if strings.HasPrefix(a.name, "container.") || strings.HasPrefix(a.name, "pod.") {
				s = setAspect(r, a, s)
			}
		}
		onlyCPU(&s.ResourceQuotas.Pod.Min, &s.ResourceQuotas.Pod.Max)
		have, top := provisioned(t, s)
		b := boundsOf(have.limits, "cpu")
		shapes := podShapes(b, b)
		slices.SortFunc(shapes, func(a, b []shape) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		for range 20 {
			pod := pick(r, shapes...)
			full := defaulted(b, pod)
			if !fences["a request is not above its limit"](b, full) {
				continue // not a valid pod, which the topology does not check
			}
			possible := !slices.ContainsFunc(full, func(s shape) bool { return b.exceeds(containerMax, s.limit) })
			for _, admits := range fences {
				possible = possible && admits(b, full)
			}
			verdict, err := top.Admit(t.Context(), createPod(pod))
			require.NoError(t, err)
			require.Equal(t, possible, verdict.Allowed, "%v within %v: %s", pod, b, verdict.Reason)
			if possible {
				admitted++
			} else {
				refused++
			}
		}
	}
	require.Greater(t, admitted, 100)
	require.Greater(t, refused, 100)
}

func (b bounds) exceeds(bound string, amount int64) bool {
	most, bounded := b[bound]
	return bounded && amount > most
}

func onlyCPU(all ...*tenant.ComputeResources) {
	for _, c := range all {
		c.Memory, c.EphemeralStorage = nil, nil
	}
}

// createPod returns the request of an administrator to create a pod.
func createPod(shapes []shape) topology.Request {
	var containers []any
	for i, s := range shapes {
		amounts := map[string]any{}
		for kind, amount := range map[string]int64{"requests": s.request, "limits": s.limit} {
			if amount != unstated {
				amounts[kind] = map[string]any{"cpu": fmt.Sprintf("%dm", amount)}
			}
		}
		containers = append(containers, map[string]any{
			"name": fmt.Sprint("c", i), "resources": amounts,
			"securityContext": map[string]any{
				"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []string{"ALL"}},
			},
		})
	}
	object, _ := json.Marshal(map[string]any{"spec": map[string]any{ // plain data always marshals
		"containers": containers,
		"securityContext": map[string]any{
			"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
		},
	}})
	return topology.Request{Object: object, Question: rbac.Question{
		User: "root", Groups: []string{"system:masters"}, Verb: "create", Resource: "pods", Namespace: "acme",
	}}
}
