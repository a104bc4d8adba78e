package k8s

import (
	"context"
	"math"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/topology"
)

type apiObject interface {
	runtime.Object
	metav1.Object
	Marshal() ([]byte, error) // as protobuf
	Unmarshal(data []byte) error
}

type apiList interface {
	runtime.Object
	metav1.ListInterface
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
	table               *table // of a snapshot; nil: everything is asked for
}

func typed[T, L any, PT interface {
	*T
	apiObject
}, PL interface {
	*L
	apiList
}](c *clients, gv schema.GroupVersion, resource, namespace string) typedClient[T, L, PT, PL] {
	return typedClient[T, L, PT, PL]{c.groups[gv], resource, namespace, c.memory.of(resource)}
}

// to directs a request to the resource. Repeating it is for Topology.retry alone, which knows what is safe and when it is enough.
func (c typedClient[T, L, PT, PL]) to(request *rest.Request) *rest.Request {
	return request.MaxRetries(0).NamespaceIfScoped(c.namespace, c.namespace != "").Resource(c.resource)
}

// Get reads one object.
func (c typedClient[T, L, PT, PL]) Get(ctx context.Context, name string) (PT, error) {
	if c.table != nil {
		return c.recall(ctx, key{c.namespace, name})
	}
	object := PT(new(T))
	return object, c.to(c.rest.Get()).Name(name).Do(ctx).Into(object)
}

// List reads the objects that a label selector selects; "" is all.
func (c typedClient[T, L, PT, PL]) List(ctx context.Context, selector string) (PL, error) {
	if c.remembersAll(ctx) {
		all := PL(new(L))
		return all, c.recallAll(ctx, selector, math.MaxInt, func(list PL) { all = list })
	}
	return c.list(ctx, metav1.ListOptions{LabelSelector: selector})
}

func (c typedClient[T, L, PT, PL]) list(ctx context.Context, opts metav1.ListOptions) (PL, error) {
	list := PL(new(L))
	return list, c.to(c.rest.Get()).VersionedParams(&opts, parameterCodec).Do(ctx).Into(list)
}

// EachPage is List, a page at a time. When the server has forgotten in between what it was listing, the error is transient: the caller begins again.
func (c typedClient[T, L, PT, PL]) EachPage(ctx context.Context, selector string, each func(PL)) error {
	if c.remembersAll(ctx) {
		return c.recallAll(ctx, selector, pageSize, each)
	}
	return c.pages(ctx, metav1.ListOptions{LabelSelector: selector}, each)
}

// remembersAll tells whether lists are answered from a table. One of objects of ours alone has no answer.
func (c typedClient[T, L, PT, PL]) remembersAll(ctx context.Context) bool {
	return c.table != nil && c.table.fields == "" && !topology.IsLive(ctx)
}

func (c typedClient[T, L, PT, PL]) pages(ctx context.Context, opts metav1.ListOptions, each func(PL)) error {
	for opts.Limit = pageSize; ; {
		list, err := c.list(ctx, opts)
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
	stored := PT(new(T))
	err := c.to(c.rest.Post()).VersionedParams(&metav1.CreateOptions{FieldManager: fieldManager}, parameterCodec).Body(object).Do(ctx).Into(stored)
	return c.written(object.GetName(), stored, err)
}

// DryCreate asks what would become of a Create.
func (c typedClient[T, L, PT, PL]) DryCreate(ctx context.Context, object PT) error {
	opts := &metav1.CreateOptions{FieldManager: fieldManager, DryRun: []string{metav1.DryRunAll}}
	return c.to(c.rest.Post()).VersionedParams(opts, parameterCodec).Body(object).Do(ctx).Error()
}

// Update replaces an object, at the version that it states.
func (c typedClient[T, L, PT, PL]) Update(ctx context.Context, object PT) error {
	stored := PT(new(T))
	err := c.to(c.rest.Put()).Name(object.GetName()).VersionedParams(&metav1.UpdateOptions{FieldManager: fieldManager}, parameterCodec).Body(object).Do(ctx).Into(stored)
	return c.written(object.GetName(), stored, err)
}

// Delete removes the very object that was read, and not one that has come or changed since.
func (c typedClient[T, L, PT, PL]) Delete(ctx context.Context, object PT) error {
	uid, version := object.GetUID(), object.GetResourceVersion()
	exactly := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}}
	err := c.to(c.rest.Delete()).Name(object.GetName()).Body(exactly).Do(ctx).Error()
	return c.written(object.GetName(), nil, err) // it may still be there, held by a finalizer
}
