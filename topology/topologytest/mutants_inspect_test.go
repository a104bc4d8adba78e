package topologytest

import (
	"context"
	"slices"
	"time"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

func inspectorMutants() []mutant {
	m := func(rule string, misread func(*topology.Inspection)) mutant {
		return mutant{"Inspector", rule, func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			puppet.After(&top.OnInspect, func(_ string, in *topology.Inspection, _ *error) { misread(in) })
		}}
	}
	each := func(rule string, misread func(*topology.NamespaceInspection)) mutant {
		return m(rule, func(in *topology.Inspection) {
			for i := range in.Namespaces {
				misread(&in.Namespaces[i])
			}
		})
	}
	const (
		read    = "A namespace is inspected as its capabilities read it"
		none    = "A value that does not exist or is foreign is nil"
		foreign = "A foreign namespace is listed as one that Polyphony does not manage"
		all     = "The inspection holds every policy and grant in force"
		about   = "An inspection names the topology, the time, the platform and the version"
	)
	return []mutant{
		each(read, func(n *topology.NamespaceInspection) { n.Namespace.PodSecurity = topology.PodSecurityPrivileged }),
		each(read, func(n *topology.NamespaceInspection) { n.Namespace.Managed = false }),
		each(read, func(n *topology.NamespaceInspection) { n.Labels = nil }),
		each(read, func(n *topology.NamespaceInspection) { n.Quota = nil }),
		each(read, func(n *topology.NamespaceInspection) { n.LimitRange = &topology.LimitRange{} }),
		each(read, func(n *topology.NamespaceInspection) {
			n.Beyond = map[topology.Kind][]topology.FieldChange{topology.KindQuota: {{Path: "x"}}}
		}),
		each(none, func(n *topology.NamespaceInspection) { n.Quota = &topology.Quota{} }),
		each(none, func(n *topology.NamespaceInspection) { n.LimitRange = &topology.LimitRange{} }),
		each(foreign, func(n *topology.NamespaceInspection) { n.Namespace.Managed = true }),
		each(foreign, func(n *topology.NamespaceInspection) { n.Labels = nil }),
		m(foreign, func(in *topology.Inspection) {
			in.Namespaces = slices.DeleteFunc(in.Namespaces, func(n topology.NamespaceInspection) bool { return !n.Namespace.Managed })
		}),
		m(all, func(in *topology.Inspection) {
			in.Policies = slices.DeleteFunc(in.Policies, func(p netpolicy.Policy) bool { return p.Name == "leak" })
		}),
		m(all, func(in *topology.Inspection) { in.Grants = nil }),
		m("Namespaces are sorted by name", func(in *topology.Inspection) { slices.Reverse(in.Namespaces) }),
		m(about, func(in *topology.Inspection) { in.Topology = "another" }),
		m(about, func(in *topology.Inspection) { in.At = time.Time{} }),
		m(about, func(in *topology.Inspection) { in.Platform = topology.Platform{} }),
		m(about, func(in *topology.Inspection) { in.Readiness.Version = "" }),
		{"Inspector", "A cancelled context gets no answer", func(top, _ *puppet.Puppet, _ *brokenOutsider) {
			top.OnInspect = func(context.Context, string) (topology.Inspection, error) { return topology.Inspection{}, nil }
		}},
	}
}
