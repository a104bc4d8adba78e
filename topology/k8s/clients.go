package k8s

import (
	"net/http"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// clients are typed clients for just the kinds that are used: the full clientset would bring every API group into the importer's binary.
type clients struct {
	host   string
	groups map[schema.GroupVersion]rest.Interface
	memory *memory // of a snapshot; nil: none
}

var (
	scheme         = runtime.NewScheme()
	codecs         = serializer.NewCodecFactory(scheme)
	parameterCodec = runtime.NewParameterCodec(scheme)
)

var groupVersions = map[schema.GroupVersion]func(*runtime.Scheme) error{
	corev1.SchemeGroupVersion:          corev1.AddToScheme,
	admissionv1.SchemeGroupVersion:     admissionv1.AddToScheme,
	appsv1.SchemeGroupVersion:          appsv1.AddToScheme,
	authorizationv1.SchemeGroupVersion: authorizationv1.AddToScheme,
	coordinationv1.SchemeGroupVersion:  coordinationv1.AddToScheme,
	discoveryv1.SchemeGroupVersion:     discoveryv1.AddToScheme,
	networkingv1.SchemeGroupVersion:    networkingv1.AddToScheme,
	rbacv1.SchemeGroupVersion:          rbacv1.AddToScheme,
	schedulingv1.SchemeGroupVersion:    schedulingv1.AddToScheme,
	storagev1.SchemeGroupVersion:       storagev1.AddToScheme,
}

func init() {
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	for _, add := range groupVersions {
		if err := add(scheme); err != nil {
			panic(err) // two kinds of one name in k8s.io/api: cannot be
		}
	}
}

func newClients(cfg *rest.Config, maxInFlight int) (*clients, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.NegotiatedSerializer = codecs.WithoutConversion()
	cfg.ContentType = runtime.ContentTypeProtobuf
	cfg.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	if cfg.UserAgent == "" {
		cfg.UserAgent = "polyphony"
	}
	if cfg.QPS == 0 && cfg.RateLimiter == nil {
		cfg.QPS = -1
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return answers{next} })
	unpaced, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	timeout := cfg.Timeout
	cfg.Timeout = 0 // the pace keeps it, from when a request is sent
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return newPace(next, maxInFlight, timeout) })
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	c := &clients{groups: map[schema.GroupVersion]rest.Interface{}}
	for gv := range groupVersions {
		cfg.GroupVersion, cfg.APIPath = &gv, "/apis"
		if gv.Group == "" {
			cfg.APIPath = "/api"
		}
		through := httpClient
		if gv == coordinationv1.SchemeGroupVersion { // leases are renewed whatever else has to wait
			through = unpaced
		}
		client, err := rest.RESTClientForConfigAndClient(cfg, through)
		if err != nil {
			return nil, err
		}
		c.groups[gv], c.host = client, client.Get().URL().Host
	}
	return c, nil
}

func (c *clients) namespaces() typedClient[corev1.Namespace, corev1.NamespaceList, *corev1.Namespace, *corev1.NamespaceList] {
	return typed[corev1.Namespace, corev1.NamespaceList](c, corev1.SchemeGroupVersion, "namespaces", "")
}

func (c *clients) nodes() typedClient[corev1.Node, corev1.NodeList, *corev1.Node, *corev1.NodeList] {
	return typed[corev1.Node, corev1.NodeList](c, corev1.SchemeGroupVersion, "nodes", "")
}

func (c *clients) services(namespace string) typedClient[corev1.Service, corev1.ServiceList, *corev1.Service, *corev1.ServiceList] {
	return typed[corev1.Service, corev1.ServiceList](c, corev1.SchemeGroupVersion, "services", namespace)
}

func (c *clients) quotas(namespace string) typedClient[corev1.ResourceQuota, corev1.ResourceQuotaList, *corev1.ResourceQuota, *corev1.ResourceQuotaList] {
	return typed[corev1.ResourceQuota, corev1.ResourceQuotaList](c, corev1.SchemeGroupVersion, "resourcequotas", namespace)
}

func (c *clients) limitRanges(namespace string) typedClient[corev1.LimitRange, corev1.LimitRangeList, *corev1.LimitRange, *corev1.LimitRangeList] {
	return typed[corev1.LimitRange, corev1.LimitRangeList](c, corev1.SchemeGroupVersion, "limitranges", namespace)
}

func (c *clients) claims(namespace string) typedClient[corev1.PersistentVolumeClaim, corev1.PersistentVolumeClaimList, *corev1.PersistentVolumeClaim, *corev1.PersistentVolumeClaimList] {
	return typed[corev1.PersistentVolumeClaim, corev1.PersistentVolumeClaimList](c, corev1.SchemeGroupVersion, "persistentvolumeclaims", namespace)
}

func (c *clients) volumes() typedClient[corev1.PersistentVolume, corev1.PersistentVolumeList, *corev1.PersistentVolume, *corev1.PersistentVolumeList] {
	return typed[corev1.PersistentVolume, corev1.PersistentVolumeList](c, corev1.SchemeGroupVersion, "persistentvolumes", "")
}

