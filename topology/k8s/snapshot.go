package k8s

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/polyphony-go/polyphony/topology"
)

// Snapshot returns the same cluster, whose objects are read once, all of a kind together, when the first of them is asked for, and are then
// remembered together with what is written. It makes a run over many tenants cost as many requests as there are kinds, plus the writes.
//
// What others change meanwhile is found out by the write that meets it, which then reads that one object again. Waits are answered by one watch for all.
// Use a snapshot for one run, or let Refresh forget what was read; [topology.Live] asks past it.
func (t *Topology) Snapshot() *Topology {
	snapshot := *t
	snapshot.clients = t.clients.remembering()
	return &snapshot
}

// Refresh implements topology.Snapshots. It sends no request.
func (t *Topology) Refresh() {
	if t.clients.memory != nil {
		t.clients.memory.forget()
	}
}

// remembering are the same clients with an empty memory.
func (c *clients) remembering() *clients {
	with := *c
	with.memory = &memory{tables: map[string]*table{}}
	for resource, fields := range remembered {
		with.memory.tables[resource] = newTable(fields)
	}
	return &with
}

// remembered are the resources that a snapshot reads, and of which objects by their fields. Labels would miss what has lost the label.
var remembered = map[string]string{
	"namespaces": "", "roles": "", "rolebindings": "", "clusterrolebindings": "", "clusterroles": "metadata.name=" + readersRole,
	"resourcequotas": "metadata.name=" + objectName, "limitranges": "metadata.name=" + objectName, "networkpolicies": "metadata.name=" + objectName,
}

// of is the table of a resource: nil if there is none.
func (m *memory) of(resource string) *table {
	if m == nil {
		return nil
	}
	return m.tables[resource]
}

// memory is what a snapshot has read.
type memory struct {
	tables map[string]*table // by resource

	mu            sync.Mutex
	accountGrants map[string][]string // nil: not looked for yet
}

func (m *memory) forget() {
	for _, table := range m.tables {
		table.forget()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accountGrants = nil
}

// key is where an object is.
type key struct{ namespace, name string }

// table is what a snapshot has read of one resource.
type table struct {
	fields string        // a selector
	turn   chan struct{} // to load it

	mu      sync.Mutex
	loaded  bool
	reading int    // the number of the one that fills it
	version string // of the list that was loaded
	objects map[string]map[string]apiObject
	stale   map[key]bool                 // to be read again
	domains map[string]map[key]apiObject // by label of a domain
	watch   watching
}

func newTable(fields string) *table {
	t := &table{fields: fields, turn: make(chan struct{}, 1)}
	t.forget()
	return t
}

func (t *table) forget() (reading int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded, t.version = false, ""
	t.reading++
	t.objects, t.stale, t.domains = map[string]map[string]apiObject{}, map[key]bool{}, map[string]map[key]apiObject{}
	return t.reading
}

// find is the object at a place as it is remembered, shared with others.
func (t *table) find(at key) (object apiObject, stale bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.objects[at.namespace][at.name], t.stale[at]
}

// in are the objects of a namespace, or all of them, and the places that have to be read again.
func (t *table) in(namespace string) (objects []apiObject, stale []key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if namespace != "" {
		objects = slices.AppendSeq(objects, maps.Values(t.objects[namespace]))
	} else {
		for _, inside := range t.objects {
			objects = slices.AppendSeq(objects, maps.Values(inside))
		}
	}
	for at := range t.stale {
		if namespace == "" || namespace == at.namespace {
			stale = append(stale, at)
		}
	}
	return objects, stale
}

// labelled are those that have the label of a domain.
func (t *table) labelled(label string) []apiObject {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Values(t.domains[label]))
}

// distrust makes the next reading of an object ask for it.
func (t *table) distrust(at key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale[at] = true
}

// put remembers an object, unless a later version of it is known.
func (t *table) put(object apiObject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := placeOf(object)
	delete(t.stale, at)
	t.store(at, object)
}

func (t *table) store(at key, object apiObject) {
	have := t.objects[at.namespace][at.name]
	if have != nil && newer(have, object) {
		return
	}
	t.remove(at)
	if object.GetLabels()[topology.LabelTenant] != "" {
		object.SetManagedFields(nil) // which is half of an object, and tells of others' only
	}
	if t.objects[at.namespace] == nil {
		t.objects[at.namespace] = map[string]apiObject{}
	}
	t.objects[at.namespace][at.name] = object
	for _, label := range withPrefix(object.GetLabels(), topology.LabelDomain) {
		if t.domains[label] == nil {
			t.domains[label] = map[key]apiObject{}
		}
		t.domains[label][at] = object
	}
}

