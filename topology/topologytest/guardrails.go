package topologytest

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// GuardrailsTopology is what Guardrails tests.
type GuardrailsTopology interface {
	Base
	topology.Guardrails
	topology.AccessControl
	topology.Admission
}

// Guardrails checks the rules of topology.Guardrails, and that each guardrail refuses what it is for and nothing else. Guardrails are about a
// whole infrastructure: nobody else may use it meanwhile.
func Guardrails[P GuardrailsTopology](t *testing.T, h Harness[P]) {
	for _, c := range guardrailChecks(h) {
		t.Run(c.rule, func(t *testing.T) { c.run(t) })
	}
}

func guardrailPort[P GuardrailsTopology](h Harness[P]) port[topology.GuardrailSet] {
	some := []topology.Guardrail{topology.GuardrailClaims, topology.GuardrailServices}
	return port[topology.GuardrailSet]{
		kind:      "Guardrails",
		read:      func(ctx context.Context, _ string) (topology.GuardrailSet, error) { return h.Topology.Guardrails(ctx) },
		ensure:    h.Topology.EnsureGuardrails,
		remove:    func(ctx context.Context, _ string) (topology.Change, error) { return h.Topology.DeleteGuardrails(ctx) },
		dryEnsure: h.DryRun.EnsureGuardrails,
		dryRemove: func(ctx context.Context, _ string) (topology.Change, error) { return h.DryRun.DeleteGuardrails(ctx) },
		value:     func(string) topology.GuardrailSet { return guardrails(some...) },
		other:     func(string) topology.GuardrailSet { return guardrails(some[0]) },
		differs:   topology.FieldChange{Path: "rules", From: `["claims","services"]`, To: `["claims"]`},
		scratch:   func(s topology.GuardrailSet) { clear(s.Rules) },
		place: func(t T) string {
			remove := func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				_, _ = h.Topology.DeleteGuardrails(ctx)
			}
			remove()
			t.Cleanup(remove)
			return h.Topology.Name()
		},
		loose: true,
	}
}

func guardrails(rules ...topology.Guardrail) topology.GuardrailSet {
	return topology.GuardrailSet{Version: topology.GuardrailsVersion, Rules: slices.Clone(rules)}
}

