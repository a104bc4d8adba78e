package k8s

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// What a tenant is allowed is written on its namespace, where guardrails read it: lists in annotations, domains in labels, so that whoever
// holds one can be asked for.

// allowanceList is one list of the allowances and the name of its annotation.
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

// allowanceAnnotations are the annotations that say what is allowed. What is not allowed has none.
func allowanceAnnotations(a topology.Allowances) map[string]string {
	annotations := map[string]string{}
	for _, list := range allowanceLists {
		if values := list.get(a); len(values) > 0 {
			annotations[topology.AnnotationAllow+list.name] = strings.Join(values, ",")
		}
	}
	return annotations
}

// readAllowances is the opposite of allowanceAnnotations and adapter.DomainLabels.
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

// withPrefix are the keys of ours that start with a prefix: what an earlier call wrote, or somebody else by mistake.
func withPrefix(have map[string]string, prefix string) []string {
	var keys []string
	for key := range have {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys
}

// OverlappingDomains implements topology.Domains. It asks for namespaces by label: who has a domain or something below it, and who has one
// above it, which is as many requests as the domain has dots.
func (t *Topology) OverlappingDomains(ctx context.Context, tenant string, domains []string) ([]topology.DomainHolder, error) {
	c := adapter.Read(topology.KindDomains, tenant)
	if ctx.Err() != nil {
		return nil, c.Stopped(ctx)
	}
	found := map[topology.DomainHolder]bool{}
	for _, domain := range domains {
		for _, above := range adapter.DomainsAbove(domain) {
			selector := adapter.LabelDomain + above + "=" + adapter.DomainHeld
			if err := t.findDomains(ctx, c, selector, func(held string) bool { return held == above }, found); err != nil {
				return nil, err
			}
		}
		within := func(held string) bool { return held == domain || strings.HasSuffix(held, "."+domain) }
		if err := t.findDomains(ctx, c, adapter.LabelDomain+domain, within, found); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b topology.DomainHolder) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Domain, b.Domain))
	}), nil
}

// findDomains adds the domains that match of the other tenants that a selector finds.
func (t *Topology) findDomains(ctx context.Context, c adapter.Call, selector string, match func(domain string) bool, found map[topology.DomainHolder]bool) error {
	return t.retry(ctx, c, func(ctx context.Context) error {
		list, err := t.clients.namespaces().List(ctx, selector)
		if err != nil {
			return err
		}
		for i := range list.Items {
			namespace := &list.Items[i]
			if namespace.Name == c.Name || !owned(namespace, namespace.Name) {
				continue
			}
			for _, domain := range readAllowances(namespace.Labels, nil).Domains {
				if match(domain) {
					found[topology.DomainHolder{Tenant: namespace.Name, Domain: domain}] = true
				}
			}
		}
		return nil
	})
}
