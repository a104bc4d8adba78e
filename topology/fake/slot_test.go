package fake_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

// ensureCase ensures one kind of value twice and deletes it.
type ensureCase struct {
	first, second any
	ensure        func(any) (topology.Change, error)
	remove        func() (topology.Change, error)
}

func TestChangesCarryTheTypedValues(t *testing.T) {
	top := fake.New(fake.Options{})
	_, err := top.EnsureNamespace(t.Context(), topology.Namespace{Name: "acme"})
	require.NoError(t, err)
	ctx := t.Context()
	pods := func(n string) map[string]resource.Quantity {
		return map[string]resource.Quantity{"pods": resource.MustParse(n)}
	}
	for name, tt := range map[string]ensureCase{
		"namespace": {
			topology.Namespace{Name: "globex", Managed: true},
			topology.Namespace{Name: "globex", Managed: true, DisplayName: "Globex"},
			func(v any) (topology.Change, error) { return top.EnsureNamespace(ctx, v.(topology.Namespace)) },
			func() (topology.Change, error) { return top.DeleteNamespace(ctx, "globex") },
		},
		"quota": {
			topology.Quota{Namespace: "acme", Hard: pods("1")}, topology.Quota{Namespace: "acme", Hard: pods("2")},
			func(v any) (topology.Change, error) { return top.EnsureQuota(ctx, v.(topology.Quota)) },
			func() (topology.Change, error) { return top.DeleteQuota(ctx, "acme") },
		},
		"network rules": {
			topology.NetworkRules{Namespace: "acme"},
			topology.NetworkRules{Namespace: "acme", Ingress: []topology.NetworkRule{{}}},
			func(v any) (topology.Change, error) { return top.EnsureNetworkRules(ctx, v.(topology.NetworkRules)) },
			func() (topology.Change, error) { return top.DeleteNetworkRules(ctx, "acme") },
		},
		"cluster readers": {
			topology.ClusterReaders{Tenant: "acme", Groups: []string{"a"}},
			topology.ClusterReaders{Tenant: "acme", Groups: []string{"b"}},
			func(v any) (topology.Change, error) {
				return top.EnsureClusterReaders(ctx, v.(topology.ClusterReaders))
			},
			func() (topology.Change, error) { return top.DeleteClusterReaders(ctx, "acme") },
		},
		"guardrails": {
			topology.GuardrailSet{Version: 1, Rules: []topology.Guardrail{topology.GuardrailClaims}},
			topology.GuardrailSet{Version: 1, Rules: []topology.Guardrail{topology.GuardrailServices}},
			func(v any) (topology.Change, error) { return top.EnsureGuardrails(ctx, v.(topology.GuardrailSet)) },
			func() (topology.Change, error) { return top.DeleteGuardrails(ctx) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			requireChange := func(c topology.Change, err error, action topology.Action, before, after any) {
				t.Helper()
				require.NoError(t, err)
				require.Equal(t, action, c.Action)
				require.Equal(t, before, c.Before)
				require.Equal(t, after, c.After)
				require.False(t, c.Inexact)
			}
			change, err := tt.ensure(tt.first)
			requireChange(change, err, topology.Created, nil, tt.first)
			change, err = tt.ensure(tt.first)
			requireChange(change, err, topology.Unchanged, nil, nil)
			change, err = tt.ensure(tt.second)
			requireChange(change, err, topology.Updated, tt.first, tt.second)
			change, err = tt.remove()
			requireChange(change, err, topology.Deleted, tt.second, nil)
			change, err = tt.remove()
			requireChange(change, err, topology.Unchanged, nil, nil)
		})
	}
}
