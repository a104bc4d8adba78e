package tenant

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func TestMemberValidate(t *testing.T) {
	members := func(all ...Member) func(*TenantScore) {
		return func(s *TenantScore) { s.RBAC.Members = all }
	}
	visibility := func(v ReadVisibility, all ...Member) func(*TenantScore) {
		return func(s *TenantScore) { s.RBAC = RBACConfig{Members: all, ReadVisibility: v} }
	}
	group := func(name string) func(*TenantScore) { return members(Member{Role: Viewer, Name: name}) }
	user := func(name string) func(*TenantScore) {
		return members(Member{Role: Viewer, Kind: rbac.User, Name: name})
	}
	account := func(namespace, name string) func(*TenantScore) {
		return members(Member{Role: Viewer, Kind: rbac.ServiceAccount, Name: name, Namespace: namespace})
	}
	member0 := "rbac.members[0]"
	name, namespace := []string{member0 + ".name"}, []string{member0 + ".namespace"}
	testEdges(t, []edge{
		{"a group", group("devs"), nil},
		{"a group with the name of a directory entry", group("CN=Devs, OU=Acme (EU),DC=example"), nil},
		{"a group with a prefix", group("oidc:/Acme/Entwickler ü"), nil},
		{"a group whose prefix resembles system:", group("systems:devs"), nil},
		{"a group that contains system:", group("my-system:masters"), nil},
		{"a user", user("jane@example.com"), nil},
		{"a service account", account("ci", "deployer.v1"), nil},
		{"a service account of the tenant itself", account("acme", "deployer"), nil},
		{"members in every role", members(Member{Role: Admin, Name: "a"}, Member{Role: Developer, Name: "b"},
			Member{Role: Viewer, Name: "c"}), nil},
		{"one group in two roles", members(Member{Role: Admin, Name: "a"}, Member{Role: Viewer, Name: "a"}), nil},
		{"a group and a user with the same name",
			members(Member{Role: Admin, Name: "a"}, Member{Role: Admin, Kind: rbac.User, Name: "a"}), nil},
		{"service accounts with the same name in two namespaces",
			members(Member{Role: Admin, Kind: rbac.ServiceAccount, Name: "a", Namespace: "x"},
				Member{Role: Admin, Kind: rbac.ServiceAccount, Name: "a", Namespace: "y"}), nil},

		{"a member without a role", members(Member{Name: "devs"}), []string{member0 + ".role"}},
		{"unknown role", members(Member{Role: "owner", Name: "devs"}), []string{member0 + ".role"}},
		{"a role in another case", members(Member{Role: "Admin", Name: "devs"}), []string{member0 + ".role"}},
		{"unknown kind", members(Member{Role: Viewer, Kind: "Robot", Name: "r2d2"}), []string{member0 + ".kind"}},
		{"a kind in lower case",
			members(Member{Role: Viewer, Kind: "group", Name: "devs"}), []string{member0 + ".kind"}},

		{"a group without a name", group(""), name},
		{"a user without a name", user(""), name},
		{"a name with spaces around it", group(" padded "), name},
		{"a name with a space before it", group(" devs"), name},
		{"a name with a space after it", user("jane "), name},
		{"a name with a no-break space after it", group("devs\u00a0"), name},
		{"a name of spaces", group("  "), name},
		{"a name with a tab", group("a\tb"), name},
		{"a name of two lines", group("a\nb"), name},
		{"a name with a NUL byte", user("a\x00b"), name},
		{"a name that is not UTF-8", user("a\xffb"), name},
		{"a name of the greatest length", group(strings.Repeat("d", 512)), nil},
		{"a name of one byte more", group(strings.Repeat("d", 513)), name},
		{"a name that is too long in bytes", user(strings.Repeat("é", 257)), name},
		{"the group system:masters", group("system:masters"), name},
		{"the group system:masters in another case", group("System:masters"), name},
		{"the group system:masters in upper case", group("SYSTEM:MASTERS"), name},
		{"the group of all authenticated users", group("system:authenticated"), name},
		{"the group of unauthenticated users", group("system:unauthenticated"), name},
		{"the group of all service accounts", group("system:serviceaccounts"), name},
		{"the group of all service accounts of a namespace", group("system:serviceaccounts:acme"), name},
		{"the prefix system: alone", group("system:"), name},
		{"the anonymous user", user("system:anonymous"), name},
		{"the user of a node", user("system:node:worker-1"), name},
		{"a service account under its user name", user("system:serviceaccount:acme:default"), name},

		{"group with a namespace", members(Member{Role: Viewer, Name: "devs", Namespace: "acme"}), namespace},
		{"user with a namespace", members(Member{Role: Viewer, Kind: rbac.User, Name: "jane", Namespace: "acme"}),
			namespace},
		{"service account without a namespace", account("", "deployer"), namespace},
		{"service account of the platform", account("kube-system", "deployer"), namespace},
		{"service account of the default namespace", account("default", "default"), namespace},
		{"a service account in an invalid namespace", account("Acme", "deployer"), namespace},
		{"service account without a name", account("ci", ""), name},
		{"a service account with an invalid name", account("ci", "Deployer"), name},

		{"the same group twice", members(Member{Role: Viewer, Name: "devs"}, Member{Role: Viewer, Name: "devs"}),
			[]string{"rbac.members[1]"}},
		{"the same group twice, the second with its kind", members(Member{Role: Viewer, Name: "devs"},
			Member{Role: Viewer, Kind: rbac.Group, Name: "devs"}), []string{"rbac.members[1]"}},
		{"the same group twice, the first with its kind", members(Member{Role: Viewer, Kind: rbac.Group, Name: "devs"},
			Member{Role: Viewer, Name: "devs"}), []string{"rbac.members[1]"}},
		{"the same group three times", members(Member{Role: Viewer, Name: "a"}, Member{Role: Viewer, Name: "a"},
			Member{Role: Viewer, Name: "a"}),
			[]string{"rbac.members[1]", "rbac.members[2]"}},

		{"visibility own", visibility(VisibilityOwn), nil},
		{"visibility cluster", visibility(VisibilityCluster, Member{Role: Viewer, Name: "devs"}), nil},
		{"visibility cluster without members", visibility(VisibilityCluster), []string{"rbac.readVisibility"}},
		{"visibility cluster without groups",
			visibility(VisibilityCluster, Member{Role: Viewer, Kind: rbac.User, Name: "jane"}),
			[]string{"rbac.readVisibility"}},
		{"unknown visibility", visibility("Cluster", Member{Role: Viewer, Name: "devs"}),
			[]string{"rbac.readVisibility"}},
	})
}

