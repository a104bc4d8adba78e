package topologytest

import (
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// driftCases check changes that others make in a namespace.
func (n namespaces) driftCases() []Case {
	return []Case{
		{"A removed level of pod security is restored and named", func(t T) {
			want := n.stored(t)
			n.outsider.RemovePodSecurity(t, want.Name)
			before := want
			before.PodSecurity = ""
			RequireChange(t, namespaceChange(topology.Updated, before, want,
				topology.FieldChange{Path: "podSecurity", To: "restricted"}), n.ensure(t, want))
			require.Equal(t, topology.PodSecurityRestricted, n.read(t, want.Name).PodSecurity)
		}},
		{"A label that is no longer wanted is removed, and a foreign label stays", func(t T) {
			want := n.stored(t)
			n.outsider.LabelNamespace(t, want.Name, "istio-injection", "enabled")
			require.Equal(t, topology.Unchanged, n.ensure(t, want).Action)
			before := want.Clone()
			delete(want.Labels, "stage")
			RequireChange(t, namespaceChange(topology.Updated, before, want,
				topology.FieldChange{Path: "labels[stage]", From: "dev"}), n.ensure(t, want))
			require.Equal(t, "enabled", n.outsider.NamespaceLabel(t, want.Name, "istio-injection"))
			require.Equal(t, map[string]string{"team": "a"}, n.read(t, want.Name).Labels)
		}},
		{"An annotation that is no longer wanted is removed", func(t T) {
			want := n.stored(t)
			before := want.Clone()
			delete(want.Annotations, "example.com/floor")
			RequireChange(t, namespaceChange(topology.Updated, before, want,
				topology.FieldChange{Path: "annotations[example.com/floor]", From: "3"}), n.ensure(t, want))
			require.Equal(t, want.Annotations, n.read(t, want.Name).Annotations)
		}},
		{"Annotations that print alike are two values", func(t T) {
			const key = "example.com/note"
			want := n.place(t)
			want.Annotations[key] = "one\ntwo"
			n.ensure(t, want)
			before := want.Clone()
			want.Annotations[key] = `"one\ntwo"` // as the other one is shown on one line
			RequireChange(t, namespaceChange(topology.Updated, before, want,
				topology.FieldChange{Path: "annotations[" + key + "]", From: "before", To: "after"}), n.ensure(t, want))
			require.Equal(t, want.Annotations, n.read(t, want.Name).Annotations)
		}},
	}
}

// allowanceCases check the allowances of a tenant.
func (n namespaces) allowanceCases() []Case {
	return []Case{
		{"Allowances are stored, changed and removed, each with its field named", func(t T) {
			want := n.place(t)
			full := want.Allowed
			want.Allowed = topology.Allowances{}
			n.ensure(t, want)
			for _, allowed := range []topology.Allowances{
				full, {ImageRegistries: []string{"*"}, Domains: full.Domains[1:]}, {},
			} {
				before := want
				want.Allowed = allowed
				RequireChange(t, namespaceChange(topology.Updated, before, want, adapter.Diff(before, want)...), n.ensure(t, want))
				require.Empty(t, adapter.Diff(allowed, n.read(t, want.Name).Allowed))
			}
		}},
		{"A domain that another writer has added is removed and named", func(t T) {
			want := n.stored(t)
			own, added := want.Allowed.Domains, want.Name+".bank.example.com"
			n.outsider.LabelNamespace(t, want.Name, adapter.LabelDomain+added, adapter.DomainHeld)
			require.Contains(t, n.read(t, want.Name).Allowed.Domains, added, "the label is in force")
			before := want.Clone()
			before.Allowed.Domains = []string{added, own[0], own[1]}
			RequireChange(t, namespaceChange(topology.Updated, before, want, adapter.Diff(before, want)...), n.ensure(t, want))
			require.Equal(t, own, n.read(t, want.Name).Allowed.Domains)
			require.Empty(t, n.outsider.NamespaceLabel(t, want.Name, adapter.LabelDomain+added))
		}},
	}
}
