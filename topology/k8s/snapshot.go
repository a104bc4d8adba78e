package k8s

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Snapshot returns the same cluster, whose objects are read once, all of a kind together, when the first of them is asked for, and are then
// remembered together with what is written. It makes a run over many tenants cost as many requests as there are kinds, plus the writes. Whoever asks for all
// Tenants has all kinds read, at the same time.
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

// past is the same client, of a namespace, without a memory.
func (c typedClient[T, L, PT, PL]) past(namespace string) typedClient[T, L, PT, PL] {
	c.table, c.namespace = nil, namespace
	return c
}

// look looks at the client's table, which it reads if that has not been done, and again if somebody makes it forget everything in between.
func (c typedClient[T, L, PT, PL]) look(ctx context.Context, at func()) error {
	for !c.table.look(at) {
		if err := c.load(ctx); err != nil {
			return err
		}
	}
	return nil
}

// load reads the client's table.
func (c typedClient[T, L, PT, PL]) load(ctx context.Context) error {
	return c.table.load(ctx, func(ctx context.Context, t *table) error {
		var failed error
		err := c.past("").pages(ctx, metav1.ListOptions{FieldSelector: t.fields}, func(list PL) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.version == "" {
				t.version = list.GetResourceVersion()
			}
			failed = errors.Join(failed, apimeta.EachListItem(list, func(item runtime.Object) error {
				object, _ := item.(PT) // a list is of one type
				return t.store(object)
			}))
		})
		return errors.Join(err, failed)
	})
}

// readAhead reads at the same time what a run over all tenants asks for. What fails is left to whoever needs it, and fails again there.
func (c *clients) readAhead(ctx context.Context) {
	if c.memory == nil {
		return
	}
	var kinds sync.WaitGroup
	for _, load := range []func(context.Context) error{
		c.namespaces().load, c.quotas("").load, c.limitRanges("").load, c.networkPolicies("").load, c.roles("").load, c.roleBindings("").load, c.clusterRoleBindings().load,
	} {
		kinds.Go(func() { _ = load(ctx) })
	}
	kinds.Wait()
}

// recall reads one object from the table, or asks for it where that may be out of date.
func (c typedClient[T, L, PT, PL]) recall(ctx context.Context, at key) (PT, error) {
	var have *record
	var stale bool
	if err := c.look(ctx, func() { have, stale = c.table.find(at) }); err != nil {
		return nil, err
	}
	if stale || topology.IsLive(ctx) {
		have, err := c.past(at.namespace).Get(ctx, at.name)
		switch {
		case err == nil:
			err = c.table.put(have)
		case apierrors.IsNotFound(err):
			c.table.drop(at)
		}
		return have, err
	}
	if have != nil {
		return read[T, PT](have)
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: c.resource}, at.name)
}

// read makes an object of what is remembered.
func read[T any, PT interface {
	*T
	apiObject
}](r *record) (PT, error) {
	object := PT(new(T))
	return object, object.Unmarshal(r.encoded())
}

// recallAll reads from the table what a label selector selects, a page at a time. A selector that is about a domain is answered without going through all.
func (c typedClient[T, L, PT, PL]) recallAll(ctx context.Context, selector string, page int, each func(PL)) error {
	wanted, err := labels.Parse(selector)
	if err != nil {
		return err
	}
	var records []*record
	var stale []key
	if err := c.look(ctx, func() {
		records, stale = c.table.in(c.namespace)
		if by, _ := wanted.Requirements(); len(by) == 1 && strings.HasPrefix(by[0].Key(), adapter.LabelDomain) && len(stale) == 0 {
			records = c.table.labelled(by[0].Key())
		}
	}); err != nil {
		return err
	}
	for _, at := range stale {
		if _, err := c.recall(ctx, at); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	if len(stale) > 0 {
		if err := c.look(ctx, func() { records, _ = c.table.in(c.namespace) }); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(records, page) {
		var items []runtime.Object
		for _, r := range some {
			object, err := read[T, PT](r)
			if err != nil {
				return err
			}
			if wanted.Matches(labels.Set(object.GetLabels())) {
				items = append(items, object)
			}
		}
		list := PL(new(L))
		if err := apimeta.SetList(list, items); err != nil {
			return err
		}
		each(list)
	}
	return nil
}

// written keeps the table in step with a write: with what came of it, or if that is not known, by reading the object again.
func (c typedClient[T, L, PT, PL]) written(name string, stored PT, err error) error {
	switch {
	case c.table == nil:
	case err == nil && stored != nil:
		return c.table.put(stored)
	default:
		c.table.distrust(key{c.namespace, name})
	}
	return err
}
