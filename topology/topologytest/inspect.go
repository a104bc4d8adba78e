package topologytest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// InspectorTopology is what Inspector tests.
type InspectorTopology interface {
	TenantTopology
	topology.Reachability
	topology.GrantsInForce
	topology.Inspector
}

// Inspector checks the rules of topology.Inspector: it says what the other capabilities say, of whoever.
func Inspector[P InspectorTopology](t *testing.T, h Harness[P]) {
	runChecks(t, inspectorChecks(h))
}

// provisioned runs the Score.
func provisioned(t T, s tenant.TenantScore, top tenant.Topology) {
	t.Helper()
	_, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
}

func inspectorChecks[P InspectorTopology](h Harness[P]) []check {
	top := h.Topology
	inspect := func(t T) topology.Inspection {
		t.Helper()
		in, err := top.Inspect(t.Context())
		require.NoError(t, err)
		return in
	}
	in := func(t T, name string) topology.NamespaceInspection {
		t.Helper()
		all := inspect(t).Namespaces
		i := slices.IndexFunc(all, func(n topology.NamespaceInspection) bool { return n.Namespace.Name == name })
		require.GreaterOrEqual(t, i, 0, "%s is not there", name)
		return all[i]
	}
	return []check{
		{"a tenant is as its capabilities read it", func(t T) {
			s := newTenant(t, top)
			name := s.TenantConfig.Name
			provisioned(t, s, top)
			have := in(t, name)
			namespace, err := top.Namespace(t.Context(), name)
			require.NoError(t, err)
			require.Empty(t, adapter.Diff(namespace, have.Namespace))
			require.True(t, have.Namespace.Managed)
			require.Equal(t, name, have.Labels[topology.LabelTenant])
			quota, err := top.Quota(t.Context(), name)
			require.NoError(t, err)
			require.NotNil(t, have.Quota)
			require.Empty(t, adapter.Diff(quota, *have.Quota))
			limits, err := top.LimitRange(t.Context(), name)
			require.NoError(t, err)
			require.NotNil(t, have.LimitRange)
			require.Empty(t, adapter.Diff(limits, *have.LimitRange))
			require.Empty(t, have.Beyond)
		}},
		{"what is not there, or somebody else's, is none", func(t T) {
			bare, occupied := newNamespace(t, top), newNamespace(t, top)
			h.Outsider.Occupy(t, occupied, "Quota")
			h.Outsider.Occupy(t, occupied, "LimitRange")
			for _, name := range []string{bare, occupied} {
				have := in(t, name)
				require.Nil(t, have.Quota)
				require.Nil(t, have.LimitRange)
			}
		}},
		{"somebody else's namespace is there, and not Polyphony's", func(t T) {
			name := newName()
			h.Outsider.CreateNamespace(t, name, "Helm")
			h.Outsider.LabelNamespace(t, name, "team", "a")
			have := in(t, name)
			require.False(t, have.Namespace.Managed)
			require.Equal(t, "a", have.Labels["team"])
		}},
		{"policies and grants are all that there are", func(t T) {
			s := newTenant(t, top)
			name := s.TenantConfig.Name
			provisioned(t, s, top)
			h.Outsider.AddNetworkPolicy(t, netpolicy.Policy{Namespace: name, Name: "leak", Ingress: &netpolicy.Rules{{}}})
			h.Outsider.Grant(t, name, topology.Grant{Role: "leak", Rules: []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}},
				Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "everybody"}}})
			have := inspect(t)
			policies, err := top.NetworkPolicies(t.Context(), name)
			require.NoError(t, err)
			require.Len(t, policies, 2)
			require.Empty(t, adapter.Diff(policies, slices.DeleteFunc(have.Policies, func(p netpolicy.Policy) bool { return p.Namespace != name })))
			grants := grantsIn(t, top, name)
			require.Len(t, grants, 3)
			require.ElementsMatch(t, grants, slices.DeleteFunc(have.Grants, func(g rbac.Binding) bool { return g.Namespace != name }))
		}},
		{"it says what it is about", func(t T) {
			have := inspect(t)
			require.Equal(t, top.Name(), have.Topology)
			require.False(t, have.At.IsZero())
			platform, err := top.Platform(t.Context())
			require.NoError(t, err)
			require.Empty(t, adapter.Diff(platform, have.Platform))
			ready, err := top.Ready(t.Context())
			require.NoError(t, err)
			require.Equal(t, ready.Version, have.Readiness.Version)
		}},
		{"a cancelled context reads nothing", func(t T) {
			_, err := top.Inspect(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
