package topologytest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// ReadVisibilityTopology is what ReadVisibility needs: also an Authorizer, for the rights of
// readers.
type ReadVisibilityTopology interface {
	topology.ReadVisibility
	topology.Authorizer
}

// ReadVisibility checks the rules of topology.ReadVisibility.
func ReadVisibility[P ReadVisibilityTopology](t *testing.T, h Harness[P]) {
	RunCases(t, readVisibilityCases(h))
}

func readVisibilityPort[P ReadVisibilityTopology](h Harness[P]) port[topology.ClusterReaders] {
	readers := func(name, group string) topology.ClusterReaders {
		return topology.ClusterReaders{Tenant: name, Groups: []string{group, "shared"}}
	}
	return port[topology.ClusterReaders]{
		kind: topology.KindClusterReaders, read: h.Topology.ClusterReaders,
		ensure: h.Topology.EnsureClusterReaders, remove: h.Topology.DeleteClusterReaders,
		dryEnsure: h.DryRun.EnsureClusterReaders, dryRemove: h.DryRun.DeleteClusterReaders,
		value:   func(name string) topology.ClusterReaders { return readers(name, "a") },
		other:   func(name string) topology.ClusterReaders { return readers(name, "b") },
		differs: topology.FieldChange{Path: "groups", From: `["a","shared"]`, To: `["b","shared"]`},
		scratch: func(r topology.ClusterReaders) { clear(r.Groups) },
		place:   func(t T) string { return newReadersPlace(t, h.Topology) },
	}
}

// newReadersPlace returns the name of a tenant whose cluster readers are removed when the case is
// over.
func newReadersPlace(t T, top topology.ReadVisibility) string {
	name := NewName()
	t.Cleanup(func() {
		ctx, cancel := cleanupContext()
		defer cancel()
		_, _ = top.DeleteClusterReaders(ctx, name)
	})
	return name
}

func readVisibilityCases[P ReadVisibilityTopology](h Harness[P]) []Case {
	p := readVisibilityPort(h)
	ensure := func(t T, tenant, group string) {
		t.Helper()
		_, err := p.ensure(t.Context(), topology.ClusterReaders{Tenant: tenant, Groups: []string{group}})
		require.NoError(t, err)
	}
	principal := func(t T, group string) Principal {
		t.Helper()
		return Principal{t, h.Topology, rbac.Question{Groups: []string{group}, Namespace: h.newNamespace(t)}}
	}
	return slices.Concat(contentCases(h.Outsider, p), []Case{
		p.emptyCase(func(name string) topology.ClusterReaders { return topology.ClusterReaders{Tenant: name} }),
		{"Cluster readers read workloads in every namespace, but no secrets, and write nothing", func(t T) {
			group := NewName()
			ensure(t, p.place(t), group)
			reader := principal(t, group)
			reader.RequireSoon(true, "list", "apps", "deployments")
			reader.Require(true, "get", "", "pods", "")
			reader.Require(false, "create", "", "pods", "")
			reader.Require(false, "get", "", "secrets", "")
			reader.Require(false, "get", "", "configmaps", "")
			reader.Require(false, "get", "", "pods", "log")
		}},
		{"A group of two tenants keeps the right until both tenants have withdrawn it", func(t T) {
			group, one, two := NewName(), p.place(t), p.place(t)
			reader := principal(t, group)
			ensure(t, one, group)
			ensure(t, two, group)
			_, err := p.remove(t.Context(), one)
			require.NoError(t, err)
			p.requireStored(t, two, topology.ClusterReaders{Tenant: two, Groups: []string{group}})
			reader.RequireSoon(true, "list", "", "pods")
			_, err = p.remove(t.Context(), two)
			require.NoError(t, err)
			reader.RequireSoon(false, "list", "", "pods")
		}},
	})
}
