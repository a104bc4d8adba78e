package clone

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
)

type list []string

func (l list) Clone() list { return slices.Clone(l) }

func TestEachCopiesEveryElement(t *testing.T) {
	original := []list{{"a"}, nil}
	copied := Each(original, list.Clone)
	require.Equal(t, original, copied)
	copied[0][0] = "changed"
	require.Equal(t, "a", original[0][0])
	require.Nil(t, Each(nil, list.Clone))
}

func TestPointerCopiesTheValue(t *testing.T) {
	original := list{"a"}
	copied := Pointer(&original)
	require.Equal(t, &original, copied)
	(*copied)[0] = "changed"
	require.Equal(t, list{"a"}, original)
	require.Nil(t, Pointer[list](nil))
}

func TestQuantitiesCopiesEveryAmount(t *testing.T) {
	large := "10000000000000000000000001" // more than an int64, so that the quantity holds a pointer
	original := map[string]resource.Quantity{"pods": resource.MustParse(large)}
	copied := Quantities(original)
	amount := copied["pods"]
	amount.Add(resource.MustParse("1"))
	kept := original["pods"]
	require.Zero(t, kept.Cmp(resource.MustParse(large)))
	require.Equal(t, 1, amount.Cmp(kept))
	require.Nil(t, Quantities(nil))
}
