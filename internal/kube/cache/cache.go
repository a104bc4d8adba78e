// Package cache answers reads from lists that it reads once.
//
// A [Client] decorates a kube.Client: the first read of any object reads all objects of the kind,
// or those that Options.Fields selects, and later reads are answered from that table. Creates and
// updates go to the server, and the table stores what the server returns.
//
// An entry becomes stale, so that the next read asks the server for that one object:
//
//   - after a create or an update that fails for any reason, since its outcome is not known, or
//     another client has changed the object;
//   - after each delete, since finalizers may keep the object.
//
// The cache notices changes by other clients only by such a failure, by a watch or by a live read.
// While callers follow objects ([Client.Follow]), one watch for all of them updates the table.
// A Get with a context of topology.Live asks the server and refreshes the entry. A List with such a
// context, or of a table that Options.Fields restricts, bypasses the table.
//
// A [Store] holds the tables of one snapshot and invalidates them together. Which kinds are cached
// is in newSnapshot of topology/k8s/snapshots.go.
package cache

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// Store is the set of tables of one snapshot. The zero value is ready for use.
type Store struct {
	tables []*table
	loads  []func(context.Context) error
}

// Invalidate empties all tables. It sends no request.
func (s *Store) Invalidate() {
	for _, t := range s.tables {
		t.invalidateAll()
	}
}

// ReadAhead reads the tables that have Options.ReadAhead, at the same time. It ignores errors: the
// next read of the table reads it again, and returns the error.
func (s *Store) ReadAhead(ctx context.Context) {
	var all sync.WaitGroup
	for _, load := range s.loads {
		all.Go(func() { _ = load(ctx) })
	}
	all.Wait()
}

// Options configures the table of one kind.
type Options struct {
	Resource string // the plural name, for errors

	// Fields is a field selector. If it is set, the table holds only the selected objects. Lists
	// are then not answered from it, and Get does not find other objects. Empty: all objects.
	Fields string

	// LabelPrefix selects labels by the beginning of their keys. Lists that select by one such
	// label do not go through all objects. Empty: no labels.
	LabelPrefix string

	// ReadAhead makes Store.ReadAhead read the table.
	ReadAhead bool
}

// Client is a kube.Client whose reads are answered from a table.
type Client[T kube.Object] struct {
	next    kube.Client[T]
	table   *table
	options Options
	decode  func(*entry) (T, error)
}

// New returns a client that answers reads of next from a table of the store.
func New[O any, T interface {
	*O
	kube.Object
}](store *Store, next kube.Client[T], opts Options) *Client[T] {
	c := &Client[T]{next: next, options: opts, table: newTable(opts.LabelPrefix), decode: func(e *entry) (T, error) {
		object := T(new(O))
		return object, object.Unmarshal(e.encoded())
	}}
	store.tables = append(store.tables, c.table)
	if opts.ReadAhead {
		store.loads = append(store.loads, c.load)
	}
	return c
}

// Get implements kube.Client. It asks the server if the entry is stale or the context is live.
func (c *Client[T]) Get(ctx context.Context, namespace, name string) (T, error) {
	at := key{namespace, name}
	var have *entry
	var stale bool
	var none T
	if err := c.view(ctx, func() { have, stale = c.table.lookup(at) }); err != nil {
		return none, err
	}
	switch {
	case stale || topology.IsLive(ctx):
		return c.getLive(ctx, at)
	case have == nil:
		return none, apierrors.NewNotFound(schema.GroupResource{Resource: c.options.Resource}, name)
	default:
		return c.decode(have)
	}
}

// getLive asks the server for an object, and refreshes its entry.
func (c *Client[T]) getLive(ctx context.Context, at key) (T, error) {
	have, err := c.next.Get(ctx, at.namespace, at.name)
	switch {
	case err == nil:
		err = c.table.put(have)
	case apierrors.IsNotFound(err):
		c.table.drop(at)
	}
	return have, err
}

