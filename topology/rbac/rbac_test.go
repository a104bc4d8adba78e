package rbac_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/valuetest"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestCloneIsEqualAndSharesNothing(t *testing.T) {
	t.Run("Rule", valuetest.Clone[rbac.Rule])
	t.Run("Binding", valuetest.Clone[rbac.Binding])
}

func TestDiffSeesEveryField(t *testing.T) {
	t.Run("Rule", valuetest.Diff[rbac.Rule])
	t.Run("Binding", valuetest.Diff[rbac.Binding])
}

// A new type with a Clone method needs a line in both tests above.
func TestEveryCloneIsTested(t *testing.T) {
	require.ElementsMatch(t, []string{"Rule", "Binding"}, valuetest.Cloners(t))
}
