package k8s_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Each fence refuses a developer once, and the verdict names it.
func TestAdmitNamesTheFence(t *testing.T) {
	t.Parallel()
	client := admin(t)
	s := newTenant(t, client)
	s.ResourceQuotas.Objects.Services = new(int64(0))
	s.ResourceQuotas.Requests.CPU = new(resource.MustParse("1"))
	_, err := score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	name := s.TenantConfig.Name
	top := cluster(t)
	_, err = top.EnsureLimitRange(t.Context(), topology.LimitRange{Namespace: name, Limits: []topology.Limit{
		{
			Type: topology.LimitContainer,
			Max:  map[string]resource.Quantity{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("1Gi")},
		},
	}})
	require.NoError(t, err)
	w := writer{top, name, "dev", []string{name + "-devs"}}
	require.Eventually(t, func() bool { return w.admit(t, w.creates("", "configmaps", plainConfigMap)).Allowed }, eventuallyWait, eventuallyTick)
	pod := func(more, container string) topology.Request {
		return w.creates("", "pods", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{`+more+`"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},
			"containers":[{"name":"c","image":"i","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}`+container+`}]}}`)
	}
	require.Eventually(t, func() bool { return w.admit(t, pod("", "")).Allowed }, eventuallyWait, eventuallyTick, "the service account exists")
	for want, r := range map[topology.Fence]topology.Request{
		topology.FenceAccess:      w.creates("", "resourcequotas", `{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"q"}}`),
		topology.FencePodSecurity: pod(`"hostNetwork":true,`, ""),
		topology.FenceQuota:       w.creates("", "services", `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}`),
		topology.FenceLimits:      pod("", `,"resources":{"limits":{"cpu":"600m"}}`),
		topology.FenceOther:       w.creates("", "configmaps", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"Not A Name"}}`),
	} {
		verdict := w.admit(t, r)
		require.NotEmpty(t, verdict.Reason)
		require.Equal(t, topology.Verdict{By: want, Reason: verdict.Reason}, verdict)
	}
}

// A service account has its rights by a group that the request does not name. Something else than
// its rights refuses the request.
func TestAdmitAppliesImpliedGroups(t *testing.T) {
	t.Parallel()
	client := admin(t)
	_, name := provisioned(t, client)
	outsider{client}.Grant(t, name, topology.Grant{
		Role: "accounts", Rules: []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create", "use"}}},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "system:serviceaccounts:" + name}},
	})
	account := writer{top: cluster(t), namespace: name, user: "system:serviceaccount:" + name + ":any"}
	require.Eventually(t, func() bool { return account.admit(t, account.creates("", "configmaps", plainConfigMap)).Allowed }, eventuallyWait, eventuallyTick)
	invalid := account.creates("", "configmaps", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"Not A Name"}}`)
	require.Equal(t, topology.FenceOther, account.admit(t, invalid).By)
	use := account.creates("", "configmaps", "")
	use.Verb = "use"
	account.admitted(t, use)
}

func TestAdmitRefusesResourcesThatAreNotServed(t *testing.T) {
	t.Parallel()
	w := writer{cluster(t), "default", "dev", nil}
	_, err := w.top.Admit(t.Context(), w.creates("example.com", "things", `{}`))
	require.ErrorIs(t, err, topology.ErrUnsupported)
	require.ErrorContains(t, err, "example.com")
}

// Without domains it sends none.
func TestOverlappingDomainsSendsOneRequestPerDot(t *testing.T) {
	t.Parallel()
	var seen recorder
	top := cluster(t, seen.wrap)
	for domain, requests := range map[string]int{"example.com": 1, "acme.example.com": 2, "a.b.acme.example.com": 4} {
		_, err := top.OverlappingDomains(t.Context(), "acme", []string{domain})
		require.NoError(t, err)
		all, _ := seen.take()
		require.Len(t, all, requests, domain)
	}
	_, err := top.OverlappingDomains(t.Context(), "acme", nil)
	require.NoError(t, err)
	all, _ := seen.take()
	require.Empty(t, all)
}
