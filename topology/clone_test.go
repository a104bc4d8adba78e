package topology_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/valuetest"
	"github.com/polyphony-go/polyphony/topology"
)

// valueChecks are the checks of one type of the ports.
type valueChecks struct{ clone, diff func(*testing.T) }

func checksOf[V interface{ Clone() V }]() valueChecks {
	return valueChecks{clone: valuetest.Clone[V], diff: valuetest.Diff[V]}
}

// portValues has the checks of every type of package topology that has a Clone method, by name.
var portValues = map[string]valueChecks{
	"Namespace":      checksOf[topology.Namespace](),
	"Quota":          checksOf[topology.Quota](),
	"LimitRange":     checksOf[topology.LimitRange](),
	"NetworkRules":   checksOf[topology.NetworkRules](),
	"NetworkRule":    checksOf[topology.NetworkRule](),
	"NetworkPeer":    checksOf[topology.NetworkPeer](),
	"Access":         checksOf[topology.Access](),
	"Grant":          checksOf[topology.Grant](),
	"ClusterReaders": checksOf[topology.ClusterReaders](),
	"Platform":       checksOf[topology.Platform](),
	"Allowances":     checksOf[topology.Allowances](),
	"GuardrailSet":   checksOf[topology.GuardrailSet](),
}

func TestCloneIsEqualAndSharesNothing(t *testing.T) {
	for name, value := range portValues {
		t.Run(name, value.clone)
	}
}

func TestDiffSeesEveryField(t *testing.T) {
	for name, value := range portValues {
		t.Run(name, value.diff)
	}
}

// A new type with a Clone method needs a line in portValues.
func TestEveryCloneIsTested(t *testing.T) {
	require.ElementsMatch(t, slices.Collect(maps.Keys(portValues)), valuetest.Cloners(t))
}
