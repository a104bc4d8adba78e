package tenanttest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/guardrails"
	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

const (
	patience = 3 * time.Minute
	tick     = 50 * time.Millisecond
)

// cluster is a cluster with a client of its administrator.
type cluster struct {
	top   *k8s.Topology
	admin *kubernetes.Clientset
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	c := open(t, testcluster.Use(t).Kubeconfig())
	t.Cleanup(func() { cleanUp(t, c.top) })
	return c
}

// open returns the cluster of a kubeconfig, with a storage class.
func open(t *testing.T, kubeconfig string) cluster {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	cfg.QPS = -1
	quiet := rest.CopyConfig(cfg)
	quiet.WarningHandler = rest.NoWarnings{}
	admin, err := kubernetes.NewForConfig(quiet)
	require.NoError(t, err)
	classes := admin.StorageV1().StorageClasses()
	_, err = classes.Create(t.Context(), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "standard"}, Provisioner: "example.com/nobody"}, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) { // many clusters have one of that name
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, classes.Delete(context.Background(), "standard", metav1.DeleteOptions{})) })
	}
	top, err := k8s.New(cfg, k8s.Options{Name: "test"})
	require.NoError(t, err)
	return cluster{top, admin}
}

// cleanUp removes the tenants and guardrails from a cluster that outlives the tests.
func cleanUp(t *testing.T, top *k8s.Topology) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	_, err := score.Run(ctx, guardrails.Score{Remove: true}.On(top),
		tenant.OffboardScore{Tenant: attackerName, Wait: tenant.MaxDuration}.On(top),
		tenant.OffboardScore{Tenant: victimName, Wait: tenant.MaxDuration}.On(top))
	require.NoError(t, err)
}

// member returns a user in the group of the tenant that has the role.
func member(s tenant.TenantScore, role tenant.Role) tenanttest.Sender {
	i := slices.IndexFunc(s.RBAC.Members, func(m tenant.Member) bool { return m.Role == role })
	return tenanttest.Sender{Role: role, User: "somebody", Groups: []string{s.RBAC.Members[i].Name}}
}

