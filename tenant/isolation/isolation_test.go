package isolation

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// neighbours are two tenants behind every guardrail.
func neighbours(t *testing.T) (*fake.Topology, IsolationScore) {
	t.Helper()
	top := fake.New(fake.Options{})
	named := func(name string, visibility ReadVisibility) TenantScore {
		return TenantScore{
			TenantConfig:     TenantConfig{Name: name, ImageRegistries: []string{"registry.example.com/" + name}},
			NetworkIsolation: NetworkIsolationPolicy{PublicInternetEgress: true, Domains: []string{name + ".example.com"}},
			RBAC: RBACConfig{ReadVisibility: visibility, Members: []Member{
				{Role: Developer, Name: name + "-devs"}, {Role: Viewer, Kind: rbac.ServiceAccount, Name: "bot", Namespace: name},
			}},
		}
	}
	tenants := []TenantScore{named("acme", VisibilityCluster), named("globex", VisibilityOwn)}
	_, err := score.Run(t.Context(), GuardrailsScore{}.On(top), tenants[0].On(top), tenants[1].On(top))
	require.NoError(t, err)
	return top, IsolationScore{Tenants: tenants}
}

func TestIsolationHolds(t *testing.T) {
	top, s := neighbours(t)
	var report IsolationReport
	s.Report = func(r IsolationReport) { report = r }
	before := top.State()
	_, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err, report.String())
	require.Empty(t, report.Broken())
	require.Len(t, report.Findings, 2+2*7)
	require.Equal(t, before, top.State())
	first := report
	_, err = score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
	require.Equal(t, first.Digest, report.Digest)
}

func TestIsolationNamesWhatIsBroken(t *testing.T) {
	grant := func(role string, kind rbac.SubjectKind, name, namespace string, rule rbac.Rule) func(fake.Outsider) {
		return func(o fake.Outsider) {
			o.Grant("globex", topology.Grant{Role: role, Rules: []rbac.Rule{rule}, Subjects: []rbac.Subject{{Kind: kind, Name: name, Namespace: namespace}}})
		}
	}
	secrets := rbac.Rule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}
	tests := []struct {
		name      string
		weaken    func(fake.Outsider)
		guarantee Guarantee
		witness   string
	}{
		{"pod security", func(o fake.Outsider) { o.SetPodSecurity("globex", topology.PodSecurityPrivileged) }, GuaranteeBoundary, "podSecurity is privileged and should be restricted"},
		{"a quota of somebody else", func(o fake.Outsider) { o.Occupy("globex", "Quota") }, GuaranteeQuota, "Quota globex is not there"},
		{"limits of somebody else", func(o fake.Outsider) { o.Occupy("globex", "LimitRange") }, GuaranteeLimits, "LimitRange globex is not there"},
		{"no network rules", func(o fake.Outsider) { o.Occupy("globex", "NetworkRules") }, GuaranteeNetwork, "NetworkPolicy globex/polyphony is not about egress, which is open then"},
		{"a policy that opens", func(o fake.Outsider) {
			o.AddNetworkPolicy(netpolicy.Policy{Namespace: "globex", Name: "leak", Ingress: &netpolicy.Rules{{}}})
		}, GuaranteeNetwork, "NetworkPolicy globex/leak is somebody else's and allows ingress with everybody on every port"},
		{"a grant to another tenant's group", grant("leak", rbac.Group, "acme-devs", "", secrets), GuaranteeIsolation,
			"RoleBinding globex/leak grants get secrets to Group acme-devs, of the tenant acme"},
		{"a grant to another tenant's program", grant("leak", rbac.ServiceAccount, "default", "acme", secrets), GuaranteeIsolation, "ServiceAccount acme/default, of the tenant acme"},
		{"a grant to a program under its user's name", grant("leak", rbac.User, "system:serviceaccount:acme:default", "", secrets), GuaranteeIsolation, "of the tenant acme"},
		{"a grant to all of another tenant's programs", grant("leak", rbac.Group, "system:serviceaccounts:acme", "", secrets), GuaranteeIsolation, "of the tenant acme"},
		{"a grant to everybody", grant("leak", rbac.Group, "system:authenticated", "", secrets), GuaranteeIsolation, "that is everybody"},
		{"a grant to who has gone", grant("leak", rbac.ServiceAccount, "ci", "gone", secrets), GuaranteeIsolation, "of a namespace that does not exist"},
		{"a grant of its own fences", grant("leak", rbac.Group, "globex-devs", "", rbac.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}),
			GuaranteeAccess, "who could then take a fence away"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			top, s := neighbours(t)
			tt.weaken(top.Outsider())
			_, err := score.Run(t.Context(), s.On(top))
			require.ErrorIs(t, err, ErrNotIsolated)
			var broken *IsolationError
			require.ErrorAs(t, err, &broken)
			require.Len(t, broken.Report.Broken(), 1, err)
			found := broken.Report.Broken()[0]
			require.Equal(t, "globex", found.Tenant)
			require.Equal(t, tt.guarantee, found.Guarantee)
			require.Contains(t, found.Witness, tt.witness)
			require.NotEmpty(t, found.Remedy)
		})
	}
	t.Run("guardrails", func(t *testing.T) {
		top, s := neighbours(t)
		_, err := score.Run(t.Context(), GuardrailsScore{Without: []topology.Guardrail{topology.GuardrailPlacement}}.On(top))
		require.NoError(t, err)
		_, err = score.Run(t.Context(), s.On(top))
		require.ErrorContains(t, err, "the rule placement is not installed")
		s.Without = []topology.Guardrail{topology.GuardrailPlacement}
		_, err = score.Run(t.Context(), s.On(top))
		require.NoError(t, err)
	})
}

// What does not cross a boundary is no leak.
func TestIsolationLetsBe(t *testing.T) {
	top, s := neighbours(t)
	o := top.Outsider()
	certificates := rbac.Rule{APIGroups: []string{"cert-manager.io"}, Resources: []string{"certificates"}, Verbs: []string{"*"}}
	o.Grant("globex", topology.Grant{Role: "certs", Rules: []rbac.Rule{certificates}, Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "globex-devs"}}})
	o.Grant("globex", topology.Grant{Role: "sre", Rules: []rbac.Rule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "the-platform-team"}, {Kind: rbac.Group, Name: "acme"}}}) // who are none of the tenant acme's
	o.AddNetworkPolicy(netpolicy.Policy{Namespace: "globex", Name: "db", Pods: netpolicy.Selector{Labels: map[string]string{"app": "db"}},
		Ingress: &netpolicy.Rules{{Peers: []netpolicy.Peer{{Pods: &netpolicy.Selector{Labels: map[string]string{"app": "web"}}}}}}})
	_, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
}

func TestIsolationReportIsStable(t *testing.T) {
	data, err := json.Marshal(IsolationReport{Format: IsolationReportFormat, Topology: "c", Findings: []IsolationFinding{{Tenant: "acme", Guarantee: GuaranteeQuota, Status: Broken, Witness: "w", Remedy: "r"}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"format":1,"topology":"c","version":"","at":"0001-01-01T00:00:00Z","digest":"",
		"findings":[{"tenant":"acme","guarantee":"quota","status":"broken","witness":"w","remedy":"r"}]}`, string(data))
}
