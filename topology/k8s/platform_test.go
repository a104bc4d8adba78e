package k8s_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

// The test starts another cluster, since it changes what every tenant depends on.
func TestPlatformDiscoversTheCluster(t *testing.T) {
	own, err := testcluster.Start(t.Context(), testcluster.Options{Log: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop()) })
	cfg := load(t, own.Kubeconfig())
	discover := func(opts k8s.Options) topology.Platform {
		t.Helper()
		top, err := k8s.New(cfg, opts)
		require.NoError(t, err)
		p, err := top.Platform(t.Context())
		require.NoError(t, err)
		return p
	}
	dns := func(ports ...int32) []topology.NetworkPort {
		var all []topology.NetworkPort
		for _, p := range ports {
			all = append(all, topology.NetworkPort{Protocol: netpolicy.UDP, Port: p}, topology.NetworkPort{Protocol: netpolicy.TCP, Port: p})
		}
		return all
	}
	kubeSystem := map[string]string{"kubernetes.io/metadata.name": "kube-system"}

	bare := discover(k8s.Options{})
	require.Equal(t, []topology.NetworkRule{{
		Peers: []topology.NetworkPeer{{NamespaceLabels: kubeSystem, PodLabels: map[string]string{"k8s-app": "kube-dns"}}}, Ports: dns(53),
	}}, bare.DNS)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("192.0.2.1/32")}, bare.OwnRanges, "the range of services and the address of the API server")
	require.True(t, bare.IPv4)
	require.False(t, bare.IPv6)
	require.Empty(t, bare.IngressControllers)
	require.Len(t, bare.APIServer, 1)
	require.Empty(t, bare.StorageClasses)

	furnish(t, cfg)
	full := discover(k8s.Options{OwnRanges: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/48")}})
	require.Equal(t, []topology.NetworkRule{
		{
			Peers: []topology.NetworkPeer{{NamespaceLabels: kubeSystem, PodLabels: map[string]string{"app": "coredns"}}},
			Ports: dns(53, 8053),
		},
		{Peers: []topology.NetworkPeer{{CIDR: "169.254.20.10/32"}, {CIDR: "fd00::a/128"}}, Ports: dns(53)},
	}, full.DNS)
	require.Equal(t, []topology.StorageClass{{Name: "fast"}, {Name: "slow", Default: true}}, full.StorageClasses)
	require.Equal(t, []string{"example.com/fpga", "hugepages-2Mi"}, full.ExtendedResources)
	require.Contains(t, full.OwnRanges, netip.MustParsePrefix("10.244.7.0/24"))
	require.Contains(t, full.OwnRanges, netip.MustParsePrefix("198.51.100.7/32"))
	require.True(t, full.IPv6)

	t.Run("storage", func(t *testing.T) { storage(t, cfg) })
	t.Run("OpenShift", func(t *testing.T) {
		openShift(t, cfg)
		okd := discover(k8s.Options{})
		require.Equal(t, []topology.NetworkRule{{
			Peers: []topology.NetworkPeer{{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "openshift-dns"}}}, Ports: dns(5353),
		}}, okd.DNS)
		require.Equal(t, "ingress", okd.IngressControllers[0].NamespaceLabels["network.openshift.io/policy-group"])
		require.Equal(t, "monitoring", okd.Monitoring[0].NamespaceLabels["network.openshift.io/policy-group"])
		given := []topology.NetworkPeer{{NamespaceLabels: map[string]string{"kubernetes.io/metadata.name": "edge"}}}
		require.Equal(t, given, discover(k8s.Options{IngressControllers: given}).IngressControllers)
		top, err := k8s.New(cfg, k8s.Options{})
		require.NoError(t, err)
		ready, err := top.Ready(t.Context())
		require.NoError(t, err)
		require.Equal(t, "openshift", ready.Distribution)
	})
}

// furnish creates name servers, a node with devices, and storage classes.
func furnish(t *testing.T, cfg *rest.Config) {
	t.Helper()
	client := clientset(t, cfg)
	ctx, create := t.Context(), metav1.CreateOptions{}
	_, err := client.CoreV1().Services("kube-system").Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "dns", Labels: map[string]string{"k8s-app": "kube-dns"}},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "coredns"}, Ports: []corev1.ServicePort{
			{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53, TargetPort: intstr.FromInt32(8053)},
			{Name: "metrics", Port: 9153, TargetPort: intstr.FromInt32(9153)},
		}},
	}, create)
	require.NoError(t, err)
	labels := map[string]string{"k8s-app": "node-local-dns"}
	_, err = client.AppsV1().DaemonSets("kube-system").Create(ctx, &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "node-local-dns"},
		Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{
				Containers: []corev1.Container{
					{
						Name:  "c",
						Image: "example.com/c",
						Args:  []string{"-localip", "169.254.20.10,fd00::a", "-conf", "/etc/Corefile"},
					},
				},
			},
		}},
	}, create)
	require.NoError(t, err)
	node, err := client.CoreV1().Nodes().Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Spec: corev1.NodeSpec{PodCIDR: "10.244.7.0/24", PodCIDRs: []string{"10.244.7.0/24"}},
	}, create)
	require.NoError(t, err)
	node.Status.Allocatable = corev1.ResourceList{
		"cpu":              resource.MustParse("4"),
		"example.com/fpga": resource.MustParse("2"),
		"hugepages-2Mi":    resource.MustParse("0"),
	}
	node.Status.Capacity = node.Status.Allocatable
	node.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeHostName, Address: "n1"},
		{Type: corev1.NodeExternalIP, Address: "198.51.100.7"},
	}
	_, err = client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	require.NoError(t, err)
	for name, isDefault := range map[string]string{"slow": "true", "fast": "false"} {
		_, err = client.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{
				Name:        name,
				Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": isDefault},
			},
			Provisioner: "example.com/none",
		}, create)
		require.NoError(t, err)
	}
}