func guardrailChecks[P GuardrailsTopology](h Harness[P]) []check {
	p := guardrailPort(h)
	install := func(t T, rules ...topology.Guardrail) {
		t.Helper()
		p.place(t)
		_, err := h.Topology.EnsureGuardrails(t.Context(), guardrails(rules...))
		require.NoError(t, err)
		require.NoError(t, h.Topology.AwaitGuardrails(t.Context()))
	}
	return slices.Concat(contents(h.Outsider, p), []check{
		nothingWanted(p, func(string) topology.GuardrailSet { return guardrails() }),
		{"a version that the release does not know is ErrInvalid", func(t T) {
			p.place(t)
			_, err := h.Topology.EnsureGuardrails(t.Context(), topology.GuardrailSet{Version: topology.GuardrailsVersion + 1, Rules: topology.AllGuardrails()})
			requireError(t, err, topology.ErrInvalid)
			_, err = h.Topology.Guardrails(t.Context())
			requireError(t, err, topology.ErrNotFound)
		}},
		{"rules of a newer version are ErrConflict and stay", func(t T) {
			p.store(t, p.place(t))
			newer := guardrails(p.value("").Rules...)
			newer.Version++
			h.Outsider.SetGuardrailsVersion(t, newer.Version)
			for _, want := range []topology.GuardrailSet{p.value(""), p.other(""), guardrails()} {
				_, err := h.Topology.EnsureGuardrails(t.Context(), want)
				requireError(t, err, topology.ErrConflict)
			}
			_, err := h.Topology.DeleteGuardrails(t.Context())
			requireError(t, err, topology.ErrConflict)
			p.requireStored(t, "", newer)
			h.Outsider.SetGuardrailsVersion(t, topology.GuardrailsVersion)
			p.requireStored(t, "", p.value(""))
		}},
		{"awaiting what is not there is ErrNotFound", func(t T) {
			p.place(t)
			requireError(t, h.Topology.AwaitGuardrails(t.Context()), topology.ErrNotFound)
			require.NoError(t, h.DryRun.AwaitGuardrails(t.Context()))
		}},
		{"a rule is in force once it was awaited, and no longer once it is gone", func(t T) {
			who := newMember(t, h)
			bad := who.creates("", "services", service(`"externalIPs":["192.0.2.1"]`))
			install(t, topology.GuardrailServices)
			who.refused(bad, topology.GuardrailServices)
			removeGuardrails(t, h, who)
			who.admitted(bad)
		}},
		{"what is there and would be refused is reported, and can be changed otherwise", func(t T) {
			who := newMember(t, h)
			removeGuardrails(t, h, who)
			h.Outsider.Put(t, who.namespace, "", "services", service(`"externalIPs":["192.0.2.1"]`))
			h.Outsider.Put(t, who.namespace, "", "persistentvolumeclaims", claim(`"storageClassName":"gold"`))
			install(t, topology.AllGuardrails()...)
			all, err := h.Topology.Violations(t.Context(), topology.AllGuardrails())
			require.NoError(t, err)
			var found []string
			for _, v := range all {
				if v.Namespace == who.namespace {
					found = append(found, v.Kind+"/"+v.Name+" "+string(v.Rule))
					require.NotEmpty(t, v.Message)
				}
			}
			require.Equal(t, []string{"PersistentVolumeClaim/data claims", "Service/web services"}, found)
			who.admitted(who.patches("services", "web", `{"metadata":{"labels":{"a":"b"}}}`))
			who.refused(who.patches("services", "web", `{"spec":{"externalIPs":["192.0.2.1","192.0.2.2"]}}`), topology.GuardrailServices)
			who.admitted(who.patches("services", "web", `{"spec":{"externalIPs":null}}`))
			few, err := h.Topology.Violations(t.Context(), []topology.Guardrail{topology.GuardrailClaims})
			require.NoError(t, err)
			require.False(t, slices.ContainsFunc(few, func(v topology.Violation) bool { return v.Rule == topology.GuardrailServices }))
		}},
		{"of several mistakes a refusal names the same one each time", func(t T) {
			who := newMemberWith(t, h, allowed)
			install(t, topology.GuardrailIngress)
			annotations := `"nginx.org/b":"x","konghq.com/a":"x","traefik.io/c":"x","haproxy.org/a":"x"`
			bad := who.creates("networking.k8s.io", "ingresses", ingress(annotations, host(who.namespace+".example.com")))
			for range 10 {
				verdict, err := h.Topology.Admit(t.Context(), bad)
				require.NoError(t, err)
				require.Contains(t, verdict.Reason, "haproxy.org/a", "the first in alphabetical order")
			}
		}},
		{"each rule refuses what it is for, and admits what is allowed", func(t T) { checkGuardrailTable(t, h, install) }},
		{"each rule binds by namespace or by sender, as it says", func(t T) { checkSenders(t, h, install) }},
	})
}

// removeGuardrails waits until none is in force any more.
func removeGuardrails[P GuardrailsTopology](t T, h Harness[P], who member) {
	t.Helper()
	_, err := h.Topology.DeleteGuardrails(t.Context())
	require.NoError(t, err)
	for _, bad := range []topology.Request{
		who.creates("", "services", service(`"externalIPs":["192.0.2.1"]`)), who.creates("", "persistentvolumeclaims", claim(`"storageClassName":"gold"`)),
	} {
		eventually(t, "the rules are gone", func() bool {
			verdict, err := h.Topology.Admit(t.Context(), bad)
			return err == nil && verdict.Allowed
		})
	}
}

