package k8s

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

type apiObject interface {
	runtime.Object
	metav1.Object
}

type apiList interface {
	runtime.Object
	GetContinue() string
}

// typedClient is a client for the objects T of one resource, and lists L of them, in one namespace: "" for cluster-scoped objects, or for all
// namespaces. It is client-go's generic client (k8s.io/client-go/gentype) without the fakes that come with that one.
type typedClient[T, L any, PT interface {
	*T
	apiObject
}, PL interface {
	*L
	apiList
}] struct {
	rest                rest.Interface
	resource, namespace string
}

func typed[T, L any, PT interface {
	*T
	apiObject
}, PL interface {
	*L
	apiList
}](c *clients, gv schema.GroupVersion, resource, namespace string) typedClient[T, L, PT, PL] {
	return typedClient[T, L, PT, PL]{c.groups[gv], resource, namespace}
}

// to directs a request to the resource. Repeating it is for Topology.retry alone, which knows what is safe and when it is enough.
func (c typedClient[T, L, PT, PL]) to(request *rest.Request) *rest.Request {
	return request.MaxRetries(0).NamespaceIfScoped(c.namespace, c.namespace != "").Resource(c.resource)
}

// Get reads one object.
func (c typedClient[T, L, PT, PL]) Get(ctx context.Context, name string) (PT, error) {
	object := PT(new(T))
	return object, c.to(c.rest.Get()).Name(name).Do(ctx).Into(object)
}

// List reads many objects.
func (c typedClient[T, L, PT, PL]) List(ctx context.Context, opts metav1.ListOptions) (PL, error) {
	list := PL(new(L))
	return list, c.to(c.rest.Get()).VersionedParams(&opts, parameterCodec).Do(ctx).Into(list)
}

// EachPage reads many objects, a page at a time. The selector is of labels; "" is all.
func (c typedClient[T, L, PT, PL]) EachPage(ctx context.Context, selector string, each func(PL)) error {
	opts := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for {
		list, err := c.List(ctx, opts)
		if err != nil {
			return err
		}
		each(list)
		if opts.Continue = list.GetContinue(); opts.Continue == "" {
			return nil
		}
	}
}

// Create stores a new object.
func (c typedClient[T, L, PT, PL]) Create(ctx context.Context, object PT) error {
	return c.to(c.rest.Post()).VersionedParams(&metav1.CreateOptions{FieldManager: fieldManager}, parameterCodec).Body(object).Do(ctx).Error()
}

// DryCreate asks what would become of a Create.
func (c typedClient[T, L, PT, PL]) DryCreate(ctx context.Context, object PT) error {
	opts := &metav1.CreateOptions{FieldManager: fieldManager, DryRun: []string{metav1.DryRunAll}}
	return c.to(c.rest.Post()).VersionedParams(opts, parameterCodec).Body(object).Do(ctx).Error()
}

// Update replaces an object, at the version that it states.
func (c typedClient[T, L, PT, PL]) Update(ctx context.Context, object PT) error {
	return c.to(c.rest.Put()).Name(object.GetName()).VersionedParams(&metav1.UpdateOptions{FieldManager: fieldManager}, parameterCodec).Body(object).Do(ctx).Error()
}

// Delete removes the very object that was read, and not one that has come or changed since.
func (c typedClient[T, L, PT, PL]) Delete(ctx context.Context, object PT) error {
	uid, version := object.GetUID(), object.GetResourceVersion()
	exactly := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}}
	return c.to(c.rest.Delete()).Name(object.GetName()).Body(exactly).Do(ctx).Error()
}