// drop remembers that an object is gone.
func (t *table) drop(at key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.stale, at)
	t.remove(at)
}

func (t *table) remove(at key) {
	have := t.objects[at.namespace][at.name]
	if have == nil {
		return
	}
	delete(t.objects[at.namespace], at.name)
	for _, label := range withPrefix(have.GetLabels(), topology.LabelDomain) {
		delete(t.domains[label], at)
	}
}

func placeOf(object apiObject) key { return key{object.GetNamespace(), object.GetName()} }

// newer tells whether a is a later version than b of one object. What cannot be compared is not.
func newer(a, b apiObject) bool {
	order, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	return err == nil && order > 0 && a.GetUID() == b.GetUID()
}

// load reads the table if that has not been done. One does it, the others wait for it.
func (t *table) load(ctx context.Context, read func(context.Context, *table) error) error {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for !t.isLoaded(0) {
		reading := t.forget() // what an attempt that failed has left
		if err := read(ctx, t); err != nil {
			return err
		}
		if t.isLoaded(reading) {
			break
		}
	}
	return nil
}

// isLoaded tells whether the table is, now that a reading has ended that nothing has been forgotten since.
func (t *table) isLoaded(reading int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded = t.loaded || t.reading == reading
	return t.loaded
}

// past is the same client, of a namespace, without a memory.
func (c typedClient[T, L, PT, PL]) past(namespace string) typedClient[T, L, PT, PL] {
	c.table, c.namespace = nil, namespace
	return c
}

// load reads the client's table, if it has one.
func (c typedClient[T, L, PT, PL]) load(ctx context.Context) error {
	if c.table == nil {
		return nil
	}
	return c.table.load(ctx, func(ctx context.Context, t *table) error {
		return c.past("").pages(ctx, metav1.ListOptions{FieldSelector: t.fields}, func(list PL) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.version == "" {
				t.version = list.GetResourceVersion()
			}
			_ = apimeta.EachListItem(list, func(item runtime.Object) error { // which fails if the function does
				if object, ok := item.(PT); ok {
					t.store(placeOf(object), object)
				}
				return nil
			})
		})
	})
}

// recall reads one object from the table, or asks for it where that may be out of date.
func (c typedClient[T, L, PT, PL]) recall(ctx context.Context, at key) (PT, error) {
	object, stale := c.table.find(at)
	if stale || topology.IsLive(ctx) {
		have, err := c.past(at.namespace).Get(ctx, at.name)
		switch {
		case err == nil:
			c.table.put(copied[PT](have))
		case apierrors.IsNotFound(err):
			c.table.drop(at)
		}
		return have, err
	}
	if object != nil {
		return copied[PT](object), nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: c.resource}, at.name)
}

// copied is an object of a table for those who may change it.
func copied[PT apiObject](object apiObject) PT {
	to, _ := object.DeepCopyObject().(PT) // a table has objects of one type
	return to
}

// recallAll is a list from the table. A selector that is about a domain is answered without going through all.
func (c typedClient[T, L, PT, PL]) recallAll(ctx context.Context, selector string) (PL, error) {
	wanted, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	objects, stale := c.table.in(c.namespace)
	if by, _ := wanted.Requirements(); len(by) == 1 && strings.HasPrefix(by[0].Key(), topology.LabelDomain) && len(stale) == 0 {
		objects = c.table.labelled(by[0].Key())
	}
	for _, at := range stale {
		if _, err := c.recall(ctx, at); err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		objects, _ = c.table.in(c.namespace)
	}
	var items []runtime.Object
	for _, object := range objects {
		if wanted.Matches(labels.Set(object.GetLabels())) {
			items = append(items, copied[PT](object))
		}
	}
	list := PL(new(L))
	return list, apimeta.SetList(list, items)
}

// written keeps the table in step with a write: with what came of it, or if that is not known, by reading the object again.
func (c typedClient[T, L, PT, PL]) written(name string, stored PT, err error) error {
	switch {
	case c.table == nil:
	case err == nil && stored != nil:
		c.table.put(stored)
	default:
		c.table.distrust(key{c.namespace, name})
	}
	return err
}
