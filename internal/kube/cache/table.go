package cache

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// key is the place of an object.
type key struct{ namespace, name string }

func keyOf(object kube.Object) key { return key{object.GetNamespace(), object.GetName()} }

// entry is an object of the table, in the server's own encoding, which takes a fraction of the
// memory of the decoded object. Entries share what comes after the metadata if it is equal, as it
// is for many tenants. Each reader decodes an object of its own.
type entry struct {
	uid      types.UID
	version  string
	labels   []string // the keys of the indexed labels
	metadata []byte
	tail     string
}

// encoded returns the whole object.
func (e *entry) encoded() []byte { return append(slices.Clip(e.metadata), e.tail...) }

// metadataOf returns the beginning of an encoded object with its metadata, which is the first field
// of all kinds.
func metadataOf(data []byte) []byte {
	const first = 1<<3 | 2 // field number 1, followed by its length
	if len(data) > 0 && data[0] == first {
		if length, n := binary.Uvarint(data[1:]); n > 0 && length <= uint64(len(data)-1-n) {
			return data[:1+n+int(length)]
		}
	}
	return nil
}

// table holds the objects of one kind.
type table struct {
	labelPrefix string        // of the keys of indexed labels; empty: none
	turn        chan struct{} // holds one value while a caller loads the table

	mu      sync.Mutex
	loaded  bool
	reading int                          // counts invalidations of the whole table
	version string                       // of the last list or event
	entries map[string]map[string]*entry // by namespace and name
	stale   map[key]bool                 // to be read again
	labels  map[string]map[key]*entry    // by the key of an indexed label
	tails   map[string]string            // shared by entries
	watch   watching
}

func newTable(labelPrefix string) *table {
	t := &table{labelPrefix: labelPrefix, turn: make(chan struct{}, 1)}
	t.invalidateAll()
	return t
}

// invalidateAll empties the table, which has to be loaded again. It returns the number of the
// reading that fills it.
func (t *table) invalidateAll() (reading int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded, t.version = false, ""
	t.reading++
	t.entries, t.stale = map[string]map[string]*entry{}, map[key]bool{}
	t.labels, t.tails = map[string]map[key]*entry{}, map[string]string{}
	return t.reading
}

// load fills the table by read if it is not loaded. If several callers load, one of them reads.
func (t *table) load(ctx context.Context, read func(context.Context, *table) error) error {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for !t.view(func() {}) {
		reading := t.invalidateAll() // removes what a failed attempt has left
		if err := read(ctx, t); err != nil {
			return err
		}
		t.complete(reading)
	}
	return nil
}

// complete ends a reading. The table is loaded then, unless it was invalidated meanwhile.
func (t *table) complete(reading int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded = t.reading == reading
}

// view calls look with the table locked, and returns true. If the table is not loaded, it returns
// false without calling look.
func (t *table) view(look func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.loaded {
		look()
	}
	return t.loaded
}

// lookup returns the entry of a place, nil if there is none, and whether it is stale. The caller
// holds the lock.
func (t *table) lookup(at key) (e *entry, stale bool) {
	return t.entries[at.namespace][at.name], t.stale[at]
}

// in returns the entries of a namespace, or of all if it is empty, and the places among them that
// are stale. The caller holds the lock.
func (t *table) in(namespace string) (entries []*entry, stale []key) {
	if namespace != "" {
		entries = slices.AppendSeq(entries, maps.Values(t.entries[namespace]))
	} else {
		for _, inside := range t.entries {
			entries = slices.AppendSeq(entries, maps.Values(inside))
		}
	}
	for at := range t.stale {
		if namespace == "" || namespace == at.namespace {
			stale = append(stale, at)
		}
	}
	return entries, stale
}

// labelled returns the entries that have an indexed label. The caller holds the lock.
func (t *table) labelled(label string) []*entry {
	return slices.Collect(maps.Values(t.labels[label]))
}

// invalidate makes an entry stale: the next read asks the server.
func (t *table) invalidate(at key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale[at] = true
}

// put stores an object, unless the table has a later version of it.
func (t *table) put(object kube.Object) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.stale, keyOf(object))
	return t.store(object)
}

// store is put for callers that hold the lock. It drops the managed fields of a tenant's object:
// they are half of its size, and matter only for objects of others.
func (t *table) store(object kube.Object) error {
	at := keyOf(object)
	if have := t.entries[at.namespace][at.name]; have != nil && have.isNewerThan(object) {
		return nil
	}
	if object.GetLabels()[topology.LabelTenant] != "" {
		object.SetManagedFields(nil)
	}
	data, err := object.Marshal()
	if err != nil {
		return err
	}
	t.remove(at)
	if t.entries[at.namespace] == nil {
		t.entries[at.namespace] = map[string]*entry{}
	}
	metadata := metadataOf(data)
	e := &entry{
		object.GetUID(), object.GetResourceVersion(), t.indexed(object),
		bytes.Clone(metadata), t.share(data[len(metadata):]),
	}
	t.entries[at.namespace][at.name] = e
	for _, label := range e.labels {
		if t.labels[label] == nil {
			t.labels[label] = map[key]*entry{}
		}
		t.labels[label][at] = e
	}
	return nil
}

// indexed returns the keys of an object's indexed labels.
func (t *table) indexed(object kube.Object) []string {
	if t.labelPrefix == "" {
		return nil
	}
	var keys []string
	for label := range object.GetLabels() {
		if strings.HasPrefix(label, t.labelPrefix) {
			keys = append(keys, label)
		}
	}
	return keys
}

// share returns the one string that all entries with this tail use.
func (t *table) share(tail []byte) string {
	text, ok := t.tails[string(tail)]
	if !ok {
		text = string(tail)
		t.tails[text] = text
	}
	return text
}

// isNewerThan reports whether the entry is a later version of the same object. Versions that cannot
// be compared are not.
func (e *entry) isNewerThan(object kube.Object) bool {
	order, err := resourceversion.CompareResourceVersion(e.version, object.GetResourceVersion())
	return err == nil && order > 0 && e.uid == object.GetUID()
}

// drop removes the entry of an object that does not exist.
func (t *table) drop(at key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.stale, at)
	t.remove(at)
}

// remove is drop for callers that hold the lock.
func (t *table) remove(at key) {
	have := t.entries[at.namespace][at.name]
	if have == nil {
		return
	}
	delete(t.entries[at.namespace], at.name)
	for _, label := range have.labels {
		delete(t.labels[label], at)
	}
}
