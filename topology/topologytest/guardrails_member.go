package topologytest

import (
	"encoding/json"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// member is a principal that may write everything that guardrails check, in one namespace.
type member struct {
	t         T
	top       topology.Admission
	namespace string
	group     string
}

// strictAllowances allow what a pod needs to run at all. everyAllowance allows everything that can
// be allowed; newMember adds a domain.
var (
	strictAllowances = topology.Allowances{ImageRegistries: []string{"registry.example.com/acme"}}
	everyAllowance   = topology.Allowances{
		IngressAnnotations: []string{"nginx.ingress.kubernetes.io/server-snippet"},
		ServiceTypes:       []topology.ServiceType{topology.LoadBalancer, topology.NodePort},
		ExternalNames:      []string{"example.com"},
		StorageClasses:     []string{"gold"}, InlineDrivers: []string{"csi.example.com"},
		ImageRegistries: []string{"*"},
		PriorityClasses: []string{"system-node-critical"}, RuntimeClasses: []string{"sandbox"},
		Tolerations: []string{"node-role.kubernetes.io/control-plane"}, DefaultToken: true,
	}
)

// newMember returns a member of a new namespace with these allowances.
func (g guardrails) newMember(t T, allowances topology.Allowances) member {
	t.Helper()
	name := newPlace(t, g.top)
	if len(allowances.Domains) == 0 && allowances.DefaultToken {
		allowances.Domains = []string{name + ".example.com"}
	}
	_, err := g.top.EnsureNamespace(t.Context(), topology.Namespace{
		Name: name, PodSecurity: topology.PodSecurityRestricted, Allowed: allowances,
	})
	require.NoError(t, err)
	m := member{t: t, top: g.top, namespace: name, group: name + "-members"}
	everything := []rbac.Rule{{
		APIGroups: []string{"", "discovery.k8s.io", "networking.k8s.io"},
		Resources: []string{
			"pods", "pods/ephemeralcontainers", "services", "services/status", "persistentvolumeclaims", "secrets",
			"configmaps", "endpoints", "endpointslices", "ingresses",
			"namespaces", "namespaces/status", "namespaces/finalize",
		},
		Verbs: []string{"get", "create", "update", "patch", "delete"},
	}}
	_, err = g.top.EnsureAccess(t.Context(), topology.Access{Namespace: name, Grants: []topology.Grant{
		{Role: "everything", Rules: everything, Subjects: []rbac.Subject{{Kind: rbac.Group, Name: m.group}}},
	}})
	require.NoError(t, err)
	Eventually(t, "the rights and the service account of the namespace", func() bool {
		verdict, err := g.top.Admit(t.Context(), m.creates("", "pods", pod("")))
		return err == nil && verdict.Allowed
	})
	return m
}

func (m member) request(verb, group, resource, name, object string) topology.Request {
	return topology.Request{
		Question: rbac.Question{
			User: m.group + "-1", Groups: []string{m.group},
			Verb: verb, APIGroup: group, Resource: resource, Namespace: m.namespace, Name: name,
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

// requireRefused fails the case unless a guardrail refuses the request.
func (m member) requireRefused(r topology.Request, by topology.Guardrail) {
	m.t.Helper()
	verdict, err := m.top.Admit(m.t.Context(), r)
	require.NoError(m.t, err)
	want := topology.Verdict{By: topology.FenceGuardrails, Rule: by, Reason: verdict.Reason}
	require.Equal(m.t, want, verdict, "%s %s %s", r.Verb, r.Resource, r.Object)
	require.NotEmpty(m.t, verdict.Reason)
}

func (m member) requireAdmitted(r topology.Request) {
	m.t.Helper()
	verdict, err := m.top.Admit(m.t.Context(), r)
	require.NoError(m.t, err)
	require.True(m.t, verdict.Allowed, "%s %s %s: %s", r.Verb, r.Resource, r.Object, verdict.Reason)
}
