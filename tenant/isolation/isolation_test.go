package isolation_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/valuetest"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

func named(name string, visibility tenant.ReadVisibility) tenant.TenantScore {
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: name, ImageRegistries: []string{"registry.example.com/" + name}},
		NetworkIsolation: tenant.NetworkIsolationPolicy{
			PublicInternetEgress: true, Domains: []string{name + ".example.com"},
		},
		RBAC: tenant.RBACConfig{ReadVisibility: visibility, Members: []tenant.Member{
			{Role: tenant.Developer, Name: name + "-devs"},
			{Role: tenant.Viewer, Kind: rbac.ServiceAccount, Name: "bot", Namespace: name},
		}},
	}
}

// twoTenants returns the Scores of acme, whose groups read every workload, and of globex.
func twoTenants() []tenant.TenantScore {
	return []tenant.TenantScore{named("acme", tenant.VisibilityCluster), named("globex", tenant.VisibilityOwn)}
}

// neighbours returns a topology with every guardrail and two tenants, acme and globex, and the
// Score that proves them isolated.
func neighbours(t *testing.T) (*fake.Topology, isolation.Score) {
	t.Helper()
	top := fake.New(fake.Options{})
	tenants := twoTenants()
	_, err := score.Run(t.Context(), guardrails.Score{}.On(top), tenants[0].On(top), tenants[1].On(top))
	require.NoError(t, err)
	return top, isolation.Score{Tenants: tenants}
}

func TestScoreHoldsAndChangesNothing(t *testing.T) {
	top, s := neighbours(t)
	var report isolation.Report
	s.Report = func(r isolation.Report) { report = r }
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

func TestScoreValidate(t *testing.T) {
	acme := named("acme", tenant.VisibilityOwn)
	tests := []struct {
		name  string
		score isolation.Score
		paths []string
	}{
		{"one tenant", isolation.Score{Tenants: []tenant.TenantScore{acme}}, nil},
		{"no tenants", isolation.Score{}, []string{"tenants"}},
		{
			"the same tenant twice", isolation.Score{Tenants: []tenant.TenantScore{acme, acme}},
			[]string{"tenants[1].tenantConfig.name"},
		},
		{
			"everything at once",
			isolation.Score{Tenants: []tenant.TenantScore{{}}, Without: []topology.Guardrail{"walls"}},
			[]string{"without[0]", "tenants[0].tenantConfig.name"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			valuetest.RequireFieldPaths(t, tt.paths, tt.score.Validate())
		})
	}
}

// planted is a change outside Polyphony that breaks one guarantee of the tenant globex.
type planted struct {
	name      string
	plant     func(fake.Outsider)
	guarantee isolation.Guarantee
	witness   string
}

// grantIn returns a function that grants a rule in globex to a subject.
func grantIn(subject rbac.Subject, rule rbac.Rule) func(fake.Outsider) {
	return func(o fake.Outsider) {
		o.Grant("globex", topology.Grant{Role: "leak", Rules: []rbac.Rule{rule}, Subjects: []rbac.Subject{subject}})
	}
}

// leaks returns one case for each way in which the fake can break a guarantee.
func leaks() []planted {
	secrets := rbac.Rule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}
	everything := rbac.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}
	occupied := func(kind topology.Kind) func(fake.Outsider) {
		return func(o fake.Outsider) { o.Occupy("globex", kind) }
	}
	return []planted{
		{
			"pod security", func(o fake.Outsider) { o.SetPodSecurity("globex", topology.PodSecurityPrivileged) },
			isolation.GuaranteeBoundary, "podSecurity is privileged and should be restricted",
		},
		{
			"a quota that is not managed", occupied(topology.KindQuota),
			isolation.GuaranteeQuota, "Quota globex does not exist",
		},
		{
			"limits that are not managed", occupied(topology.KindLimitRange),
			isolation.GuaranteeLimits, "LimitRange globex does not exist",
		},
		{
			"no network rules", occupied(topology.KindNetworkRules),
			isolation.GuaranteeNetwork, "no NetworkPolicy in globex is managed by Polyphony",
		},
		{
			"a policy that opens the namespace", func(o fake.Outsider) {
				o.AddNetworkPolicy(netpolicy.Policy{Namespace: "globex", Name: "leak", Ingress: &netpolicy.Rules{{}}})
			},
			isolation.GuaranteeNetwork,
			"NetworkPolicy globex/leak is not managed by Polyphony and allows ingress from everybody on every port",
		},
		{
			"a policy that opens the namespace with the mark of a managed one", func(o fake.Outsider) {
				o.AddNetworkPolicy(netpolicy.Policy{
					Namespace: "globex", Name: "leak", Managed: true, Egress: &netpolicy.Rules{{}},
				})
			},
			isolation.GuaranteeNetwork,
			"NetworkPolicy globex/leak is not managed by Polyphony and allows egress to everybody on every port",
		},
		{
			"a grant to another tenant's group",
			grantIn(rbac.Subject{Kind: rbac.Group, Name: "acme-devs"}, secrets),
			isolation.GuaranteeIsolation,
			"RoleBinding globex/leak grants get secrets to Group acme-devs, which belongs to the tenant acme",
		},
		{
			"a grant to another tenant's service account",
			grantIn(rbac.Subject{Kind: rbac.ServiceAccount, Name: "default", Namespace: "acme"}, secrets),
			isolation.GuaranteeIsolation, "ServiceAccount acme/default, which belongs to the tenant acme",
		},
		{
			"a grant to a service account under its user name",
			grantIn(rbac.Subject{Kind: rbac.User, Name: "system:serviceaccount:acme:default"}, secrets),
			isolation.GuaranteeIsolation, "which belongs to the tenant acme",
		},
		{
			"a grant to all service accounts of another tenant",
			grantIn(rbac.Subject{Kind: rbac.Group, Name: "system:serviceaccounts:acme"}, secrets),
			isolation.GuaranteeIsolation, "which belongs to the tenant acme",
		},
		{
			"a grant to everybody", grantIn(rbac.Subject{Kind: rbac.Group, Name: "system:authenticated"}, secrets),
			isolation.GuaranteeIsolation, "which includes principals of every tenant",
		},
		{
			"a grant to a service account of no namespace",
			grantIn(rbac.Subject{Kind: rbac.ServiceAccount, Name: "ci", Namespace: "gone"}, secrets),
			isolation.GuaranteeIsolation, "whose namespace does not exist",
		},
		{
			"a grant of the tenant's own controls",
			grantIn(rbac.Subject{Kind: rbac.Group, Name: "globex-devs"}, everything),
			isolation.GuaranteeAccess, "which could then change what isolates the tenant",
		},
	}
}

