package kube

import (
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Names for the two kinds of a guardrail, whose own names are long.
type (
	// Policy is a ValidatingAdmissionPolicy.
	Policy = admissionv1.ValidatingAdmissionPolicy
	// PolicyBinding is a ValidatingAdmissionPolicyBinding.
	PolicyBinding = admissionv1.ValidatingAdmissionPolicyBinding
)

// Clients has a client for every kind that Polyphony uses, and no more: client-go's full clientset
// would bring every API group into the importer's program. Decorators return a copy whose fields
// are decorated.
type Clients struct {
	Claims              Client[*corev1.PersistentVolumeClaim]
	ClusterRoleBindings Client[*rbacv1.ClusterRoleBinding]
	ClusterRoles        Client[*rbacv1.ClusterRole]
	DaemonSets          Client[*appsv1.DaemonSet]
	EndpointSlices      Client[*discoveryv1.EndpointSlice]
	Leases              Client[*coordinationv1.Lease]
	LimitRanges         Client[*corev1.LimitRange]
	Namespaces          Client[*corev1.Namespace]
	NetworkPolicies     Client[*networkingv1.NetworkPolicy]
	Nodes               Client[*corev1.Node]
	Policies            Client[*Policy]
	PolicyBindings      Client[*PolicyBinding]
	PriorityClasses     Client[*schedulingv1.PriorityClass]
	Quotas              Client[*corev1.ResourceQuota]
	RoleBindings        Client[*rbacv1.RoleBinding]
	Roles               Client[*rbacv1.Role]
	ServiceCIDRs        Client[*networkingv1.ServiceCIDR]
	Services            Client[*corev1.Service]
	StorageClasses      Client[*storagev1.StorageClass]
	Volumes             Client[*corev1.PersistentVolume]

	Server Server
}

// Scheme knows the kinds of all clients.
var Scheme = runtime.NewScheme()

var (
	codecs         = serializer.NewCodecFactory(Scheme)
	parameterCodec = runtime.NewParameterCodec(Scheme)
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
	metav1.AddToGroupVersion(Scheme, schema.GroupVersion{Version: "v1"})
	for _, add := range groupVersions {
		if err := add(Scheme); err != nil {
			panic(err) // k8s.io/api has two kinds of one name, which cannot be
		}
	}
}

// defaultTimeout is the timeout of one request if the rest.Config has none.
const defaultTimeout = 30 * time.Second

// Limit decorates the transport of all requests except those about leases, which must be renewed
// even if many other requests wait. It also applies the timeout of a request, which starts when the
// request is sent.
type Limit func(next http.RoundTripper, timeout time.Duration) http.RoundTripper

// New returns the clients of the cluster that cfg leads to. It sends no request. Unless cfg sets a
// rate (QPS) or a RateLimiter, client-go's own throttling is off.
func New(cfg *rest.Config, limit Limit) (Clients, error) {
	groups, err := groupClients(cfg, limit)
	if err != nil {
		return Clients{}, err
	}
	core, rbac := groups[corev1.SchemeGroupVersion], groups[rbacv1.SchemeGroupVersion]
	networking, admission := groups[networkingv1.SchemeGroupVersion], groups[admissionv1.SchemeGroupVersion]
	leases := groups[coordinationv1.SchemeGroupVersion]
	return Clients{
		Claims:              newClient[corev1.PersistentVolumeClaim, corev1.PersistentVolumeClaimList](core, "persistentvolumeclaims"),
		ClusterRoleBindings: newClient[rbacv1.ClusterRoleBinding, rbacv1.ClusterRoleBindingList](rbac, "clusterrolebindings"),
		ClusterRoles:        newClient[rbacv1.ClusterRole, rbacv1.ClusterRoleList](rbac, "clusterroles"),
		DaemonSets:          newClient[appsv1.DaemonSet, appsv1.DaemonSetList](groups[appsv1.SchemeGroupVersion], "daemonsets"),
		EndpointSlices: newClient[discoveryv1.EndpointSlice, discoveryv1.EndpointSliceList](
			groups[discoveryv1.SchemeGroupVersion], "endpointslices"),
		Leases:          newClient[coordinationv1.Lease, coordinationv1.LeaseList](leases, "leases"),
		LimitRanges:     newClient[corev1.LimitRange, corev1.LimitRangeList](core, "limitranges"),
		Namespaces:      newClient[corev1.Namespace, corev1.NamespaceList](core, "namespaces"),
		NetworkPolicies: newClient[networkingv1.NetworkPolicy, networkingv1.NetworkPolicyList](networking, "networkpolicies"),
		Nodes:           newClient[corev1.Node, corev1.NodeList](core, "nodes"),
		Policies: newClient[Policy, admissionv1.ValidatingAdmissionPolicyList](
			admission, "validatingadmissionpolicies"),
		PolicyBindings: newClient[PolicyBinding, admissionv1.ValidatingAdmissionPolicyBindingList](
			admission, "validatingadmissionpolicybindings"),
		PriorityClasses: newClient[schedulingv1.PriorityClass, schedulingv1.PriorityClassList](
			groups[schedulingv1.SchemeGroupVersion], "priorityclasses"),
		Quotas:       newClient[corev1.ResourceQuota, corev1.ResourceQuotaList](core, "resourcequotas"),
		RoleBindings: newClient[rbacv1.RoleBinding, rbacv1.RoleBindingList](rbac, "rolebindings"),
		Roles:        newClient[rbacv1.Role, rbacv1.RoleList](rbac, "roles"),
		ServiceCIDRs: newClient[networkingv1.ServiceCIDR, networkingv1.ServiceCIDRList](networking, "servicecidrs"),
		Services:     newClient[corev1.Service, corev1.ServiceList](core, "services"),
		StorageClasses: newClient[storagev1.StorageClass, storagev1.StorageClassList](
			groups[storagev1.SchemeGroupVersion], "storageclasses"),
		Volumes: newClient[corev1.PersistentVolume, corev1.PersistentVolumeList](core, "persistentvolumes"),
		Server:  Server{core: core, authorization: groups[authorizationv1.SchemeGroupVersion], unlimited: leases},
	}, nil
}

// groupClients returns a REST client for each group.
func groupClients(cfg *rest.Config, limit Limit) (map[schema.GroupVersion]rest.Interface, error) {
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
	unlimited, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	timeout := cfg.Timeout
	cfg.Timeout = 0
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return limit(next, timeout) })
	limited, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	clients := map[schema.GroupVersion]rest.Interface{}
	for gv := range groupVersions {
		cfg.GroupVersion, cfg.APIPath = &gv, "/apis"
		if gv.Group == "" {
			cfg.APIPath = "/api"
		}
		through := limited
		if gv == coordinationv1.SchemeGroupVersion {
			through = unlimited
		}
		if clients[gv], err = rest.RESTClientForConfigAndClient(cfg, through); err != nil {
			return nil, err
		}
	}
	return clients, nil
}
