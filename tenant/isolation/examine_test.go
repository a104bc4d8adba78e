package isolation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/tenant/isolation"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// reading returns what is in force in the neighbours' topology, and the Score.
func reading(t *testing.T) (topology.Inspection, isolation.Score) {
	t.Helper()
	top, s := neighbours(t)
	in, err := top.Inspect(t.Context())
	require.NoError(t, err)
	return in, s
}

// namespaceOf returns the inspection of a namespace, to be changed in place.
func namespaceOf(t *testing.T, in topology.Inspection, name string) *topology.NamespaceInspection {
	t.Helper()
	for i := range in.Namespaces {
		if in.Namespaces[i].Namespace.Name == name {
			return &in.Namespaces[i]
		}
	}
	t.Fatalf("the inspection has no namespace %s", name)
	return nil
}

// managedPolicy returns the policy of globex that Polyphony manages, to be changed in place.
func managedPolicy(t *testing.T, in topology.Inspection) *netpolicy.Policy {
	t.Helper()
	for i := range in.Policies {
		if p := &in.Policies[i]; p.Namespace == "globex" && p.Managed {
			return p
		}
	}
	t.Fatal("the inspection has no managed policy in globex")
	return nil
}

// verdict is what programs decide by.
type verdict struct {
	tenant    string
	guarantee isolation.Guarantee
	status    isolation.Status
}

func verdicts(r isolation.Report) []verdict {
	var all []verdict
	for _, f := range r.Findings {
		all = append(all, verdict{f.Tenant, f.Guarantee, f.Status})
	}
	return all
}

func brokenVerdicts(r isolation.Report) []verdict {
	var all []verdict
	for _, f := range r.Broken() {
		all = append(all, verdict{f.Tenant, f.Guarantee, f.Status})
	}
	return all
}

func TestExamineReportsANamespaceThatIsNotATenants(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*topology.Inspection)
		witness string
	}{
		{"missing", func(in *topology.Inspection) { in.Namespaces = in.Namespaces[:1] }, "does not exist"},
		{
			"not managed", func(in *topology.Inspection) { in.Namespaces[1].Namespace.Managed = false },
			"is not managed by Polyphony",
		},
		{
			"being deleted", func(in *topology.Inspection) { in.Namespaces[1].Namespace.Terminating = true },
			"is being deleted",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, s := reading(t)
			require.Equal(t, "globex", in.Namespaces[1].Namespace.Name)
			tt.change(&in)
			report := s.Examine(in)
			want := verdict{"globex", isolation.GuaranteeBoundary, isolation.Broken}
			require.Contains(t, brokenVerdicts(report), want)
			require.Contains(t, report.String(), "Namespace globex "+tt.witness)
			require.Len(t, report.Findings, 2+7+1, "the boundary is the only finding of globex")
		})
	}
}

func TestExamineReportsWhatValuesCannotExpress(t *testing.T) {
	for kind, guarantee := range map[topology.Kind]isolation.Guarantee{
		topology.KindNamespace:  isolation.GuaranteeBoundary,
		topology.KindQuota:      isolation.GuaranteeQuota,
		topology.KindLimitRange: isolation.GuaranteeLimits,
	} {
		in, s := reading(t)
		namespaceOf(t, in, "globex").Beyond = map[topology.Kind][]topology.FieldChange{
			kind: {{Path: "spec.scopes", From: "Terminating"}},
		}
		report := s.Examine(in)
		require.Equal(t, []verdict{{"globex", guarantee, isolation.Broken}}, brokenVerdicts(report))
		require.Contains(t, report.String(), "globex: spec.scopes: Terminating -> (none)")
	}
}

func TestExamineDecidesWhichPolicyIsTheTenantsByWhetherItIsManaged(t *testing.T) {
	open, closed := netpolicy.Rules{{}}, netpolicy.Rules{}
	add := func(name string, managed bool, ingress netpolicy.Rules) func(*testing.T, *topology.Inspection) {
		p := netpolicy.Policy{Namespace: "globex", Name: name, Managed: managed, Ingress: &ingress}
		return func(_ *testing.T, in *topology.Inspection) { in.Policies = append(in.Policies, p) }
	}
	edit := func(change func(*netpolicy.Policy)) func(*testing.T, *topology.Inspection) {
		return func(t *testing.T, in *topology.Inspection) { change(managedPolicy(t, *in)) }
	}
	tests := []struct {
		name    string
		change  func(*testing.T, *topology.Inspection)
		witness string // empty: the network is enforced
	}{
		{"another name", edit(func(p *netpolicy.Policy) { p.Name = "fence" }), ""},
		{
			"not managed, with the name and the rules of the managed one",
			edit(func(p *netpolicy.Policy) { p.Managed = false }),
			"no NetworkPolicy in globex is managed by Polyphony",
		},
		{
			"a direction that is not isolated", edit(func(p *netpolicy.Policy) { p.Egress = nil }),
			"NetworkPolicy globex/polyphony does not isolate egress, which is therefore open",
		},
		{
			"another rule", edit(func(p *netpolicy.Policy) { p.Ingress = &open }),
			"NetworkPolicy globex/polyphony: ingress",
		},
		{
			"a copy of the managed one", func(t *testing.T, in *topology.Inspection) {
				second := managedPolicy(t, *in).Clone()
				second.Name = "second"
				in.Policies = append(in.Policies, second)
			},
			"NetworkPolicy globex/second is managed by Polyphony too, and should not be there",
		},
		{
			"a second one that is managed and open", add("a", true, open),
			"NetworkPolicy globex/a is managed by Polyphony too, and should not be there",
		},
		{
			"a foreign one of the same name that is open", add("polyphony", false, open),
			"NetworkPolicy globex/polyphony is not managed by Polyphony and allows ingress from everybody on every port",
		},
		{
			"a foreign one of the same name that is closed", add("polyphony", false, closed), "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, s := reading(t)
			tt.change(t, &in)
			report := s.Examine(in)
			if tt.witness == "" {
				require.Empty(t, report.Broken(), report.String())
				return
			}
			require.Equal(t, []verdict{{"globex", isolation.GuaranteeNetwork, isolation.Broken}}, brokenVerdicts(report))
			require.Contains(t, report.String(), tt.witness)
		})
	}
}

