package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// FieldManager is the name under which the API server records the writes of Polyphony.
	FieldManager = "polyphony"

	// PageSize is the number of objects in a page of a long list.
	PageSize = 1000

	// MaxRetryAfter is the longest wait that a server can ask for with Retry-After: a longer one
	// counts as this. Packages limiter and retry apply it. It is no option.
	MaxRetryAfter = 30 * time.Second
)

// Object is an object of the Kubernetes API: a pointer to one of the structs of k8s.io/api.
type Object interface {
	runtime.Object
	metav1.Object
	Marshal() ([]byte, error) // as protobuf
	Unmarshal(data []byte) error
}

// Client reads and writes the objects of one kind. Methods return the errors of the API server;
// package retry reports which of them are transient.
type Client[T Object] interface {
	// Get reads one object. The namespace of a cluster-scoped object is empty.
	Get(ctx context.Context, namespace, name string) (T, error)

	// List reads objects and calls each for every page. If the version of the list expires between
	// two pages, the error is transient, and the caller starts again.
	List(ctx context.Context, opts ListOptions, each func(Page[T]) error) error

	// Create stores a new object and returns it as stored.
	Create(ctx context.Context, object T) (T, error)

	// Update replaces an object at the version that it carries, and returns it as stored. If the
	// object does not exist any more, the error is ErrVanished.
	Update(ctx context.Context, object T) (T, error)

	// Delete removes the object that was read: one with another UID or version is a conflict. An
	// object that stays because of its finalizers is a *HeldError.
	Delete(ctx context.Context, object T) error

	// Watch streams the events of all namespaces.
	Watch(ctx context.Context, opts WatchOptions) (watch.Interface, error)
}

// ListOptions selects the objects of a list. The zero value is all objects of all namespaces, in
// one page.
type ListOptions struct {
	Namespace string // empty: all namespaces
	Labels    string // a label selector; empty: all objects
	Fields    string // a field selector; empty: all objects
	PageSize  int    // objects in a page; 0: all objects in one page
}

// Page is one page of a list.
type Page[T Object] struct {
	Items   []T
	Version string // of the list; a watch can start from it
}

// WatchOptions selects the events of a watch.
type WatchOptions struct {
	Fields  string // a field selector; empty: all objects
	Version string // events after this version; empty: starts with all objects that exist
}

// All reads the objects of a namespace that a label selector selects. Both may be empty.
func All[T Object](ctx context.Context, client Client[T], namespace, selector string) ([]T, error) {
	var all []T
	err := client.List(ctx, ListOptions{Namespace: namespace, Labels: selector}, func(page Page[T]) error {
		all = append(all, page.Items...)
		return nil
	})
	return all, err
}

// Each calls each for every object of all namespaces that a label selector selects. It reads them
// page by page.
func Each[T Object](ctx context.Context, client Client[T], selector string, each func(T)) error {
	return EachIn(ctx, client, metav1.NamespaceAll, selector, each)
}

// EachIn is [Each] for one namespace.
func EachIn[T Object](ctx context.Context, client Client[T], namespace, selector string, each func(T)) error {
	opts := ListOptions{Namespace: namespace, Labels: selector, PageSize: PageSize}
	return client.List(ctx, opts, func(page Page[T]) error {
		for _, object := range page.Items {
			each(object)
		}
		return nil
	})
}

// ErrVanished is the error of an update whose object was deleted after it was read. The caller
// reads again and creates it.
var ErrVanished = errors.New("the object was deleted after it was read")

// HeldError is the error of an object that is being deleted and stays until its finalizers are
// removed. Until then, the object is in force.
type HeldError struct {
	Name       string
	Finalizers []string
}

// Held returns the error for an object that stays.
func Held(object metav1.Object) *HeldError {
	return &HeldError{Name: object.GetName(), Finalizers: object.GetFinalizers()}
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is being deleted and held by its finalizers %q", e.Name, e.Finalizers)
}

// BrokenAnswerError is the error of an answer that ended in the middle. It is not known whether the
// server has done what the request asked for.
type BrokenAnswerError struct{ Cause error }

func (e *BrokenAnswerError) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *BrokenAnswerError) Unwrap() error { return e.Cause }
