package topologytest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// InspectorTopology is what Inspector needs: every capability that an inspection is compared with.
type InspectorTopology interface {
	topology.Topology
	topology.Platforms
	topology.Namespaces
	topology.Quotas
	topology.LimitRanges
	topology.NetworkIsolation
	topology.Reachability
	topology.AccessControl
	topology.GrantsInForce
	topology.Inspector
}

// Inspector checks the rules of topology.Inspector: an inspection agrees with the other
// capabilities.
func Inspector[P InspectorTopology](t *testing.T, h Harness[P]) {
	RunCases(t, inspectorCases(h))
}

func inspectorCases[P InspectorTopology](h Harness[P]) []Case {
	i := inspections{
		top: h.Topology, outsider: h.Outsider, newNamespace: h.newNamespace,
		quota: quotaPort(h), network: networkPort(h), access: accessPort(h),
	}
	return slices.Concat(i.namespaceCases(), i.wholeCases())
}

type inspections struct {
	top          InspectorTopology
	outsider     Outsider
	newNamespace func(T) string
	quota        port[topology.Quota]
	network      port[topology.NetworkRules]
	access       port[topology.Access]
}

func (i inspections) inspect(t T) topology.Inspection {
	t.Helper()
	in, err := i.top.Inspect(t.Context())
	require.NoError(t, err)
	return in
}

// inspectNamespace returns the part of an inspection for one namespace.
func (i inspections) inspectNamespace(t T, name string) topology.NamespaceInspection {
	t.Helper()
	all := i.inspect(t).Namespaces
	at := slices.IndexFunc(all, func(n topology.NamespaceInspection) bool { return n.Namespace.Name == name })
	require.GreaterOrEqual(t, at, 0, "%s is missing", name)
	return all[at]
}

// furnished returns a namespace with every value of a tenant.
func (i inspections) furnished(t T) string {
	t.Helper()
	want := fullNamespace(newPlace(t, i.top))
	_, err := i.top.EnsureNamespace(t.Context(), want)
	require.NoError(t, err)
	i.quota.store(t, want.Name)
	i.network.store(t, want.Name)
	i.access.store(t, want.Name)
	_, err = i.top.EnsureLimitRange(t.Context(), topology.LimitRange{Namespace: want.Name, Limits: []topology.Limit{
		{Type: topology.LimitPVC, Max: parseAmounts("storage=5Gi")},
	}})
	require.NoError(t, err)
	return want.Name
}

func (i inspections) namespaceCases() []Case {
	return []Case{
		{"A namespace is inspected as its capabilities read it", func(t T) {
			name := i.furnished(t)
			have := i.inspectNamespace(t, name)
			namespace, err := i.top.Namespace(t.Context(), name)
			require.NoError(t, err)
			require.Empty(t, adapter.Diff(namespace, have.Namespace))
			require.True(t, have.Namespace.Managed)
			require.Equal(t, name, have.Labels[topology.LabelTenant])
			quota, err := i.top.Quota(t.Context(), name)
			require.NoError(t, err)
			require.NotNil(t, have.Quota)
			require.Empty(t, adapter.Diff(quota, *have.Quota))
			limits, err := i.top.LimitRange(t.Context(), name)
			require.NoError(t, err)
			require.NotNil(t, have.LimitRange)
			require.Empty(t, adapter.Diff(limits, *have.LimitRange))
			require.Empty(t, have.Beyond)
		}},
		{"A value that does not exist or is foreign is nil", func(t T) {
			bare, occupied := i.newNamespace(t), i.newNamespace(t)
			i.outsider.Occupy(t, occupied, topology.KindQuota)
			i.outsider.Occupy(t, occupied, topology.KindLimitRange)
			for _, name := range []string{bare, occupied} {
				have := i.inspectNamespace(t, name)
				require.Nil(t, have.Quota)
				require.Nil(t, have.LimitRange)
			}
		}},
		{"A foreign namespace is listed as one that Polyphony does not manage", func(t T) {
			name := NewName()
			i.outsider.CreateNamespace(t, name, "Helm")
			i.outsider.LabelNamespace(t, name, "team", "a")
			have := i.inspectNamespace(t, name)
			require.False(t, have.Namespace.Managed)
			require.Equal(t, "a", have.Labels["team"])
		}},
		{"Namespaces are sorted by name", func(t T) {
			i.newNamespace(t)
			i.newNamespace(t)
			require.True(t, slices.IsSortedFunc(i.inspect(t).Namespaces, func(a, b topology.NamespaceInspection) int {
				return strings.Compare(a.Namespace.Name, b.Namespace.Name)
			}))
		}},
	}
}

func (i inspections) wholeCases() []Case {
	return []Case{
		{"The inspection holds every policy and grant in force", func(t T) {
			name := i.furnished(t)
			i.outsider.AddNetworkPolicy(t, netpolicy.Policy{Namespace: name, Name: "leak", Ingress: &netpolicy.Rules{{}}})
			i.outsider.Grant(t, name, foreignGrant())
			have := i.inspect(t)
			policies, err := i.top.NetworkPolicies(t.Context(), name)
			require.NoError(t, err)
			require.Len(t, policies, 2)
			require.Empty(t, adapter.Diff(policies, slices.DeleteFunc(have.Policies, func(p netpolicy.Policy) bool {
				return p.Namespace != name
			})))
			grants := grantsIn(t, i.top, name)
			require.Len(t, grants, 3)
			require.ElementsMatch(t, grants, slices.DeleteFunc(have.Grants, func(b rbac.Binding) bool {
				return b.Namespace != name
			}))
		}},
		{"An inspection names the topology, the time, the platform and the version", func(t T) {
			have := i.inspect(t)
			require.Equal(t, i.top.Name(), have.Topology)
			require.False(t, have.At.IsZero())
			platform, err := i.top.Platform(t.Context())
			require.NoError(t, err)
			require.Empty(t, adapter.Diff(platform, have.Platform))
			ready, err := i.top.Ready(t.Context())
			require.NoError(t, err)
			require.Equal(t, ready.Version, have.Readiness.Version)
			require.Empty(t, have.Readiness.Missing)
		}},
		{"A cancelled context gets no answer", func(t T) {
			_, err := i.top.Inspect(cancelled(t))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
