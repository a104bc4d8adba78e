package rbac_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestBindingCompareOrdersByKindNamespaceAndName(t *testing.T) {
	sorted := []rbac.Binding{
		{Kind: rbac.ClusterRoleBinding, Name: "z"},
		{Kind: rbac.RoleBinding, Namespace: "acme", Name: "y"},
		{Kind: rbac.RoleBinding, Namespace: "acme", Name: "z"},
		{Kind: rbac.RoleBinding, Namespace: "globex", Name: "a"},
	}
	have := []rbac.Binding{sorted[3], sorted[2], sorted[0], sorted[1]}
	slices.SortFunc(have, rbac.Binding.Compare)
	require.Equal(t, sorted, have)
	same := sorted[1]
	require.Zero(t, same.Compare(sorted[1]))
}

func TestBindingString(t *testing.T) {
	leak := rbac.Binding{Kind: rbac.RoleBinding, Namespace: "globex", Name: "leak"}
	require.Equal(t, "RoleBinding globex/leak", leak.String())
	require.Equal(t, "ClusterRoleBinding leak", rbac.Binding{Kind: rbac.ClusterRoleBinding, Name: "leak"}.String())
}
