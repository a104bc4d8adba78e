package topologytest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// renamed is an adapter that has other names than the fake for the objects that Polyphony manages.
func renamed(top, _ *puppet.Puppet, _ *brokenOutsider) {
	policies := func(list []netpolicy.Policy) {
		for i := range list {
			if list[i].Managed {
				list[i].Name = "a-fence"
			}
		}
		slices.SortFunc(list, func(a, b netpolicy.Policy) int {
			return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		})
	}
	bindings := func(list []rbac.Binding) {
		for i := range list {
			if b := &list[i]; b.Managed {
				b.Name, b.Role.Name = "tenancy:"+b.Name+":binding", "tenancy:"+b.Role.Name+":role"
			}
		}
		slices.SortFunc(list, rbac.Binding.Compare)
	}
	puppet.After(&top.OnNetworkPolicies, func(_ string, list *[]netpolicy.Policy, _ *error) { policies(*list) })
	puppet.After(&top.OnGrantsInForce, func(_ string, list *[]rbac.Binding, _ *error) { bindings(*list) })
	puppet.After(&top.OnInspect, func(_ string, in *topology.Inspection, _ *error) {
		policies(in.Policies)
		bindings(in.Grants)
	})
	reach := top.OnReach
	top.OnReach = func(ctx context.Context, c netpolicy.Connection) (netpolicy.Answer, error) {
		if answer, err := reach(ctx, c); err != nil {
			return answer, err
		}
		in, err := top.OnInspect(ctx, top.OnName())
		state := netpolicy.State{Policies: in.Policies, NamespaceLabels: map[string]map[string]string{}}
		for _, ns := range in.Namespaces {
			state.NamespaceLabels[ns.Namespace.Name] = ns.Labels
		}
		return state.Reach(c), err
	}
}

// The names of objects are an adapter's own.
func TestSuitesDoNotKnowTheNamesOfManagedObjects(t *testing.T) {
	for capability, cases := range suite(newHarness(renamed)) {
		for _, c := range cases {
			failed := puppet.Fails(t, func(v *puppet.Verdict) { c.Run(v) })
			require.False(t, failed, "%s: %q knows a name of the fake", capability, c.Rule)
		}
	}
}
