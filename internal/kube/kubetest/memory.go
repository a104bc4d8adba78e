// Package kubetest provides [Memory], an in-memory kube.Client for tests.
package kubetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/polyphony-go/polyphony/internal/kube"
)

// Memory is a kube.Client that keeps its objects in memory. It behaves like the API server where
// callers of kube.Client depend on it: versions, UIDs, conflicts, finalizers, label selectors, and
// copies. It does not set defaults and does not validate. Field selectors select nothing.
type Memory[T kube.Object] struct {
	// Fail, if set, is called before each call of a method, with the method's name and the
	// object's. An error that it returns is the result of the call, which then does nothing.
	Fail func(method, name string) error

	// Lose, if set, is called after each write. An error that it returns is the result of the call,
	// whose effect stays.
	Lose func(method, name string) error

	mu      sync.Mutex
	objects map[types.NamespacedName]T
	version int
	calls   []string
	watches []*watch.RaceFreeFakeWatcher
}

var resource = schema.GroupResource{Resource: "objects"}

// Calls returns the calls since the previous call of Calls, each as method and name of the object,
// such as "Get a".
func (m *Memory[T]) Calls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.calls = nil
	return calls
}

// Put stores an object, as another client of the API server would.
func (m *Memory[T]) Put(object T) T {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.store(object)
}

// Drop removes an object, as another client of the API server would.
func (m *Memory[T]) Drop(namespace, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(types.NamespacedName{Namespace: namespace, Name: name})
}

// Get implements kube.Client.
func (m *Memory[T]) Get(ctx context.Context, namespace, name string) (none T, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, "Get", name); err != nil {
		return none, err
	}
	have, ok := m.objects[types.NamespacedName{Namespace: namespace, Name: name}]
	if !ok {
		return none, apierrors.NewNotFound(resource, name)
	}
	return clone(have), nil
}

// List implements kube.Client.
func (m *Memory[T]) List(ctx context.Context, opts kube.ListOptions, each func(kube.Page[T]) error) error {
	selector, err := labels.Parse(opts.Labels)
	if err != nil {
		return err
	}
	page, err := m.list(ctx, opts, selector)
	if err != nil {
		return err
	}
	for size := max(opts.PageSize, 1); opts.PageSize > 0 && len(page.Items) > size; page.Items = page.Items[size:] {
		if err := each(kube.Page[T]{Items: page.Items[:size], Version: page.Version}); err != nil {
			return err
		}
	}
	return each(page)
}

func (m *Memory[T]) list(ctx context.Context, opts kube.ListOptions, selector labels.Selector) (kube.Page[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	page := kube.Page[T]{Version: strconv.Itoa(m.version)}
	if err := m.begin(ctx, "List", opts.Namespace); err != nil {
		return page, err
	}
	for at, object := range m.objects {
		if (opts.Namespace == "" || at.Namespace == opts.Namespace) && opts.Fields == "" &&
			selector.Matches(labels.Set(object.GetLabels())) {
			page.Items = append(page.Items, clone(object))
		}
	}
	slices.SortFunc(page.Items, func(a, b T) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return page, nil
}

// Create implements kube.Client.
func (m *Memory[T]) Create(ctx context.Context, object T) (none T, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, "Create", object.GetName()); err != nil {
		return none, err
	}
	if _, ok := m.objects[nameOf(object)]; ok {
		return none, apierrors.NewAlreadyExists(resource, object.GetName())
	}
	stored := m.store(object)
	return stored, m.end("Create", object.GetName())
}

// Update implements kube.Client.
func (m *Memory[T]) Update(ctx context.Context, object T) (none T, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, "Update", object.GetName()); err != nil {
		return none, err
	}
	have, ok := m.objects[nameOf(object)]
	switch {
	case !ok:
		return none, kube.ErrVanished
	case have.GetResourceVersion() != object.GetResourceVersion():
		return none, apierrors.NewConflict(resource, object.GetName(), nil)
	}
	stored := m.store(object)
	return stored, m.end("Update", object.GetName())
}

// Delete implements kube.Client.
func (m *Memory[T]) Delete(ctx context.Context, object T) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, "Delete", object.GetName()); err != nil {
		return err
	}
	have, ok := m.objects[nameOf(object)]
	switch {
	case !ok:
		return apierrors.NewNotFound(resource, object.GetName())
	case have.GetUID() != object.GetUID() || have.GetResourceVersion() != object.GetResourceVersion():
		return apierrors.NewConflict(resource, object.GetName(), nil)
	case len(have.GetFinalizers()) > 0:
		held := clone(have)
		held.SetDeletionTimestamp(new(metav1.Now()))
		m.store(held)
		return kube.Held(held)
	}
	m.remove(nameOf(object))
	return m.end("Delete", object.GetName())
}

// Watch implements kube.Client. It sends the events from now on.
func (m *Memory[T]) Watch(ctx context.Context, _ kube.WatchOptions) (watch.Interface, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(ctx, "Watch", ""); err != nil {
		return nil, err
	}
	events := watch.NewRaceFreeFake()
	m.watches = append(m.watches, events)
	context.AfterFunc(ctx, events.Stop)
	return events, nil
}

func (m *Memory[T]) begin(ctx context.Context, method, name string) error {
	m.calls = append(m.calls, strings.TrimSpace(method+" "+name))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if m.Fail != nil {
		return m.Fail(method, name)
	}
	return nil
}

func (m *Memory[T]) end(method, name string) error {
	if m.Lose != nil {
		return m.Lose(method, name)
	}
	return nil
}

// store keeps a copy of the object at a new version, and returns another copy.
func (m *Memory[T]) store(object T) T {
	stored := clone(object)
	m.version++
	stored.SetResourceVersion(strconv.Itoa(m.version))
	event := watch.Modified
	if have, ok := m.objects[nameOf(object)]; ok {
		stored.SetUID(have.GetUID())
	} else {
		stored.SetUID(types.UID("uid-" + strconv.Itoa(m.version)))
		event = watch.Added
	}
	if m.objects == nil {
		m.objects = map[types.NamespacedName]T{}
	}
	m.objects[nameOf(object)] = stored
	m.send(event, stored)
	return clone(stored)
}

func (m *Memory[T]) remove(at types.NamespacedName) {
	have, ok := m.objects[at]
	if !ok {
		return
	}
	delete(m.objects, at)
	m.version++
	gone := clone(have)
	gone.SetResourceVersion(strconv.Itoa(m.version))
	m.send(watch.Deleted, gone)
}

func (m *Memory[T]) send(event watch.EventType, object T) {
	for _, events := range m.watches {
		events.Action(event, clone(object))
	}
}

func nameOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}

func clone[T kube.Object](object T) T {
	return object.DeepCopyObject().(T) //nolint:forcetypeassert // a copy has the type of the original
}