func TestAccessSortsMembers(t *testing.T) {
	members := []Member{
		{Role: Viewer, Name: "auditors"},
		{Role: Admin, Kind: rbac.User, Name: "zoe"},
		{Role: Admin, Kind: rbac.User, Name: "adam"},
		{Role: Admin, Name: "ops"},
		{Role: Admin, Kind: rbac.ServiceAccount, Name: "a", Namespace: "z"},
		{Role: Admin, Kind: rbac.ServiceAccount, Name: "b", Namespace: "c"},
		{Role: Admin, Kind: rbac.ServiceAccount, Name: "a", Namespace: "c"},
	}
	want := topology.Access{Namespace: "acme", Grants: []topology.Grant{
		{Role: "admin", Rules: Admin.Rules(), Subjects: []rbac.Subject{
			{Kind: rbac.Group, Name: "ops"},
			{Kind: rbac.ServiceAccount, Name: "a", Namespace: "c"},
			{Kind: rbac.ServiceAccount, Name: "b", Namespace: "c"},
			{Kind: rbac.ServiceAccount, Name: "a", Namespace: "z"},
			{Kind: rbac.User, Name: "adam"}, {Kind: rbac.User, Name: "zoe"},
		}},
		{Role: "viewer", Rules: Viewer.Rules(), Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "auditors"}}},
	}}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		require.Equal(t, want, RBACConfig{Members: members}.access("acme"))
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
}

func TestAccessHasOneGrantForEachRoleWithMembers(t *testing.T) {
	require.Equal(t, topology.Access{Namespace: "acme"}, RBACConfig{}.access("acme"))
	var all []Member
	for _, role := range Roles() {
		access := RBACConfig{Members: []Member{{Role: role, Name: "a"}, {Role: role, Name: "b"}}}.access("acme")
		require.Len(t, access.Grants, 1)
		require.Equal(t, string(role), access.Grants[0].Role)
		require.Equal(t, role.Rules(), access.Grants[0].Rules)
		require.Len(t, access.Grants[0].Subjects, 2)
		all = append(all, Member{Role: role, Name: "a"})
	}
	require.Len(t, RBACConfig{Members: all}.access("acme").Grants, 3)
}

func TestReadersAreTheGroupsAmongTheMembers(t *testing.T) {
	c := RBACConfig{Members: []Member{
		{Role: Viewer, Name: "devs"}, {Role: Admin, Kind: rbac.Group, Name: "devs"}, {Role: Admin, Name: "all"},
		{Role: Developer, Name: "devs"},
		{Role: Viewer, Kind: rbac.User, Name: "jane"}, {Role: Viewer, Kind: rbac.ServiceAccount, Name: "sa",
			Namespace: "ci"},
	}}
	require.Equal(t, []string{"all", "devs"}, c.groups())
	require.Empty(t, RBACConfig{}.groups())
}

func TestReadVisibilityIsForGroups(t *testing.T) {
	s := full()
	require.Equal(t, topology.ClusterReaders{Tenant: "acme", Groups: []string{"acme-devs", "acme-ops"}},
		s.RBAC.readers("acme"), "groups only")
	for _, v := range []ReadVisibility{"", VisibilityOwn} {
		s.RBAC.ReadVisibility = v
		require.Empty(t, s.RBAC.readers("acme").Groups)
	}
}
