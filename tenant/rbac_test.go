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
		{"group", group("devs"), nil},
		{"group of a directory", group("CN=Devs, OU=Acme (EU),DC=example"), nil},
		{"group with a prefix", group("oidc:/Acme/Entwickler ü"), nil},
		{"group that is nearly of the system", group("systems:devs"), nil},
		{"group that mentions the system", group("my-system:masters"), nil},
		{"user", user("jane@example.com"), nil},
		{"service account", account("ci", "deployer.v1"), nil},
		{"tenant's own service account", account("acme", "deployer"), nil},
		{"roles", members(Member{Role: Admin, Name: "a"}, Member{Role: Developer, Name: "b"},
			Member{Role: Viewer, Name: "c"}), nil},
		{"one in two roles", members(Member{Role: Admin, Name: "a"}, Member{Role: Viewer, Name: "a"}), nil},
		{"group and user of one name",
			members(Member{Role: Admin, Name: "a"}, Member{Role: Admin, Kind: rbac.User, Name: "a"}), nil},
		{"service accounts of one name",
			members(Member{Role: Admin, Kind: rbac.ServiceAccount, Name: "a", Namespace: "x"},
				Member{Role: Admin, Kind: rbac.ServiceAccount, Name: "a", Namespace: "y"}), nil},

		{"no role", members(Member{Name: "devs"}), []string{member0 + ".role"}},
		{"unknown role", members(Member{Role: "owner", Name: "devs"}), []string{member0 + ".role"}},
		{"role in capitals", members(Member{Role: "Admin", Name: "devs"}), []string{member0 + ".role"}},
		{"unknown kind", members(Member{Role: Viewer, Kind: "Robot", Name: "r2d2"}), []string{member0 + ".kind"}},
		{"kind in lower case", members(Member{Role: Viewer, Kind: "group", Name: "devs"}), []string{member0 + ".kind"}},

		{"no name", group(""), name},
		{"no name of a user", user(""), name},
		{"padded", group(" padded "), name},
		{"padded on the left", group(" devs"), name},
		{"padded on the right", user("jane "), name},
		{"padded with a no-break space", group("devs\u00a0"), name},
		{"blank", group("  "), name},
		{"tab within", group("a\tb"), name},
		{"two lines", group("a\nb"), name},
		{"NUL", user("a\x00b"), name},
		{"not UTF-8", user("a\xffb"), name},
		{"as long as may be", group(strings.Repeat("d", 512)), nil},
		{"too long", group(strings.Repeat("d", 513)), name},
		{"too long for a user", user(strings.Repeat("é", 257)), name},
		{"masters", group("system:masters"), name},
		{"masters in capitals", group("System:masters"), name},
		{"masters in more capitals", group("SYSTEM:MASTERS"), name},
		{"all authenticated users", group("system:authenticated"), name},
		{"anybody", group("system:unauthenticated"), name},
		{"all service accounts", group("system:serviceaccounts"), name},
		{"all service accounts of a namespace", group("system:serviceaccounts:acme"), name},
		{"system alone", group("system:"), name},
		{"anonymous", user("system:anonymous"), name},
		{"node", user("system:node:worker-1"), name},
		{"service account as a user", user("system:serviceaccount:acme:default"), name},

		{"group with a namespace", members(Member{Role: Viewer, Name: "devs", Namespace: "acme"}), namespace},
		{"user with a namespace", members(Member{Role: Viewer, Kind: rbac.User, Name: "jane", Namespace: "acme"}),
			namespace},
		{"service account without a namespace", account("", "deployer"), namespace},
		{"service account of the platform", account("kube-system", "deployer"), namespace},
		{"service account of the default namespace", account("default", "default"), namespace},
		{"service account of a bad namespace", account("Acme", "deployer"), namespace},
		{"service account without a name", account("ci", ""), name},
		{"service account of a bad name", account("ci", "Deployer"), name},

		{"same group twice", members(Member{Role: Viewer, Name: "devs"}, Member{Role: Viewer, Name: "devs"}),
			[]string{"rbac.members[1]"}},
		{"same group, once explicit", members(Member{Role: Viewer, Name: "devs"},
			Member{Role: Viewer, Kind: rbac.Group, Name: "devs"}), []string{"rbac.members[1]"}},
		{"same group, first explicit", members(Member{Role: Viewer, Kind: rbac.Group, Name: "devs"},
			Member{Role: Viewer, Name: "devs"}), []string{"rbac.members[1]"}},
		{"same three times", members(Member{Role: Viewer, Name: "a"}, Member{Role: Viewer, Name: "a"},
			Member{Role: Viewer, Name: "a"}),
			[]string{"rbac.members[1]", "rbac.members[2]"}},

		{"own", visibility(VisibilityOwn), nil},
		{"cluster", visibility(VisibilityCluster, Member{Role: Viewer, Name: "devs"}), nil},
		{"cluster without members", visibility(VisibilityCluster), []string{"rbac.readVisibility"}},
		{"cluster without groups", visibility(VisibilityCluster, Member{Role: Viewer, Kind: rbac.User, Name: "jane"}),
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
