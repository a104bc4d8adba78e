package main

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/topology"
)

// inFlight is the number of requests in flight of a contestant, if it can be set.
const inFlight = 64

// floor is the least that any contestant has to do. It creates typed objects in the protobuf
// encoding, and compares nothing. To find what has changed, it lists all kinds at the same time.
type floor struct {
	client  *kubernetes.Clientset
	groups  map[string]rest.Interface
	objects []object
}

func enterFloor(s setting) (map[phase]work, error) {
	s.config.ContentType = runtime.ContentTypeProtobuf
	client, err := kubernetes.NewForConfig(s.config)
	if err != nil {
		return nil, err
	}
	f := floor{client: client, objects: s.objects, groups: map[string]rest.Interface{
		"":                          client.CoreV1().RESTClient(),
		"networking.k8s.io":         client.NetworkingV1().RESTClient(),
		"rbac.authorization.k8s.io": client.RbacV1().RESTClient(),
	}}
	return map[phase]work{provisioning: f.provision, unchanged: f.read, drifted: f.repair, removing: f.remove}, nil
}

func (f floor) provision(ctx context.Context, tenants []string) error {
	return inParallel(ctx, inFlight, tenants, func(ctx context.Context, tenant string) error {
		for _, o := range f.objects {
			if err := f.create(ctx, o, tenant); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f floor) create(ctx context.Context, o object, tenant string) error {
	content := o.of(tenant)
	typed, err := typedOf(content)
	if err != nil {
		return err
	}
	namespace := content.GetNamespace()
	request := f.groups[o.Resource.Group].Post().NamespaceIfScoped(namespace, namespace != "")
	return request.Resource(o.Resource.Resource).Body(typed).Do(ctx).Error()
}

// typedOf converts an object to its Go type.
func typedOf(content *unstructured.Unstructured) (runtime.Object, error) {
	typed, err := scheme.Scheme.New(content.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	err = runtime.DefaultUnstructuredConverter.FromUnstructured(content.Object, typed)
	typed.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // the encoder adds it
	return typed, err
}

// read lists all objects of the tenants, and compares nothing.
func (f floor) read(ctx context.Context, _ []string) error {
	return f.list(ctx, func(runtime.Object) {})
}

// repair also replaces the network policies that have drifted.
func (f floor) repair(ctx context.Context, _ []string) error {
	var policies []networkingv1.NetworkPolicy
	err := f.list(ctx, func(list runtime.Object) {
		if list, ok := list.(*networkingv1.NetworkPolicyList); ok {
			policies = append(policies, list.Items...)
		}
	})
	if err != nil {
		return err
	}
	template := f.objects[slices.IndexFunc(f.objects, func(o object) bool { return o.Resource == networkPolicies })]
	for _, have := range policies {
		typed, err := typedOf(template.of(have.Namespace))
		if err != nil {
			return err
		}
		want, _ := typed.(*networkingv1.NetworkPolicy) // the template is a NetworkPolicy
		if equality.Semantic.DeepEqual(have.Spec, want.Spec) {
			continue
		}
		have.Spec = want.Spec
		if _, err := f.client.NetworkingV1().NetworkPolicies(have.Namespace).Update(ctx, &have, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// list lists the tenants' objects of all kinds at the same time, page by page.
func (f floor) list(ctx context.Context, each func(runtime.Object)) error {
	kinds := map[schema.GroupVersionResource]schema.GroupVersionKind{}
	for _, o := range f.objects {
		kinds[o.Resource] = o.Content.GroupVersionKind()
	}
	group, ctx := errgroup.WithContext(ctx)
	for resource, kind := range kinds {
		kind.Kind += "List"
		group.Go(func() error { return f.pages(ctx, resource, kind, each) })
	}
	return group.Wait()
}

func (f floor) pages(
	ctx context.Context, resource schema.GroupVersionResource, kind schema.GroupVersionKind,
	each func(runtime.Object),
) error {
	opts := metav1.ListOptions{LabelSelector: topology.LabelTenant, Limit: 1000}
	for {
		list, err := scheme.Scheme.New(kind)
		if err != nil {
			return err
		}
		request := f.groups[resource.Group].Get().Resource(resource.Resource)
		if err := request.VersionedParams(&opts, scheme.ParameterCodec).Do(ctx).Into(list); err != nil {
			return err
		}
		each(list)
		next, err := meta.ListAccessor(list)
		if err != nil {
			return err
		}
		if opts.Continue = next.GetContinue(); opts.Continue == "" {
			return nil
		}
	}
}

func (f floor) remove(ctx context.Context, tenants []string) error {
	namespaces := f.client.CoreV1().Namespaces()
	err := inParallel(ctx, inFlight, tenants, func(ctx context.Context, tenant string) error {
		return namespaces.Delete(ctx, tenant, metav1.DeleteOptions{})
	})
	if err != nil {
		return err
	}
	return untilGone(ctx, tenants, func(have sets.Set[string]) error {
		list, err := namespaces.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, item := range list.Items {
			have.Insert(item.Name)
		}
		return nil
	})
}
