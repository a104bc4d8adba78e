package topologytest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

// GuardrailsTopology is what Guardrails needs: tenants with rights, and requests of their members.
type GuardrailsTopology interface {
	topology.Topology
	topology.Namespaces
	topology.AccessControl
	topology.Admission
	topology.Guardrails
}

// Guardrails checks the rules of topology.Guardrails, and that each guardrail refuses the objects
// that it is for, and no others. Guardrails apply to the whole infrastructure, so it must not be
// shared during the suite, and the cases run one after the other.
func Guardrails[P GuardrailsTopology](t *testing.T, h Harness[P]) {
	for _, c := range guardrailCases(h) {
		t.Run(c.Rule, func(t *testing.T) { c.Run(t) })
	}
}

func guardrailCases[P GuardrailsTopology](h Harness[P]) []Case {
	g := guardrails{top: h.Topology, dry: h.DryRun, outsider: h.Outsider}
	p := g.port()
	return slices.Concat(contentCases(h.Outsider, p), []Case{
		p.emptyCase(func(string) topology.GuardrailSet { return guardrailSet() }),
	}, g.versionCases(p), g.forceCases(p), g.violationCases(), []Case{
		{"If an object breaks a rule in several ways, every refusal names the same one", g.checkSameReason},
		{"Each rule refuses the objects that it is for, and admits those that the tenant is allowed", g.checkTable},
		{"Each rule applies by namespace or by sender, as documented", g.checkSenders},
	})
}

type guardrails struct {
	top, dry GuardrailsTopology
	outsider Outsider
}

func guardrailSet(rules ...topology.Guardrail) topology.GuardrailSet {
	return topology.GuardrailSet{Version: topology.GuardrailsVersion, Rules: slices.Clone(rules)}
}

func (g guardrails) port() port[topology.GuardrailSet] {
	some := []topology.Guardrail{topology.GuardrailClaims, topology.GuardrailServices}
	return port[topology.GuardrailSet]{
		kind: topology.KindGuardrails,
		read: func(ctx context.Context, _ string) (topology.GuardrailSet, error) {
			return g.top.Guardrails(ctx)
		},
		ensure: g.top.EnsureGuardrails,
		remove: func(ctx context.Context, _ string) (topology.Change, error) { return g.top.DeleteGuardrails(ctx) },

		dryEnsure: g.dry.EnsureGuardrails,
		dryRemove: func(ctx context.Context, _ string) (topology.Change, error) { return g.dry.DeleteGuardrails(ctx) },

		value:   func(string) topology.GuardrailSet { return guardrailSet(some...) },
		other:   func(string) topology.GuardrailSet { return guardrailSet(some[0]) },
		differs: topology.FieldChange{Path: "rules", From: `["claims","services"]`, To: `["claims"]`},
		scratch: func(s topology.GuardrailSet) { clear(s.Rules) },
		place:   g.removeAll,
	}
}

// removeAll removes every rule, now and after the case, and returns the name of the topology.
func (g guardrails) removeAll(t T) string {
	remove := func() {
		ctx, cancel := cleanupContext()
		defer cancel()
		_, _ = g.top.DeleteGuardrails(ctx)
	}
	remove()
	t.Cleanup(remove)
	return g.top.Name()
}

// install puts exactly these rules in force.
func (g guardrails) install(t T, rules ...topology.Guardrail) {
	t.Helper()
	g.removeAll(t)
	_, err := g.top.EnsureGuardrails(t.Context(), guardrailSet(rules...))
	require.NoError(t, err)
	require.NoError(t, g.top.AwaitGuardrails(t.Context()))
}

// requireNoneInForce removes every rule and waits until no request of a member is refused.
func (g guardrails) requireNoneInForce(t T, m member) {
	t.Helper()
	_, err := g.top.DeleteGuardrails(t.Context())
	require.NoError(t, err)
	for _, bad := range []topology.Request{
		m.creates("", "services", service(`"externalIPs":["192.0.2.1"]`)),
		m.creates("", "persistentvolumeclaims", claim(`"storageClassName":"gold"`)),
	} {
		Eventually(t, "the rules are gone", func() bool {
			verdict, err := g.top.Admit(t.Context(), bad)
			return err == nil && verdict.Allowed
		})
	}
}

