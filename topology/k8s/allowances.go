package k8s

import (
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// allowanceList is one list of topology.Allowances, and the name of its annotation.
//
// Guardrails read the allowances from the tenant's namespace. Lists are in annotations. Domains are
// in labels, so that a request can select the namespace with a domain.
type allowanceList struct {
	name string
	get  func(topology.Allowances) []string
	set  func(*topology.Allowances, []string)
}

func listAt(name string, at func(*topology.Allowances) *[]string) allowanceList {
	return allowanceList{
		name: name,
		get:  func(a topology.Allowances) []string { return *at(&a) },
		set:  func(a *topology.Allowances, values []string) { *at(a) = values },
	}
}

var allowanceLists = []allowanceList{
	listAt("external-names", func(a *topology.Allowances) *[]string { return &a.ExternalNames }),
	listAt("image-registries", func(a *topology.Allowances) *[]string { return &a.ImageRegistries }),
	listAt("ingress-annotations", func(a *topology.Allowances) *[]string { return &a.IngressAnnotations }),
	listAt("inline-drivers", func(a *topology.Allowances) *[]string { return &a.InlineDrivers }),
	listAt("priority-classes", func(a *topology.Allowances) *[]string { return &a.PriorityClasses }),
	listAt("runtime-classes", func(a *topology.Allowances) *[]string { return &a.RuntimeClasses }),
	listAt("storage-classes", func(a *topology.Allowances) *[]string { return &a.StorageClasses }),
	listAt("tolerations", func(a *topology.Allowances) *[]string { return &a.Tolerations }),
	{
		name: "service-types",
		get: func(a topology.Allowances) (names []string) {
			for _, t := range a.ServiceTypes {
				names = append(names, string(t))
			}
			return names
		},
		set: func(a *topology.Allowances, names []string) {
			for _, name := range names {
				a.ServiceTypes = append(a.ServiceTypes, topology.ServiceType(name))
			}
		},
	},
	{
		name: "default-token",
		get:  func(a topology.Allowances) []string { return map[bool][]string{true: {"true"}}[a.DefaultToken] },
		set:  func(a *topology.Allowances, values []string) { a.DefaultToken = slices.Contains(values, "true") },
	},
}

// allowanceAnnotations returns the annotations of the lists that are not empty.
func allowanceAnnotations(a topology.Allowances) map[string]string {
	annotations := map[string]string{}
	for _, list := range allowanceLists {
		if values := list.get(a); len(values) > 0 {
			annotations[topology.AnnotationAllow+list.name] = strings.Join(values, ",")
		}
	}
	return annotations
}

// readAllowances is the inverse of allowanceAnnotations and adapter.DomainLabels.
func readAllowances(labels, annotations map[string]string) topology.Allowances {
	var a topology.Allowances
	for _, list := range allowanceLists {
		if text := annotations[topology.AnnotationAllow+list.name]; text != "" {
			list.set(&a, strings.Split(text, ","))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if domain, ok := strings.CutPrefix(key, adapter.LabelDomain); ok && labels[key] == adapter.DomainHeld {
			a.Domains = append(a.Domains, domain)
		}
	}
	return a
}

// withPrefix returns the keys that start with a prefix.
func withPrefix(have map[string]string, prefix string) []string {
	var keys []string
	for key := range have {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys
}
