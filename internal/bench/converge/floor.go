package main

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// inFlight is how many requests a contestant has under way, if that can be chosen.
const inFlight = 64

// floor creates typed objects in the server's own encoding, and looks at nothing.
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
	return map[phase]work{provisioning: f.provision, removing: f.remove}, nil
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
	typed, err := scheme.Scheme.New(content.GroupVersionKind())
	if err != nil {
		return err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content.Object, typed); err != nil {
		return err
	}
	typed.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // the encoder writes it
	namespace := content.GetNamespace()
	return f.groups[o.Resource.Group].Post().NamespaceIfScoped(namespace, namespace != "").Resource(o.Resource.Resource).Body(typed).Do(ctx).Error()
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