func TestExamineReportsVolumesOfAnotherNamespace(t *testing.T) {
	tests := []struct {
		name    string
		binding topology.VolumeBinding
		tenants []string
	}{
		{
			"of another tenant", topology.VolumeBinding{Namespace: "acme", ForNamespace: "globex"},
			[]string{"acme", "globex"},
		},
		{"of the platform", topology.VolumeBinding{Namespace: "acme", ForNamespace: "backup"}, []string{"acme"}},
		{"its own", topology.VolumeBinding{Namespace: "acme", ForNamespace: "acme"}, nil},
		{"not reserved", topology.VolumeBinding{Namespace: "acme"}, nil},
		{"between namespaces of the platform", topology.VolumeBinding{Namespace: "dev", ForNamespace: "backup"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, s := reading(t)
			in.Bindings = []topology.VolumeBinding{tt.binding}
			var want []verdict
			for _, name := range tt.tenants {
				want = append(want, verdict{name, isolation.GuaranteeVolumes, isolation.Broken})
			}
			require.Equal(t, want, brokenVerdicts(s.Examine(in)))
		})
	}
}

func TestExamineReportsGrantsBeyondATenant(t *testing.T) {
	rule := func(group, resource, verb string) rbac.Rule {
		return rbac.Rule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: []string{verb}}
	}
	group := func(name string) rbac.Subject { return rbac.Subject{Kind: rbac.Group, Name: name} }
	everybody, acme, globex := group("system:authenticated"), group("acme-devs"), group("globex-devs")
	tests := []struct {
		name      string
		namespace string // empty: everywhere
		rule      rbac.Rule
		subject   rbac.Subject
		tenants   []string // whose isolation is broken
		witness   string
	}{
		{
			"to all authenticated users, everywhere", "", rule("", "secrets", "get"), everybody,
			[]string{"acme", "globex"}, "which includes principals of every tenant, in every namespace",
		},
		{
			"to a tenant's group, everywhere", "", rule("", "secrets", "get"), acme,
			[]string{"acme"}, "which belongs to the tenant, in every namespace",
		},
		{
			"to a tenant's group in a namespace of the platform", "kube-system", rule("", "secrets", "get"), acme,
			[]string{"acme"}, "which belongs to the tenant, in a namespace that does not",
		},
		{
			"of workloads to a group without cluster visibility", "", rule("", "pods", "list"), globex,
			[]string{"globex"}, "which belongs to the tenant, in every namespace",
		},
		{
			"of logs to a group with cluster visibility", "", rule("", "pods/log", "get"), acme,
			[]string{"acme"}, "grants get pods/log to Group acme-devs",
		},
		{name: "of workloads to a group with cluster visibility", rule: rule("", "pods", "list"), subject: acme},
		{
			name:      "to all authenticated users in a namespace of the platform",
			namespace: "kube-public", rule: rule("", "configmaps", "get"), subject: everybody,
		},
		{
			name: "of questions about oneself",
			rule: rule("authorization.k8s.io", "selfsubjectaccessreviews", "create"), subject: everybody,
		},
		{
			name: "of public certificates",
			rule: rule("certificates.k8s.io", "clustertrustbundles", "list"), subject: everybody,
		},
		{name: "to a group of the platform, everywhere", rule: rule("*", "*", "*"), subject: group("sre")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in, s := reading(t)
			b := rbac.Binding{
				Kind: rbac.ClusterRoleBinding, Name: "leak",
				Rules: []rbac.Rule{tt.rule}, Subjects: []rbac.Subject{tt.subject},
			}
			if tt.namespace != "" {
				b.Kind, b.Namespace = rbac.RoleBinding, tt.namespace
			}
			in.Grants = append(in.Grants, b)
			report := s.Examine(in)
			var want []verdict
			for _, name := range tt.tenants {
				want = append(want, verdict{name, isolation.GuaranteeIsolation, isolation.Broken})
			}
			require.Equal(t, want, brokenVerdicts(report), report.String())
			require.Contains(t, report.String(), tt.witness)
		})
	}
}

// The role of a tenant that a binding stands for is a typed value, and so it decides.
func TestExamineDecidesByTheTenantRoleOfABinding(t *testing.T) {
	in, s := reading(t)
	for i := range in.Grants {
		if b := &in.Grants[i]; b.Namespace == "globex" {
			b.TenantRole = ""
		}
	}
	require.Equal(t, []verdict{{"globex", isolation.GuaranteeAccess, isolation.Broken}}, brokenVerdicts(s.Examine(in)))
}
