package kube

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// restClient is the Client that sends requests. It is client-go's generic client
// (k8s.io/client-go/gentype) without its dependency on client-go's test fakes.
type restClient[T Object] struct {
	rest      rest.Interface
	resource  string
	newObject func() T
	newList   func() list
}

type list interface {
	runtime.Object
	metav1.ListInterface
}

// newClient returns the Client of the objects O and lists L of a resource.
func newClient[O, L any, T interface {
	*O
	Object
}, PL interface {
	*L
	list
}](to rest.Interface, resource string) Client[T] {
	return restClient[T]{
		rest: to, resource: resource,
		newObject: func() T { return new(O) },
		newList:   func() list { return PL(new(L)) },
	}
}

// quiet returns the context of a request without logging. client-go would log failures to the
// standard error of the program, in addition to the errors that it returns.
func quiet(ctx context.Context) context.Context { return klog.NewContext(ctx, logr.Discard()) }

// to directs a request to the resource. client-go must not repeat it: only the caller knows whether
// that is safe.
func (c restClient[T]) to(request *rest.Request, namespace string) *rest.Request {
	return request.MaxRetries(0).NamespaceIfScoped(namespace, namespace != "").Resource(c.resource)
}

func (c restClient[T]) Get(ctx context.Context, namespace, name string) (T, error) {
	object := c.newObject()
	return object, c.to(c.rest.Get(), namespace).Name(name).Do(quiet(ctx)).Into(object)
}

func (c restClient[T]) List(ctx context.Context, opts ListOptions, each func(Page[T]) error) error {
	send := metav1.ListOptions{LabelSelector: opts.Labels, FieldSelector: opts.Fields, Limit: int64(opts.PageSize)}
	for {
		have := c.newList()
		err := c.to(c.rest.Get(), opts.Namespace).VersionedParams(&send, parameterCodec).Do(quiet(ctx)).Into(have)
		if err != nil {
			return err
		}
		page := Page[T]{Version: have.GetResourceVersion()}
		err = apimeta.EachListItem(have, func(item runtime.Object) error {
			object, ok := item.(T)
			if !ok {
				return fmt.Errorf("the list of %s has a %T", c.resource, item)
			}
			page.Items = append(page.Items, object)
			return nil
		})
		if err != nil {
			return err
		}
		if err := each(page); err != nil {
			return err
		}
		if send.Continue = have.GetContinue(); send.Continue == "" {
			return nil
		}
	}
}

func (c restClient[T]) Create(ctx context.Context, object T) (T, error) {
	stored := c.newObject()
	opts := &metav1.CreateOptions{FieldManager: FieldManager}
	return stored, c.to(c.rest.Post(), object.GetNamespace()).VersionedParams(opts, parameterCodec).
		Body(object).Do(quiet(ctx)).Into(stored)
}

func (c restClient[T]) Update(ctx context.Context, object T) (T, error) {
	stored := c.newObject()
	opts := &metav1.UpdateOptions{FieldManager: FieldManager}
	err := c.to(c.rest.Put(), object.GetNamespace()).Name(object.GetName()).VersionedParams(opts, parameterCodec).
		Body(object).Do(quiet(ctx)).Into(stored)
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("%w: %w", ErrVanished, err)
	}
	return stored, err
}

func (c restClient[T]) Delete(ctx context.Context, object T) error {
	opts := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{
		UID: new(object.GetUID()), ResourceVersion: new(object.GetResourceVersion()),
	}}
	err := c.to(c.rest.Delete(), object.GetNamespace()).Name(object.GetName()).Body(opts).Do(quiet(ctx)).Error()
	if err == nil && len(object.GetFinalizers()) > 0 {
		return Held(object)
	}
	return err
}

func (c restClient[T]) Watch(ctx context.Context, opts WatchOptions) (watch.Interface, error) {
	send := &metav1.ListOptions{Watch: true, ResourceVersion: opts.Version, FieldSelector: opts.Fields}
	return c.to(c.rest.Get(), "").VersionedParams(send, parameterCodec).Watch(quiet(ctx))
}