// view calls look while the table is loaded and locked. It loads the table before if necessary, and
// again if the table is invalidated in between.
func (c *Client[T]) view(ctx context.Context, look func()) error {
	for !c.table.view(look) {
		if err := c.load(ctx); err != nil {
			return err
		}
	}
	return nil
}

// load reads the table.
func (c *Client[T]) load(ctx context.Context) error {
	return c.table.load(ctx, func(ctx context.Context, t *table) error {
		opts := kube.ListOptions{Fields: c.options.Fields, PageSize: kube.PageSize}
		return c.next.List(ctx, opts, func(page kube.Page[T]) error {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.version == "" {
				t.version = page.Version
			}
			for _, object := range page.Items {
				if err := t.store(object); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// List implements kube.Client.
func (c *Client[T]) List(ctx context.Context, opts kube.ListOptions, each func(kube.Page[T]) error) error {
	if c.options.Fields != "" || opts.Fields != "" || topology.IsLive(ctx) {
		return c.next.List(ctx, opts, each)
	}
	wanted, err := labels.Parse(opts.Labels)
	if err != nil {
		return err
	}
	entries, err := c.entries(ctx, opts.Namespace, wanted)
	if err != nil {
		return err
	}
	size := opts.PageSize
	if size == 0 {
		size = math.MaxInt
	}
	for some := range slices.Chunk(entries, size) {
		var page kube.Page[T]
		for _, e := range some {
			object, err := c.decode(e)
			if err != nil {
				return err
			}
			if wanted.Matches(labels.Set(object.GetLabels())) {
				page.Items = append(page.Items, object)
			}
		}
		if err := each(page); err != nil {
			return err
		}
	}
	return nil
}

// entries returns the entries of a namespace, or of all namespaces. They include every entry that
// the selector selects. It refreshes stale ones first.
func (c *Client[T]) entries(ctx context.Context, namespace string, wanted labels.Selector) ([]*entry, error) {
	var entries []*entry
	var stale []key
	by, _ := wanted.Requirements()
	indexed := namespace == metav1.NamespaceAll && len(by) == 1 &&
		c.options.LabelPrefix != "" && strings.HasPrefix(by[0].Key(), c.options.LabelPrefix)
	err := c.view(ctx, func() {
		entries, stale = c.table.in(namespace)
		if indexed && len(stale) == 0 {
			entries = c.table.labelled(by[0].Key())
		}
	})
	if err != nil || len(stale) == 0 {
		return entries, err
	}
	for _, at := range stale {
		if _, err := c.Get(ctx, at.namespace, at.name); err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	err = c.view(ctx, func() { entries, _ = c.table.in(namespace) })
	return entries, err
}

// Create implements kube.Client.
func (c *Client[T]) Create(ctx context.Context, object T) (T, error) {
	stored, err := c.next.Create(ctx, object)
	return stored, c.written(keyOf(object), stored, err)
}

// Update implements kube.Client.
func (c *Client[T]) Update(ctx context.Context, object T) (T, error) {
	stored, err := c.next.Update(ctx, object)
	return stored, c.written(keyOf(object), stored, err)
}

// written makes the table follow a write. If the outcome is not known, the entry is stale.
func (c *Client[T]) written(at key, stored T, err error) error {
	if err != nil {
		c.table.invalidate(at)
		return err
	}
	return c.table.put(stored)
}

// Delete implements kube.Client. The entry is stale afterwards, since finalizers may keep the
// object.
func (c *Client[T]) Delete(ctx context.Context, object T) error {
	err := c.next.Delete(ctx, object)
	c.table.invalidate(keyOf(object))
	return err
}

// Watch implements kube.Client. It bypasses the table.
func (c *Client[T]) Watch(ctx context.Context, opts kube.WatchOptions) (watch.Interface, error) {
	return c.next.Watch(ctx, opts)
}
