package roster

import (
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// strictest orders the levels of pod security, the most lenient first. An unknown level is less
// than all of them.
var strictest = []topology.PodSecurity{
	topology.PodSecurityPrivileged, topology.PodSecurityBaseline, topology.PodSecurityRestricted,
}

// risksOfNamespace compares the boundary. Each change of its labels counts: a rule of others may
// select a namespace that has a label or a value, or that lacks one (DoesNotExist, NotIn).
func risksOfNamespace(before, after topology.Namespace) []Risk {
	var found []Risk
	lenient := slices.Index(strictest, after.PodSecurity) < slices.Index(strictest, before.PodSecurity)
	if lenient || before.Protected && !after.Protected {
		found = append(found, RiskUnfences)
	}
	if !maps.Equal(before.Labels, after.Labels) {
		found = append(found, RiskOpens)
	}
	if allowsMore(before.Allowed, after.Allowed) {
		found = append(found, RiskWidens)
	}
	return found
}

// allowsMore reports whether something passes the guardrails that did not.
func allowsMore(before, after topology.Allowances) bool {
	equal := func(have, want string) bool { return have == want }
	return after.DefaultToken && !before.DefaultToken ||
		addsUncovered(before.Domains, after.Domains, adapter.DomainContains) ||
		addsUncovered(before.ExternalNames, after.ExternalNames, adapter.DomainContains) ||
		addsUncovered(before.ImageRegistries, after.ImageRegistries, containsImages) ||
		addsUncovered(before.IngressAnnotations, after.IngressAnnotations, equal) ||
		addsUncovered(before.StorageClasses, after.StorageClasses, equal) ||
		addsUncovered(before.InlineDrivers, after.InlineDrivers, equal) ||
		addsUncovered(before.PriorityClasses, after.PriorityClasses, equal) ||
		addsUncovered(before.RuntimeClasses, after.RuntimeClasses, equal) ||
		addsUncovered(before.Tolerations, after.Tolerations, equal) ||
		addsUncovered(before.ServiceTypes, after.ServiceTypes, func(a, b topology.ServiceType) bool { return a == b })
}

// addsUncovered reports whether after has a value that no value of before contains.
func addsUncovered[V any](before, after []V, contains func(have, want V) bool) bool {
	return slices.ContainsFunc(after, func(want V) bool {
		return !slices.ContainsFunc(before, func(have V) bool { return contains(have, want) })
	})
}

func containsImages(have, want string) bool {
	return have == "*" || have == want || strings.HasPrefix(want, have+"/")
}