func TestScoreNamesWhatIsBroken(t *testing.T) {
	for _, tt := range leaks() {
		t.Run(tt.name, func(t *testing.T) {
			top, s := neighbours(t)
			tt.plant(top.Outsider())
			_, err := score.Run(t.Context(), s.On(top))
			require.ErrorIs(t, err, isolation.ErrNotIsolated)
			var broken *isolation.Error
			require.ErrorAs(t, err, &broken)
			require.Len(t, broken.Report.Broken(), 1, err)
			found := broken.Report.Broken()[0]
			require.Equal(t, "globex", found.Tenant)
			require.Equal(t, tt.guarantee, found.Guarantee)
			require.Contains(t, found.Witness, tt.witness)
			require.NotEmpty(t, found.Remedy)
		})
	}
}

func TestScoreFailsWithoutAGuardrailThatItRequires(t *testing.T) {
	top, s := neighbours(t)
	without := []topology.Guardrail{topology.GuardrailPlacement}
	_, err := score.Run(t.Context(), guardrails.Score{Without: without}.On(top))
	require.NoError(t, err)
	_, err = score.Run(t.Context(), s.On(top))
	require.ErrorContains(t, err, "the rule placement is not installed")
	require.ErrorContains(t, err, "run guardrails.Score")
	s.Without = without
	_, err = score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
}

func TestScoreAcceptsGrantsAndPoliciesThatCrossNoBoundary(t *testing.T) {
	top, s := neighbours(t)
	o := top.Outsider()
	certificates := rbac.Rule{
		APIGroups: []string{"cert-manager.io"}, Resources: []string{"certificates"}, Verbs: []string{"*"},
	}
	everything := rbac.Rule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}
	o.Grant("globex", topology.Grant{
		Role: "certs", Rules: []rbac.Rule{certificates},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "globex-devs"}},
	})
	o.Grant("globex", topology.Grant{
		Role: "sre", Rules: []rbac.Rule{everything},
		// A group with the name of a tenant does not belong to the tenant.
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "the-platform-team"}, {Kind: rbac.Group, Name: "acme"}},
	})
	app := func(name string) netpolicy.Selector {
		return netpolicy.Selector{Labels: map[string]string{"app": name}}
	}
	o.AddNetworkPolicy(netpolicy.Policy{
		Namespace: "globex", Name: "db", Pods: app("db"),
		Ingress: &netpolicy.Rules{{Peers: []netpolicy.Peer{{Pods: new(app("web"))}}}},
	})
	_, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
}

func TestReportJSONIsStable(t *testing.T) {
	data, err := json.Marshal(isolation.Report{
		Format: isolation.ReportFormat, Topology: "c",
		Findings: []isolation.Finding{{
			Tenant: "acme", Guarantee: isolation.GuaranteeQuota, Status: isolation.Broken, Witness: "w", Remedy: "r",
		}},
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"format":1,"topology":"c","version":"","at":"0001-01-01T00:00:00Z","digest":"",
		"findings":[{"tenant":"acme","guarantee":"quota","status":"broken","witness":"w","remedy":"r"}]}`, string(data))
}