// removals returns a removal for each fence of the attacker. Where rights and guardrails stop the
// same attack, a grant of the rights comes first: without them, the removal of the guardrail proves
// nothing.
func (c cluster) removals(attacker tenant.TenantScore) []removal {
	name := attacker.TenantConfig.Name
	var all []removal
	guardrail := func(rule topology.Guardrail, escapes ...string) {
		all = append(all, removal{"guardrail " + string(rule), func(t *testing.T) { c.install(t, rule) }, escapes, func(t *testing.T) { c.install(t) }, false})
	}
	provision := func(t *testing.T) {
		t.Helper()
		_, err := score.Run(t.Context(), attacker.On(c.top))
		require.NoError(t, err)
	}
	guardrail(topology.GuardrailServices, "externalIPs of a Service (CVE-2020-8554)", "ExternalName to another tenant")
	guardrail(topology.GuardrailIngress,
		"host of another tenant in an Ingress", "wildcard host, missing host and default backend in an Ingress",
		"snippets and other instructions to a shared ingress controller (CVE-2021-25742)",
		"DNS name or certificate of another tenant")
	guardrail(topology.GuardrailPlacement,
		"pod with the class system-node-critical, a node name or a toleration of every taint",
		"anti-affinity that keeps pods of other tenants off a node", "pod with a grace period of years")
	guardrail(topology.GuardrailImages, "image from a registry that is not allowed")
	guardrail(topology.GuardrailVolumes, "volume that bypasses claims")
	guardrail(topology.GuardrailDefaultToken, "pod that gets the token of the service account default")
	guardrail(topology.GuardrailClaims, "claim of another tenant's volume",
		"storage class that is not allowed, or none", "storage class by the deprecated annotation")
	guardrail(topology.GuardrailTokenSecrets, "Secret with a token that never expires")
	guardrail(topology.GuardrailFinalizers, "finalizer that blocks the deletion of the namespace")
	all = append(all,
		removal{"pod security", func(t *testing.T) {
			_, err := c.admin.CoreV1().Namespaces().Patch(t.Context(), name, types.MergePatchType,
				[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`), metav1.PatchOptions{})
			require.NoError(t, err)
		}, []string{
			"privileged container, added capability, privilege escalation, user root",
			"host path, host network, host port, host processes and host IPC",
		}, provision, false},
		removal{"quota", func(t *testing.T) {
			require.NoError(t, c.admin.CoreV1().ResourceQuotas(name).Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
		}, []string{"pod that exceeds the quota, also by way of quota scopes"}, provision, false},
		removal{"limits", func(t *testing.T) {
			require.NoError(t, c.admin.CoreV1().LimitRanges(name).Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
		}, []string{"container with a limit of zero, which Kubernetes treats as no limit"}, provision, false},
		removal{"rights", func(t *testing.T) { c.grantEverything(t, attacker) },
			[]string{
				"NetworkPolicy that allows everything",
				"change of the tenant's own network policy, quota, limits or roles",
				"deletion of the tenant's own network policy, quota, limits, roles or namespace",
				"RoleBinding to view, edit, admin or cluster-admin", "Role with escalate, bind or impersonate",
				"impersonation of users, groups and service accounts", "token of another service account",
			},
			func(t *testing.T) { c.takeEverything(t, attacker) }, true},
		removal{"rights, everywhere", func(t *testing.T) { c.makeAdministrators(t, attacker) }, accessAttacks(), func(t *testing.T) { c.unmakeAdministrators(t, attacker) }, false},
		removal{"quota, and the guardrail services", func(t *testing.T) {
			c.install(t, topology.GuardrailServices)
			require.NoError(t, c.admin.CoreV1().ResourceQuotas(name).Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
		}, []string{"Services of the types NodePort and LoadBalancer"}, func(t *testing.T) {
			c.install(t)
			provision(t)
		}, false},
	)
	for rule, escape := range map[topology.Guardrail]string{
		topology.GuardrailEndpoints:  "endpoints with addresses outside the tenant (CVE-2021-25740)",
		topology.GuardrailNamespaces: "labels of the tenant's namespace, through any subresource (GHSA-2ww6-hf35-mfjm)",
	} {
		all = append(all, removal{"guardrail " + string(rule) + " from a member with every right in the namespace",
			func(t *testing.T) {
				c.grantEverything(t, attacker)
				c.stillRefused(t, attacker, escape)
				c.install(t, rule)
			}, []string{escape}, func(t *testing.T) {
				c.install(t)
				c.stillRefused(t, attacker, escape)
				c.takeEverything(t, attacker)
			}, false})
	}
	return all
}

// install puts every guardrail except the given ones in force.
func (c cluster) install(t *testing.T, without ...topology.Guardrail) {
	t.Helper()
	_, err := score.Run(t.Context(), guardrails.Score{Without: without}.On(c.top))
	require.NoError(t, err)
}

// accessAttacks returns the names of the attacks that rights stop.
func accessAttacks() []string {
	var names []string
	for _, a := range tenanttest.Attacks() {
		if a.Fence == topology.FenceAccess {
			names = append(names, a.Name)
		}
	}
	return names
}

const everything = "everything"

// makeAdministrators gives developers every right in every namespace.
func (c cluster) makeAdministrators(t *testing.T, s tenant.TenantScore) {
	t.Helper()
	_, err := c.admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: s.TenantConfig.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: member(s, tenant.Developer).Groups[0]}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

func (c cluster) unmakeAdministrators(t *testing.T, s tenant.TenantScore) {
	t.Helper()
	require.NoError(t, c.admin.RbacV1().ClusterRoleBindings().Delete(t.Context(), s.TenantConfig.Name, metav1.DeleteOptions{}))
}

// grantEverything gives developers every right in their namespace, which Polyphony never does.
func (c cluster) grantEverything(t *testing.T, s tenant.TenantScore) {
	t.Helper()
	name := s.TenantConfig.Name
	_, err := c.admin.RbacV1().Roles(name).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: everything},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = c.admin.RbacV1().RoleBindings(name).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: everything},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: everything},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: member(s, tenant.Developer).Groups[0]}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return c.may(t, s, "delete", "resourcequotas") }, patience, tick)
}

func (c cluster) takeEverything(t *testing.T, s tenant.TenantScore) {
	t.Helper()
	name := s.TenantConfig.Name
	require.NoError(t, c.admin.RbacV1().RoleBindings(name).Delete(t.Context(), everything, metav1.DeleteOptions{}))
	require.NoError(t, c.admin.RbacV1().Roles(name).Delete(t.Context(), everything, metav1.DeleteOptions{}))
	require.Eventually(t, func() bool { return !c.may(t, s, "delete", "resourcequotas") }, patience, tick)
}

func (c cluster) may(t *testing.T, s tenant.TenantScore, verb, resource string) bool {
	t.Helper()
	who := member(s, tenant.Developer)
	answer, err := c.top.Authorize(t.Context(), rbac.Question{User: who.User, Groups: who.Groups, Verb: verb, Resource: resource, Namespace: s.TenantConfig.Name})
	require.NoError(t, err)
	return answer.Allowed
}

// stillRefused checks that a guardrail refuses an attack that rights no longer refuse.
func (c cluster) stillRefused(t *testing.T, s tenant.TenantScore, name string) {
	t.Helper()
	for _, a := range tenanttest.Attacks() {
		if a.Name == name {
			result := a.Try(t.Context(), c.top, member(s, tenant.Developer), s, newTenant(victimName))
			require.NoError(t, result.Err)
			require.Equal(t, topology.FenceGuardrails, result.Verdicts[0].By)
		}
	}
}
