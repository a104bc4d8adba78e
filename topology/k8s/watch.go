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

// Before a watch follows another there is a pause, a longer one if that broke.
const (
	soon    = 100 * time.Millisecond
	rewatch = time.Second
)

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

// keepWatching feeds the table until the context ends. Each watch goes on where the one before ended; where the server has forgotten that version, it
// begins anew with all that there is.
func (c typedClient[T, L, PT, PL]) keepWatching(ctx context.Context, t *table) {
	for ctx.Err() == nil {
		opts := &metav1.ListOptions{Watch: true, ResourceVersion: t.come(), FieldSelector: t.fields}
		stream, err := c.to(c.rest.Get()).VersionedParams(opts, parameterCodec).Watch(ctx)
		if err == nil {
			err = c.feed(stream, t)
		}
		pause := soon
		if err != nil {
			t.lose()
			pause = rewatch
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// feed takes events until the stream ends. An error is one of the server's.
func (c typedClient[T, L, PT, PL]) feed(stream apiwatch.Interface, t *table) error {
	defer stream.Stop()
	for event := range stream.ResultChan() {
		object, ok := event.Object.(PT)
		if !ok {
			return apierrors.FromObject(event.Object)
		}
		t.happened(event.Type, object)
	}
	return nil
}

// come is the version that the table has come to.
func (t *table) come() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}

// lose makes the next watch begin with all that there is.
func (t *table) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.version = ""
}

// happened remembers what became of an object, and wakes who waits for that.
func (t *table) happened(what apiwatch.EventType, object apiObject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := placeOf(object)
	t.version = object.GetResourceVersion()
	switch have := t.records[at.namespace][at.name]; {
	case what != apiwatch.Deleted:
		if t.store(object) != nil {
			t.stale[at] = true
		}
	case have != nil && !have.isNewerThan(object):
		t.remove(at)
	}
	if waiter := t.watch.waiters[at]; waiter != nil {
		close(waiter)
		delete(t.watch.waiters, at)
	}
}