func (g guardrails) versionCases(p port[topology.GuardrailSet]) []Case {
	return []Case{
		{"A version that the release does not know is ErrInvalid", func(t T) {
			p.place(t)
			unknown := guardrailSet(topology.AllGuardrails()...)
			unknown.Version++
			_, err := g.top.EnsureGuardrails(t.Context(), unknown)
			RequireError(t, err, topology.ErrInvalid)
			_, err = g.top.Guardrails(t.Context())
			RequireError(t, err, topology.ErrNotFound)
		}},
		{"Rules of a newer version are ErrConflict and stay", func(t T) {
			p.store(t, p.place(t))
			newer := guardrailSet(p.value("").Rules...)
			newer.Version++
			g.outsider.SetGuardrailsVersion(t, newer.Version)
			for _, want := range []topology.GuardrailSet{p.value(""), p.other(""), guardrailSet()} {
				_, err := g.top.EnsureGuardrails(t.Context(), want)
				RequireError(t, err, topology.ErrConflict)
			}
			_, err := g.top.DeleteGuardrails(t.Context())
			RequireError(t, err, topology.ErrConflict)
			p.requireStored(t, "", newer)
			g.outsider.SetGuardrailsVersion(t, topology.GuardrailsVersion)
			p.requireStored(t, "", p.value(""))
		}},
	}
}

func (g guardrails) forceCases(p port[topology.GuardrailSet]) []Case {
	return []Case{
		{"AwaitGuardrails without rules is ErrNotFound, and returns at once on a dry run", func(t T) {
			p.place(t)
			RequireError(t, g.top.AwaitGuardrails(t.Context()), topology.ErrNotFound)
			require.NoError(t, g.dry.AwaitGuardrails(t.Context()))
		}},
		{"A rule is in force once AwaitGuardrails returns, and no longer once it is removed", func(t T) {
			m := g.newMember(t, strictAllowances)
			bad := m.creates("", "services", service(`"externalIPs":["192.0.2.1"]`))
			g.install(t, topology.GuardrailServices)
			m.requireRefused(bad, topology.GuardrailServices)
			g.requireNoneInForce(t, m)
			m.requireAdmitted(bad)
		}},
	}
}

func (g guardrails) violationCases() []Case {
	return []Case{
		{"An existing object that a rule would refuse is reported, and can be changed in other ways", func(t T) {
			m := g.newMember(t, strictAllowances)
			g.requireNoneInForce(t, m)
			g.outsider.Put(t, m.namespace, "", "services", service(`"externalIPs":["192.0.2.1"]`))
			g.outsider.Put(t, m.namespace, "", "persistentvolumeclaims", claim(`"storageClassName":"gold"`))
			want := []string{"PersistentVolumeClaim/data claims", "Service/web services"}
			require.Equal(t, want, g.violations(t, m.namespace, topology.AllGuardrails()...), "without any rule installed")
			g.install(t, topology.AllGuardrails()...)
			require.Equal(t, want, g.violations(t, m.namespace, topology.AllGuardrails()...))
			require.Equal(t, want[:1], g.violations(t, m.namespace, topology.GuardrailClaims))
			m.requireAdmitted(m.patches("services", "web", `{"metadata":{"labels":{"a":"b"}}}`))
			more := m.patches("services", "web", `{"spec":{"externalIPs":["192.0.2.1","192.0.2.2"]}}`)
			m.requireRefused(more, topology.GuardrailServices)
			m.requireAdmitted(m.patches("services", "web", `{"spec":{"externalIPs":null}}`))
		}},
		{"Rules about the sender report no violations", func(t T) {
			m := g.newMember(t, strictAllowances)
			g.outsider.Put(t, m.namespace, "", "configmaps", configMap(`"foregroundDeletion"`))
			require.Empty(t, g.violations(t, m.namespace,
				topology.GuardrailNamespaces, topology.GuardrailFinalizers, topology.GuardrailTokenSecrets))
		}},
	}
}

// violations returns "kind/name rule" for each violation in a namespace.
func (g guardrails) violations(t T, namespace string, rules ...topology.Guardrail) []string {
	t.Helper()
	all, err := g.top.Violations(t.Context(), rules)
	require.NoError(t, err)
	var found []string
	for _, v := range all {
		if v.Namespace == namespace {
			require.NotEmpty(t, v.Message)
			found = append(found, v.Kind+"/"+v.Name+" "+string(v.Rule))
		}
	}
	return found
}

func (g guardrails) checkSameReason(t T) {
	m := g.newMember(t, everyAllowance)
	g.install(t, topology.GuardrailIngress)
	annotations := `"nginx.org/b":"x","konghq.com/a":"x","traefik.io/c":"x","haproxy.org/a":"x"`
	bad := m.creates("networking.k8s.io", "ingresses", ingress(annotations, host(m.namespace+".example.com")))
	for range 10 {
		verdict, err := g.top.Admit(t.Context(), bad)
		require.NoError(t, err)
		require.Contains(t, verdict.Reason, "haproxy.org/a", "the first in alphabetical order")
	}
}
