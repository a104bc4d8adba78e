package k8s

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// key is where an object is.
type key struct{ namespace, name string }

// record is an object as it is remembered: in the server's own encoding, which takes a fraction of the memory. What comes after the metadata is shared by
// all objects that have the same, as many tenants do. Each reader makes an object of its own of it.
type record struct {
	uid      types.UID
	version  string
	domains  []string // its labels of domains
	metadata []byte
	rest     string
}

// encoded is the whole object.
func (r *record) encoded() []byte { return append(slices.Clip(r.metadata), r.rest...) }

// metadataOf is the beginning of an object with its metadata, which is the first field of all kinds.
func metadataOf(data []byte) []byte {
	const first = 1<<3 | 2 // the number of the field, and that its length follows
	if len(data) > 0 && data[0] == first {
		if length, n := binary.Uvarint(data[1:]); n > 0 && length <= uint64(len(data)-1-n) {
			return data[:1+n+int(length)]
		}
	}
	return nil
}

// table is what a snapshot has read of one resource.
type table struct {
	fields string        // a selector
	turn   chan struct{} // to load it

	mu      sync.Mutex
	loaded  bool
	reading int                           // the number of the one that fills it
	version string                        // that it has come to, by its list and its watch
	records map[string]map[string]*record // by namespace and name
	stale   map[key]bool                  // to be read again
	domains map[string]map[key]*record    // by label
	rests   map[string]string             // what records share
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
	t.records, t.stale = map[string]map[string]*record{}, map[key]bool{}
	t.domains, t.rests = map[string]map[key]*record{}, map[string]string{}
	return t.reading
}

// load reads the table if that has not been done. One does it, the others wait for it.
func (t *table) load(ctx context.Context, read func(context.Context, *table) error) error {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for !t.look(func() {}) {
		reading := t.forget() // what an attempt that failed has left
		if err := read(ctx, t); err != nil {
			return err
		}
		t.complete(reading)
	}
	return nil
}

// complete ends a reading. The table is loaded then, unless somebody has made it forget what was read.
func (t *table) complete(reading int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded = t.reading == reading
}

// look looks at a table that is loaded. If it is not, or no longer, nothing has been looked at.
func (t *table) look(at func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.loaded {
		at()
	}
	return t.loaded
}

// find is what is remembered of a place. The table is locked.
func (t *table) find(at key) (r *record, stale bool) {
	return t.records[at.namespace][at.name], t.stale[at]
}

// in is what is remembered of a namespace, or of all, and the places that have to be read again. The table is locked.
func (t *table) in(namespace string) (records []*record, stale []key) {
	if namespace != "" {
		records = slices.AppendSeq(records, maps.Values(t.records[namespace]))
	} else {
		for _, inside := range t.records {
			records = slices.AppendSeq(records, maps.Values(inside))
		}
	}
	for at := range t.stale {
		if namespace == "" || namespace == at.namespace {
			stale = append(stale, at)
		}
	}
	return records, stale
}

// labelled are those that have the label of a domain. The table is locked.
func (t *table) labelled(label string) []*record {
	return slices.Collect(maps.Values(t.domains[label]))
}

// distrust makes the next reading of an object ask for it.
func (t *table) distrust(at key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale[at] = true
}

// put remembers an object, unless a later version of it is known.
func (t *table) put(object apiObject) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.stale, placeOf(object))
	return t.store(object)
}

func (t *table) store(object apiObject) error {
	at := placeOf(object)
	if have := t.records[at.namespace][at.name]; have != nil && have.isNewerThan(object) {
		return nil
	}
	if object.GetLabels()[topology.LabelTenant] != "" {
		object.SetManagedFields(nil) // which is half of an object, and tells of others' only
	}
	data, err := object.Marshal()
	if err != nil {
		return err
	}
	t.remove(at)
	if t.records[at.namespace] == nil {
		t.records[at.namespace] = map[string]*record{}
	}
	metadata := metadataOf(data)
	r := &record{
		object.GetUID(), object.GetResourceVersion(), withPrefix(object.GetLabels(), adapter.LabelDomain),
		bytes.Clone(metadata), t.share(data[len(metadata):]),
	}
	t.records[at.namespace][at.name] = r
	for _, label := range r.domains {
		if t.domains[label] == nil {
			t.domains[label] = map[key]*record{}
		}
		t.domains[label][at] = r
	}
	return nil
}

// share is one text for all that are the same.
func (t *table) share(rest []byte) string {
	text, ok := t.rests[string(rest)]
	if !ok {
		text = string(rest)
		t.rests[text] = text
	}
	return text
}

// isNewerThan tells whether it is a later version of the same object. What cannot be compared is not.
func (r *record) isNewerThan(object apiObject) bool {
	order, err := resourceversion.CompareResourceVersion(r.version, object.GetResourceVersion())
	return err == nil && order > 0 && r.uid == object.GetUID()
}

// drop remembers that an object is gone.
func (t *table) drop(at key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.stale, at)
	t.remove(at)
}

func (t *table) remove(at key) {
	have := t.records[at.namespace][at.name]
	if have == nil {
		return
	}
	delete(t.records[at.namespace], at.name)
	for _, label := range have.domains {
		delete(t.domains[label], at)
	}
}

func placeOf(object apiObject) key { return key{object.GetNamespace(), object.GetName()} }