func (c *clients) daemonSets(namespace string) typedClient[appsv1.DaemonSet, appsv1.DaemonSetList, *appsv1.DaemonSet, *appsv1.DaemonSetList] {
	return typed[appsv1.DaemonSet, appsv1.DaemonSetList](c, appsv1.SchemeGroupVersion, "daemonsets", namespace)
}

func (c *clients) endpointSlices(namespace string) typedClient[discoveryv1.EndpointSlice, discoveryv1.EndpointSliceList, *discoveryv1.EndpointSlice, *discoveryv1.EndpointSliceList] {
	return typed[discoveryv1.EndpointSlice, discoveryv1.EndpointSliceList](c, discoveryv1.SchemeGroupVersion, "endpointslices", namespace)
}

func (c *clients) leases(namespace string) typedClient[coordinationv1.Lease, coordinationv1.LeaseList, *coordinationv1.Lease, *coordinationv1.LeaseList] {
	return typed[coordinationv1.Lease, coordinationv1.LeaseList](c, coordinationv1.SchemeGroupVersion, "leases", namespace)
}

func (c *clients) networkPolicies(namespace string) typedClient[networkingv1.NetworkPolicy, networkingv1.NetworkPolicyList, *networkingv1.NetworkPolicy, *networkingv1.NetworkPolicyList] {
	return typed[networkingv1.NetworkPolicy, networkingv1.NetworkPolicyList](c, networkingv1.SchemeGroupVersion, "networkpolicies", namespace)
}

func (c *clients) serviceCIDRs() typedClient[networkingv1.ServiceCIDR, networkingv1.ServiceCIDRList, *networkingv1.ServiceCIDR, *networkingv1.ServiceCIDRList] {
	return typed[networkingv1.ServiceCIDR, networkingv1.ServiceCIDRList](c, networkingv1.SchemeGroupVersion, "servicecidrs", "")
}

func (c *clients) roles(namespace string) typedClient[rbacv1.Role, rbacv1.RoleList, *rbacv1.Role, *rbacv1.RoleList] {
	return typed[rbacv1.Role, rbacv1.RoleList](c, rbacv1.SchemeGroupVersion, "roles", namespace)
}

func (c *clients) roleBindings(namespace string) typedClient[rbacv1.RoleBinding, rbacv1.RoleBindingList, *rbacv1.RoleBinding, *rbacv1.RoleBindingList] {
	return typed[rbacv1.RoleBinding, rbacv1.RoleBindingList](c, rbacv1.SchemeGroupVersion, "rolebindings", namespace)
}

func (c *clients) clusterRoles() typedClient[rbacv1.ClusterRole, rbacv1.ClusterRoleList, *rbacv1.ClusterRole, *rbacv1.ClusterRoleList] {
	return typed[rbacv1.ClusterRole, rbacv1.ClusterRoleList](c, rbacv1.SchemeGroupVersion, "clusterroles", "")
}

func (c *clients) clusterRoleBindings() typedClient[rbacv1.ClusterRoleBinding, rbacv1.ClusterRoleBindingList, *rbacv1.ClusterRoleBinding, *rbacv1.ClusterRoleBindingList] {
	return typed[rbacv1.ClusterRoleBinding, rbacv1.ClusterRoleBindingList](c, rbacv1.SchemeGroupVersion, "clusterrolebindings", "")
}

func (c *clients) storageClasses() typedClient[storagev1.StorageClass, storagev1.StorageClassList, *storagev1.StorageClass, *storagev1.StorageClassList] {
	return typed[storagev1.StorageClass, storagev1.StorageClassList](c, storagev1.SchemeGroupVersion, "storageclasses", "")
}

func (c *clients) priorityClasses() typedClient[schedulingv1.PriorityClass, schedulingv1.PriorityClassList, *schedulingv1.PriorityClass, *schedulingv1.PriorityClassList] {
	return typed[schedulingv1.PriorityClass, schedulingv1.PriorityClassList](c, schedulingv1.SchemeGroupVersion, "priorityclasses", "")
}

func (c *clients) policies() typedClient[policy, admissionv1.ValidatingAdmissionPolicyList, *policy, *admissionv1.ValidatingAdmissionPolicyList] {
	return typed[policy, admissionv1.ValidatingAdmissionPolicyList](c, admissionv1.SchemeGroupVersion, "validatingadmissionpolicies", "")
}

func (c *clients) policyBindings() typedClient[binding, admissionv1.ValidatingAdmissionPolicyBindingList, *binding, *admissionv1.ValidatingAdmissionPolicyBindingList] {
	return typed[binding, admissionv1.ValidatingAdmissionPolicyBindingList](c, admissionv1.SchemeGroupVersion, "validatingadmissionpolicybindings", "")
}

// core is the client of the core group, also for paths outside any group.
func (c *clients) core() rest.Interface { return c.groups[corev1.SchemeGroupVersion] }

// unpaced is the client of leases, whose requests wait for no others.
func (c *clients) unpaced() rest.Interface { return c.groups[coordinationv1.SchemeGroupVersion] }

func (c *clients) authorization() rest.Interface { return c.groups[authorizationv1.SchemeGroupVersion] }
