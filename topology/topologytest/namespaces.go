package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Namespaces checks the rules of topology.Namespaces.
func Namespaces[P topology.Namespaces](t *testing.T, h Harness[P]) {
	RunCases(t, namespaceCases(h))
}

func namespaceCases[P topology.Namespaces](h Harness[P]) []Case {
	n := namespaces{top: h.Topology, dry: h.DryRun, outsider: h.Outsider}
	return slices.Concat(
		n.basicCases(), n.robustnessCases(), n.aliasCases(), n.dryRunCases(),
		n.driftCases(), n.allowanceCases(), n.ownerCases(), n.rosterCases(), n.inheritCases(h.newNamespace),
		n.deleteCases(),
	)
}

// namespaces is the fixture of every case.
type namespaces struct {
	top, dry topology.Namespaces
	outsider Outsider
}

// place returns the value of a namespace that does not exist. It is removed after the case.
func (n namespaces) place(t T) topology.Namespace { return fullNamespace(newPlace(t, n.top)) }

// stored returns the value of a namespace that exists.
func (n namespaces) stored(t T) topology.Namespace {
	t.Helper()
	want := n.place(t)
	n.ensure(t, want)
	return want
}

func (n namespaces) ensure(t T, want topology.Namespace) topology.Change {
	t.Helper()
	change, err := n.top.EnsureNamespace(t.Context(), want)
	require.NoError(t, err)
	return change
}

func (n namespaces) read(t T, name string) topology.Namespace {
	t.Helper()
	have, err := n.top.Namespace(t.Context(), name)
	require.NoError(t, err)
	return have
}

func (n namespaces) requireMissing(t T, name string) {
	t.Helper()
	_, err := n.top.Namespace(t.Context(), name)
	RequireError(t, err, topology.ErrNotFound)
}

// namespaceChange returns the change that an adapter must return. It has the values of the action.
func namespaceChange(action topology.Action, before, after topology.Namespace, fields ...topology.FieldChange) topology.Change {
	c := topology.Change{Kind: topology.KindNamespace, Name: after.Name, Action: action, Fields: fields}
	if action == topology.Updated || action == topology.Deleted {
		c.Before = before
	}
	if action == topology.Updated || action == topology.Created {
		c.After = after
	}
	return c
}

// fullNamespace returns a value with something in each field.
func fullNamespace(name string) topology.Namespace {
	return topology.Namespace{
		Name: name, DisplayName: "Acme, Inc.",
		PodSecurity: topology.PodSecurityRestricted, DefaultStorageClass: "gold",
		Labels:      map[string]string{"team": "a", "stage": "dev"},
		Annotations: map[string]string{"example.com/cost-center": "4711", "example.com/floor": "3"},
		Allowed:     fullAllowances(name),
	}
}

// fullAllowances returns a value with two elements in every list, so that a list that is stored as
// one element is noticed.
func fullAllowances(tenant string) topology.Allowances {
	const annotations = "nginx.ingress.kubernetes.io/"
	return topology.Allowances{
		Domains:            []string{tenant + ".example.com", tenant + ".shop.example.com"},
		IngressAnnotations: []string{annotations + "rewrite-target", annotations + "use-regex"},
		ServiceTypes:       []topology.ServiceType{topology.LoadBalancer, topology.NodePort},
		ExternalNames:      []string{"db.example.com", "example.net"},
		StorageClasses:     []string{"gold", "silver"},
		InlineDrivers:      []string{"a.csi.example.com", "b.csi.example.com"},
		ImageRegistries:    []string{"docker.io/library", "registry.example.com:5000/acme"},
		PriorityClasses:    []string{"high", "low"},
		RuntimeClasses:     []string{"kata", "sandbox"},
		Tolerations:        []string{"dedicated", "example.com/gpu"},
		DefaultToken:       true,
	}
}

func (n namespaces) basicCases() []Case {
	return []Case{
		{"A read of a value that does not exist is ErrNotFound", func(t T) {
			n.requireMissing(t, NewName())
		}},
		{"Ensure creates the namespace, and a read returns it", func(t T) {
			want := n.place(t)
			RequireChange(t, namespaceChange(topology.Created, want, want), n.ensure(t, want))
			have := n.read(t, want.Name)
			require.Empty(t, adapter.Diff(want, have))
			require.True(t, have.Managed)
			require.False(t, have.Terminating)
		}},
		{"A second Ensure changes nothing", func(t T) {
			want := n.stored(t)
			RequireChange(t, namespaceChange(topology.Unchanged, want, want), n.ensure(t, want))
		}},
		{"Ensure repairs differences, names the fields and returns both values", func(t T) {
			before := n.stored(t)
			want := before.Clone()
			want.DisplayName, want.Protected, want.Labels["team"] = "Acme", true, "b"
			RequireChange(t, namespaceChange(topology.Updated, before, want,
				topology.FieldChange{Path: "displayName", From: "Acme, Inc.", To: "Acme"},
				topology.FieldChange{Path: "labels[team]", From: "a", To: "b"},
				topology.FieldChange{Path: "protected", From: "false", To: "true"},
			), n.ensure(t, want))
			require.Empty(t, adapter.Diff(want, n.read(t, want.Name)))
			want.Protected = false
			n.ensure(t, want)
		}},
	}
}