// storage provisions a tenant that may use one of two classes, and creates claims of both.
func storage(t *testing.T, cfg *rest.Config) {
	top, err := k8s.New(cfg, k8s.Options{})
	require.NoError(t, err)
	s := tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: "stored"},
		StorageAccess: tenant.StorageAccessConfig{
			Classes:      []tenant.StorageClassAccess{{Name: "fast", Capacity: resource.MustParse("5Gi")}},
			DefaultClass: "fast",
		},
	}
	report, err := score.Run(t.Context(), s.On(top))
	require.NoError(t, err)
	require.Len(t, report.Results[0].Outcome.Notes, 1)
	require.Contains(t, report.Results[0].Outcome.Notes[0], `"slow"`)
	client := clientset(t, cfg)
	claim := func(name, class, size string) error {
		_, err := client.CoreV1().PersistentVolumeClaims("stored").Create(t.Context(), &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeClaimSpec{
				StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources: corev1.VolumeResourceRequirements{
					Requests: corev1.ResourceList{"storage": resource.MustParse(size)},
				},
			},
		}, metav1.CreateOptions{})
		return err
	}
	require.NoError(t, claim("one", "fast", "3Gi"))
	require.ErrorContains(t, claim("two", "fast", "3Gi"), "exceeded quota")
	require.ErrorContains(t, claim("three", "slow", "1Gi"), "exceeded quota")
}

// openShift makes the cluster serve the API group by which OpenShift is recognised.
func openShift(t *testing.T, cfg *rest.Config) {
	t.Helper()
	const crd = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"marks.config.openshift.io","annotations":{"api-approved.kubernetes.io":"unapproved, for a test"}},
		"spec":{"group":"config.openshift.io","scope":"Cluster","names":{"plural":"marks","singular":"mark","kind":"Mark","listKind":"MarkList"},
		"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}`
	client := clientset(t, cfg).CoreV1().RESTClient()
	result := client.Post().AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").SetHeader("Content-Type", "application/json").Body([]byte(crd)).Do(t.Context())
	require.NoError(t, result.Error())
	require.Eventually(t, func() bool {
		var status int
		client.Get().AbsPath("/apis/config.openshift.io/v1").Do(t.Context()).StatusCode(&status)
		return status == http.StatusOK
	}, eventuallyWait, eventuallyTick)
}

func TestPlatformIsCachedForAMinute(t *testing.T) {
	var seen recorder
	top := cluster(t, seen.wrap)
	for range 5 {
		_, err := top.Platform(t.Context())
		require.NoError(t, err)
	}
	all, _ := seen.take()
	require.LessOrEqual(t, len(all), 8)
}

func TestReadyListsMissingPermissions(t *testing.T) {
	path, err := testcluster.Use(t).KubeconfigFor("someone")
	require.NoError(t, err)
	top, err := k8s.New(load(t, path), k8s.Options{})
	require.NoError(t, err)
	ready, err := top.Ready(t.Context())
	require.NoError(t, err)
	require.Contains(t, ready.Missing, "create namespaces")
	require.Contains(t, ready.Missing, "escalate roles.rbac.authorization.k8s.io")
	require.NotEmpty(t, top.Name())
	_, err = score.Run(t.Context(), tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: "refused"}}.On(top))
	require.ErrorIs(t, err, topology.ErrForbidden)
}

func TestNewValidatesOptions(t *testing.T) {
	_, err := k8s.New(nil, k8s.Options{})
	require.ErrorContains(t, err, "rest.Config")
	cfg := &rest.Config{Host: "https://127.0.0.1:1"}
	for _, opts := range []k8s.Options{
		{MaxInFlight: -1}, {MaxTries: -1}, {OwnRanges: []netip.Prefix{{}}},
		{IngressControllers: []topology.NetworkPeer{{PodLabels: map[string]string{"app": "ingress"}}}}, {Monitoring: []topology.NetworkPeer{{EveryNamespace: true}}},
	} {
		_, err := k8s.New(cfg, opts)
		require.Error(t, err)
	}
}
