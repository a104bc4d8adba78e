package k8s_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// outlives reports whether the cluster exists after the tests, as an existing cluster does.
var outlives = os.Getenv("USE_EXISTING_CLUSTER") != ""

func TestMain(m *testing.M) {
	if name, ok := os.LookupEnv(childScript); ok {
		os.Exit(runChild(name))
	}
	code := testcluster.Run(m)
	if outlives {
		code = max(code, removeProvisioner(os.Getenv("KUBECONFIG")))
	}
	os.Exit(code)
}

// removeProvisioner removes the objects of the provisioner from a cluster that outlives the tests.
func removeProvisioner(kubeconfig string) (code int) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	client := kubernetes.NewForConfigOrDie(cfg)
	rbac := client.RbacV1()
	for _, err := range []error{
		removeLeases(context.Background(), client),
		rbac.RoleBindings(metav1.NamespaceSystem).Delete(context.Background(), provisioner, metav1.DeleteOptions{}),
		rbac.Roles(metav1.NamespaceSystem).Delete(context.Background(), provisioner, metav1.DeleteOptions{}),
		rbac.ClusterRoleBindings().Delete(context.Background(), provisioner, metav1.DeleteOptions{}),
		rbac.ClusterRoles().Delete(context.Background(), provisioner, metav1.DeleteOptions{}),
	} {
		if err != nil && !apierrors.IsNotFound(err) { // they do not exist if no test needed them
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// provisioner is a user with the rights that Permissions, AdmissionPermissions and LeasePermissions
// list, and no others. Tests run as this user, and not as the administrator.
const provisioner = "polyphony-test-provisioner"

// admin returns a client that may do everything.
func admin(t *testing.T) *kubernetes.Clientset {
	t.Helper()
	return adminOf(t, testcluster.Use(t))
}

func adminOf(t *testing.T, c *testcluster.Cluster) *kubernetes.Clientset {
	t.Helper()
	return clientset(t, load(t, c.Kubeconfig()))
}

// clientset returns a client of client-go. It does not print the warnings of the API server.
func clientset(t *testing.T, cfg *rest.Config) *kubernetes.Clientset {
	t.Helper()
	cfg = rest.CopyConfig(cfg)
	cfg.WarningHandler = rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(cfg)
	require.NoError(t, err)
	return client
}

func load(t *testing.T, kubeconfig string) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	cfg.QPS = -1
	return cfg
}

// kubeconfig returns the path of the provisioner's kubeconfig, and grants the rights first.
func kubeconfig(t *testing.T) string {
	t.Helper()
	return kubeconfigOf(t, testcluster.Use(t))
}

// provisioners are the kubeconfigs by cluster. All tests of a cluster share one, which saves the
// time for keys, handshakes and grants.
var (
	provisionersMu sync.Mutex
	provisioners   = map[*testcluster.Cluster]string{}
)

func kubeconfigOf(t *testing.T, c *testcluster.Cluster) string {
	t.Helper()
	provisionersMu.Lock()
	defer provisionersMu.Unlock()
	if provisioners[c] == "" {
		provisioners[c] = newProvisioner(t, c)
	}
	return provisioners[c]
}

func newProvisioner(t *testing.T, c *testcluster.Cluster) (kubeconfig string) {
	t.Helper()
	client := adminOf(t, c)
	role := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: provisioner},
		Rules:      policyRules(append(k8s.Permissions(), k8s.AdmissionPermissions()...)),
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: provisioner},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: provisioner},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: provisioner}},
	}
	_, err := client.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
	_, err = client.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{})
	require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
	permitLeases(t, client, metav1.NamespaceSystem, provisioner)
	path, err := c.KubeconfigFor(provisioner)
	require.NoError(t, err)
	return path
}

func policyRules(rules []rbac.Rule) (all []rbacv1.PolicyRule) {
	for _, r := range rules {
		all = append(all, rbacv1.PolicyRule{APIGroups: r.APIGroups, Resources: r.Resources, Verbs: r.Verbs})
	}
	return all
}

// cluster returns the topology for the provisioner, through the given transports. The first one is
// nearest to the cluster.
func cluster(t *testing.T, wrap ...func(http.RoundTripper) http.RoundTripper) *k8s.Topology {
	t.Helper()
	return clusterOf(t, kubeconfig(t), wrap...)
}

// clusterOf is like cluster, for the user of a kubeconfig.
func clusterOf(t *testing.T, kubeconfig string, wrap ...func(http.RoundTripper) http.RoundTripper) *k8s.Topology {
	t.Helper()
	cfg := load(t, kubeconfig)
	for _, w := range wrap {
		cfg.Wrap(w)
	}
	top, err := k8s.New(cfg, k8s.Options{Name: "test"})
	require.NoError(t, err)
	return top
}
