package topologytest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// AdmissionTopology is what Admission needs: namespaces with quotas and limits.
type AdmissionTopology interface {
	topology.Namespaces
	topology.Quotas
	topology.LimitRanges
	topology.Admission
}

// Admission checks the rules of topology.Admission, without any guardrail. [Guardrails] checks
// those.
func Admission[P AdmissionTopology](t *testing.T, h Harness[P]) {
	RunCases(t, admissionCases(h))
}

const (
	coordination = "coordination.k8s.io"
	lease        = `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"turn"},"spec":{"holderIdentity":"a"}}`
)

// sender is a principal with some rights in a namespace, which the Outsider has granted.
type sender struct {
	t         T
	top       topology.Admission
	user      string
	groups    []string
	namespace string
}

func newSender[P AdmissionTopology](t T, h Harness[P], verbs ...string) sender {
	t.Helper()
	name := h.newNamespace(t)
	s := sender{t, h.Topology, name + "-1", []string{name + "-members"}, name}
	h.Outsider.Grant(t, name, topology.Grant{
		Role:     "sender",
		Rules:    []rbac.Rule{{APIGroups: []string{"", coordination}, Resources: []string{"configmaps", "leases"}, Verbs: verbs}},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: s.groups[0]}},
	})
	return s
}

func (s sender) sends(verb, group, resource, name, object string) topology.Request {
	return topology.Request{
		Question: rbac.Question{
			User: s.user, Groups: s.groups, Verb: verb, APIGroup: group, Resource: resource, Namespace: s.namespace, Name: name,
		},
		Object: json.RawMessage(object),
	}
}

func (s sender) gets(r topology.Request) topology.Verdict {
	s.t.Helper()
	verdict, err := s.top.Admit(s.t.Context(), r)
	require.NoError(s.t, err, "%s %s", r.Verb, r.Resource)
	return verdict
}

// becomes waits for a verdict, because rights and quotas take effect with a delay.
func (s sender) becomes(r topology.Request, by topology.Fence) {
	s.t.Helper()
	Eventually(s.t, r.Verb+" "+r.Resource+" by "+string(by), func() bool {
		verdict := s.gets(r)
		return verdict.By == by && verdict.Allowed == (by == "")
	})
}

func admissionCases[P AdmissionTopology](h Harness[P]) []Case {
	return slices.Concat(admissionFenceCases(h), admissionRightsCases(h), admissionRequestCases(h))
}

