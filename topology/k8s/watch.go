package k8s

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"
)

// What is waited for in a snapshot is told by one watch of its kind, for all who wait. It runs while anybody does, and keeps the table in step.

// watching is who waits for objects of a table. The table's lock is for it too.
type watching struct {
	waiters map[key]chan struct{} // closed by the next event of the object
	count   int                   // of those who wait
	stop    context.CancelFunc    // nil: there is no watch
}

// rewatch is the pause before a watch that broke is tried again.
const rewatch = time.Second

// following begins to follow an object: next is the channel that the next event of it closes.
type following func() (next func() <-chan struct{}, release func())

// following is nil where nothing is remembered.
func (c typedClient[T, L, PT, PL]) following(name string) following {
	t, at := c.table, key{c.namespace, name}
	if t == nil {
		return nil
	}
	return func() (func() <-chan struct{}, func()) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.watch.count++; t.watch.stop == nil {
			ctx, cancel := context.WithCancel(context.Background()) // it is for all, and ends with the last
			t.watch = watching{waiters: map[key]chan struct{}{}, count: 1, stop: cancel}
			go c.past("").keepWatching(ctx, t)
		}
		return func() <-chan struct{} { return t.nextEvent(at) }, t.unfollow
	}
}

func (t *table) nextEvent(at key) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watch.waiters[at] == nil {
		t.watch.waiters[at] = make(chan struct{})
	}
	return t.watch.waiters[at]
}

func (t *table) unfollow() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watch.count--; t.watch.count == 0 {
		t.watch.stop()
		t.watch = watching{}
	}
}

// keepWatching feeds the table until the context ends. A watch from a version that the server has forgotten begins anew with all that there is.
func (c typedClient[T, L, PT, PL]) keepWatching(ctx context.Context, t *table) {
	t.mu.Lock()
	version := t.version
	t.mu.Unlock()
	for ctx.Err() == nil {
		stream, err := c.to(c.rest.Get()).VersionedParams(&metav1.ListOptions{Watch: true, ResourceVersion: version, FieldSelector: t.fields}, parameterCodec).Watch(ctx)
		if err == nil {
			version, err = c.feed(stream, t, version)
		}
		if err != nil {
			version = ""
			select {
			case <-time.After(rewatch):
			case <-ctx.Done():
			}
		}
	}
}

// feed takes events until the stream ends, and returns the version that it has come to. An error is one of the server's.
func (c typedClient[T, L, PT, PL]) feed(stream apiwatch.Interface, t *table, version string) (string, error) {
	defer stream.Stop()
	for event := range stream.ResultChan() {
		object, ok := event.Object.(PT)
		if !ok {
			return "", apierrors.FromObject(event.Object)
		}
		version = object.GetResourceVersion()
		t.happened(event.Type, object)
	}
	return version, nil
}

// happened remembers what became of an object, and wakes who waits for that.
func (t *table) happened(what apiwatch.EventType, object apiObject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := placeOf(object)
	switch {
	case what != apiwatch.Deleted:
		t.store(at, object)
	case t.objects[at.namespace][at.name] != nil && !newer(t.objects[at.namespace][at.name], object):
		t.remove(at)
	}
	if waiter := t.watch.waiters[at]; waiter != nil {
		close(waiter)
		delete(t.watch.waiters, at)
	}
}
