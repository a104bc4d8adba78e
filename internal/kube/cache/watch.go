package cache

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/polyphony-go/polyphony/internal/kube"
)

// watching is the callers that wait for events of a table's objects. All of them share one watch,
// which also keeps the table up to date while it runs. The lock of the table guards it.
type watching struct {
	waiters map[key]chan struct{} // each closed by the next event of the object
	count   int                   // callers that wait
	stop    context.CancelFunc    // nil: no watch runs
}

// The pauses before a watch follows another, and before one follows a watch that failed.
const (
	pauseAfterEnd   = 100 * time.Millisecond
	pauseAfterError = time.Second
)

// Follow starts to follow an object. Each call of next returns a channel that the object's next
// event closes. Stop ends it, and the last stop ends the watch.
func (c *Client[T]) Follow(namespace, name string) (next func() <-chan struct{}, stop func()) {
	t, at := c.table, key{namespace, name}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watch.count++; t.watch.stop == nil {
		ctx, cancel := context.WithCancel(context.Background()) // shared by all callers
		t.watch = watching{waiters: map[key]chan struct{}{}, count: 1, stop: cancel}
		go c.keepWatching(ctx)
	}
	return func() <-chan struct{} { return t.nextEvent(at) }, t.unfollow
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

// keepWatching feeds the table until the context ends. Each watch starts at the version where the
// one before ended. If the server does not keep that version any more, the watch starts with all
// objects.
func (c *Client[T]) keepWatching(ctx context.Context) {
	for ctx.Err() == nil {
		opts := kube.WatchOptions{Fields: c.options.Fields, Version: c.table.watchVersion()}
		stream, err := c.next.Watch(ctx, opts)
		if err == nil {
			err = c.feed(stream)
		}
		pause := pauseAfterEnd
		if err != nil {
			c.table.resetWatchVersion()
			pause = pauseAfterError
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// feed applies events to the table until the stream ends. The error is one that the server sends.
func (c *Client[T]) feed(stream watch.Interface) error {
	defer stream.Stop()
	for event := range stream.ResultChan() {
		object, ok := event.Object.(T)
		if !ok {
			return apierrors.FromObject(event.Object)
		}
		c.table.apply(event.Type, object)
	}
	return nil
}

// watchVersion returns the version at which the next watch starts.
func (t *table) watchVersion() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}

// resetWatchVersion makes the next watch start with all objects.
func (t *table) resetWatchVersion() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.version = ""
}

// apply stores what an event reports, and wakes the callers that wait for it.
func (t *table) apply(event watch.EventType, object kube.Object) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := keyOf(object)
	t.version = object.GetResourceVersion()
	switch have := t.entries[at.namespace][at.name]; {
	case event != watch.Deleted:
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
