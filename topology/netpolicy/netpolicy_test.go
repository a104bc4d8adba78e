package netpolicy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/valuetest"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

func TestCloneIsEqualAndSharesNothing(t *testing.T) {
	t.Run("Policy", valuetest.Clone[netpolicy.Policy])
	t.Run("Rules", valuetest.Clone[netpolicy.Rules])
	t.Run("Rule", valuetest.Clone[netpolicy.Rule])
	t.Run("Peer", valuetest.Clone[netpolicy.Peer])
	t.Run("Selector", valuetest.Clone[netpolicy.Selector])
}

func TestDiffSeesEveryField(t *testing.T) {
	t.Run("Policy", valuetest.Diff[netpolicy.Policy])
	t.Run("Rules", valuetest.Diff[netpolicy.Rules])
	t.Run("Rule", valuetest.Diff[netpolicy.Rule])
	t.Run("Peer", valuetest.Diff[netpolicy.Peer])
	t.Run("Selector", valuetest.Diff[netpolicy.Selector])
}

// A new type with a Clone method needs a line in both tests above.
func TestEveryCloneIsTested(t *testing.T) {
	require.ElementsMatch(t, []string{"Policy", "Rules", "Rule", "Peer", "Selector"}, valuetest.Cloners(t))
}