// member is somebody who may write everything that guardrails are about in one namespace.
type member struct {
	t         T
	top       topology.Admission
	namespace string
	group     string
}

// allowed are all that can be allowed; strict what every namespace of the table needs for a pod to run at all.
var (
	strict  = topology.Allowances{ImageRegistries: []string{"registry.example.com/acme"}}
	allowed = topology.Allowances{
		IngressAnnotations: []string{"nginx.ingress.kubernetes.io/server-snippet"},
		ServiceTypes:       []topology.ServiceType{topology.LoadBalancer, topology.NodePort}, ExternalNames: []string{"example.com"},
		StorageClasses: []string{"gold"}, InlineDrivers: []string{"csi.example.com"}, ImageRegistries: []string{"*"},
		PriorityClasses: []string{"system-node-critical"}, RuntimeClasses: []string{"sandbox"},
		Tolerations: []string{"node-role.kubernetes.io/control-plane"}, DefaultToken: true,
	}
)

func newMember[P GuardrailsTopology](t T, h Harness[P]) member { return newMemberWith(t, h, strict) }

func newMemberWith[P GuardrailsTopology](t T, h Harness[P], allowances topology.Allowances) member {
	t.Helper()
	name := newName()
	if len(allowances.Domains) == 0 && allowances.DefaultToken {
		allowances.Domains = []string{name + ".example.com"}
	}
	_, err := h.Topology.EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: topology.PodSecurityRestricted, Allowed: allowances})
	require.NoError(t, err)
	t.Cleanup(func() { cleanUp(h.Topology, name) })
	m := member{t: t, top: h.Topology, namespace: name, group: name + "-members"}
	everything := []rbac.Rule{{
		APIGroups: []string{"", "discovery.k8s.io", "networking.k8s.io"},
		Resources: []string{"pods", "pods/ephemeralcontainers", "services", "services/status", "persistentvolumeclaims", "secrets", "configmaps", "endpoints", "endpointslices", "ingresses", "namespaces", "namespaces/status", "namespaces/finalize"},
		Verbs:     []string{"get", "create", "update", "patch", "delete"},
	}}
	_, err = h.Topology.EnsureAccess(t.Context(), topology.Access{Namespace: name, Grants: []topology.Grant{
		{Role: "everything", Rules: everything, Subjects: []rbac.Subject{{Kind: rbac.Group, Name: m.group}}},
	}})
	require.NoError(t, err)
	eventually(t, "its rights and its service account", func() bool {
		verdict, err := h.Topology.Admit(t.Context(), m.creates("", "pods", pod("")))
		return err == nil && verdict.Allowed
	})
	return m
}

func (m member) request(verb, group, resource, name string, object string) topology.Request {
	return topology.Request{
		Question: rbac.Question{
			User: m.group + "-1", Groups: []string{m.group}, Verb: verb, APIGroup: group, Resource: resource, Namespace: m.namespace, Name: name,
		},
		Object: json.RawMessage(object),
	}
}

func (m member) creates(group, resource, object string) topology.Request {
	return m.request("create", group, resource, "", object)
}

func (m member) patches(resource, name, patch string) topology.Request {
	return m.request("patch", "", resource, name, patch)
}

func (m member) refused(r topology.Request, by topology.Guardrail) {
	m.t.Helper()
	verdict, err := m.top.Admit(m.t.Context(), r)
	require.NoError(m.t, err)
	require.Equal(m.t, topology.Verdict{By: topology.FenceGuardrails, Rule: by, Reason: verdict.Reason}, verdict, "%s %s %s", r.Verb, r.Resource, r.Object)
	require.NotEmpty(m.t, verdict.Reason)
}

func (m member) admitted(r topology.Request) {
	m.t.Helper()
	verdict, err := m.top.Admit(m.t.Context(), r)
	require.NoError(m.t, err)
	require.True(m.t, verdict.Allowed, "%s %s %s: %s", r.Verb, r.Resource, r.Object, verdict.Reason)
}