// admissionRightsCases check requests that rights decide.
func admissionRightsCases[P AdmissionTopology](h Harness[P]) []Case {
	object := configMap("")
	return []Case{
		{"A request without the right is refused by access", func(t T) {
			s := newSender(t, h, "get", "list", "create")
			s.becomes(s.sends("create", "", "configmaps", "", object), "")
			for _, r := range []topology.Request{
				s.sends("create", "", "secrets", "", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}`),
				s.sends("watch", "", "configmaps", "", ""), s.sends("delete", "", "configmaps", "c", ""), s.sends("deletecollection", "", "configmaps", "", ""),
				s.sends("patch", "", "configmaps", "c", `{"data":{"a":"b"}}`), s.sends("update", "", "configmaps", "c", object),
				as("somebody", nil, s.sends("get", "", "configmaps", "c", "")),
			} {
				verdict := s.gets(r)
				require.NotEmpty(t, verdict.Reason)
				require.Equal(t, topology.Verdict{By: topology.FenceAccess, Reason: verdict.Reason}, verdict, "%s %s", r.Verb, r.Resource)
			}
			s.namespace = h.newNamespace(t)
			require.Equal(t, topology.FenceAccess, s.gets(s.sends("create", "", "configmaps", "", object)).By)
		}},
		{"A question about a verb that no request has is answered from the rights", func(t T) {
			s := newSender(t, h, "get", "use")
			s.becomes(s.sends("use", "", "configmaps", "c", ""), "")
			require.True(t, s.gets(s.sends("get", "", "configmaps", "c", "")).Allowed)
			verdict := s.gets(s.sends("bind", "", "configmaps", "c", ""))
			require.NotEmpty(t, verdict.Reason)
			require.Equal(t, topology.Verdict{By: topology.FenceAccess, Reason: verdict.Reason}, verdict)
		}},
		{"A request with the right is allowed, and is not carried out", func(t T) {
			s := newSender(t, h, "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
			h.Outsider.Put(t, s.namespace, "", "configmaps", object)
			s.becomes(s.sends("get", "", "configmaps", "c", ""), "")
			other, patch := strings.Replace(object, `"c"`, `"other"`, 1), `{"data":{"a":"b"}}`
			for _, r := range []topology.Request{
				s.sends("get", "", "configmaps", "c", ""), s.sends("list", "", "configmaps", "", ""), s.sends("watch", "", "configmaps", "", ""),
				s.sends("create", "", "configmaps", "", other), s.sends("update", "", "configmaps", "c", object), s.sends("patch", "", "configmaps", "c", patch),
				s.sends("delete", "", "configmaps", "c", ""), s.sends("deletecollection", "", "configmaps", "", ""),
			} {
				require.Equal(t, topology.Verdict{Allowed: true}, s.gets(r), "%s %s", r.Verb, r.Resource)
			}
			_, err := h.Topology.Admit(t.Context(), s.sends("patch", "", "configmaps", "other", patch))
			RequireError(t, err, topology.ErrNotFound)
			require.True(t, s.gets(s.sends("patch", "", "configmaps", "c", patch)).Allowed)
		}},
		{"A service account is in its own groups", func(t T) {
			s := newSender(t, h, "get")
			h.Outsider.Grant(t, s.namespace, topology.Grant{
				Role: "accounts", Rules: []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"}}},
				Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "system:serviceaccounts:" + s.namespace}},
			})
			r := s.sends("create", "", "configmaps", "", object)
			s.becomes(as("system:serviceaccount:"+s.namespace+":x", nil, r), "")
			require.Equal(t, topology.FenceAccess, s.gets(as("system:serviceaccount:"+NewName()+":x", nil, r)).By)
			require.Equal(t, topology.FenceAccess, s.gets(as("system:serviceaccount:"+s.namespace+":x", []string{"others"}, r)).By)
		}},
	}
}

// admissionRequestCases check requests that something else decides.
func admissionRequestCases[P AdmissionTopology](h Harness[P]) []Case {
	object := configMap("")
	return []Case{
		{"A change of an object that does not exist is ErrNotFound", func(t T) {
			s := newSender(t, h, "create", "update", "patch")
			s.becomes(s.sends("create", "", "configmaps", "", object), "")
			for _, verb := range []string{"update", "patch"} {
				_, err := h.Topology.Admit(t.Context(), s.sends(verb, "", "configmaps", "c", object))
				RequireError(t, err, topology.ErrNotFound)
			}
		}},
		{"A request beyond an exhausted quota is refused", func(t T) {
			s := newSender(t, h, "create")
			h.Outsider.Put(t, s.namespace, coordination, "leases", lease)
			another := s.sends("create", coordination, "leases", "", `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"another"}}`)
			for count, by := range map[string]topology.Fence{"1": topology.FenceQuota, "2": ""} {
				_, err := h.Topology.EnsureQuota(t.Context(), topology.Quota{
					Namespace: s.namespace, Hard: map[string]resource.Quantity{"count/leases." + coordination: resource.MustParse(count)},
				})
				require.NoError(t, err)
				require.NoError(t, h.Topology.AwaitQuota(t.Context(), s.namespace))
				s.becomes(another, by)
			}
			require.True(t, s.gets(s.sends("create", "", "configmaps", "", object)).Allowed, "of which there is no quota")
		}},
		{"A request that is not valid is ErrInvalid", func(t T) {
			s := newSender(t, h, "create")
			for _, r := range []topology.Request{
				{}, {Object: json.RawMessage(object)},
				as("", []string{"system:masters"}, s.sends("create", "", "configmaps", "", object)),
				s.sends("", "", "configmaps", "", object), s.sends("create", "", "", "", object),
				s.sends("get", "", "configmaps", "c", object), s.sends("delete", "", "configmaps", "c", object),
				s.sends("create", "", "configmaps", "", ""), s.sends("update", "", "configmaps", "c", ""), s.sends("patch", "", "configmaps", "c", ""),
				s.sends("create", "", "configmaps", "", "not json"), s.sends("patch", "", "configmaps", "", object), s.sends("get", "", "configmaps", "", ""),
			} {
				_, err := h.Topology.Admit(t.Context(), r)
				RequireError(t, err, topology.ErrInvalid)
			}
		}},
		{"A cancelled context gets no answer", func(t T) {
			s := newSender(t, h, "create")
			_, err := h.Topology.Admit(cancelled(t), s.sends("create", "", "configmaps", "", object))
			require.ErrorIs(t, err, context.Canceled)
		}},
	}
}
