package isolation_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestVisibilityAsksForEveryKindOfMember(t *testing.T) {
	in, s := reading(t)
	acme, globex := s.Tenants[0], s.Tenants[1]
	for _, member := range []tenant.Member{
		{Role: tenant.Developer, Name: "acme-devs"},
		{Role: tenant.Viewer, Kind: rbac.ServiceAccount, Name: "bot", Namespace: "acme"},
		{Role: tenant.Viewer, Kind: rbac.User, Name: "nobody"},
	} {
		acme.RBAC.Members = []tenant.Member{member}
		table, err := isolation.Visibility(in, acme, globex)
		require.NoError(t, err)
		require.Equal(t, member.Subject().String(), table.Member)
		require.Equal(t, "view pods", table.Rows[0].Operation)
		require.Equal(t, member.Kind != rbac.User, table.Rows[0].Own, "%v", member)
		require.Equal(t, member.Kind == "", table.Rows[0].Other, "only groups have cluster visibility")
		require.Equal(t, "connect to pods", table.Rows[len(table.Rows)-1].Operation)
		require.Contains(t, table.Markdown(), "| view pods | ")
		require.Equal(t, len(table.Rows), strings.Count(table.String(), "\n"))
	}
}

func TestVisibilityNeedsAMember(t *testing.T) {
	in, s := reading(t)
	empty := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "empty"}}
	_, err := isolation.Visibility(in, empty, s.Tenants[0])
	require.EqualError(t, err, "the tenant empty has no members; set rbac.members")
}
