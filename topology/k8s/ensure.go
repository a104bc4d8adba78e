package k8s

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

const (
	objectName   = "polyphony" // of every object that there is one of in a namespace
	fieldManager = "polyphony"
)

// client is what a typedClient does to keep objects true.
type client[T apiObject] interface {
	Get(ctx context.Context, name string) (T, error)
	Create(ctx context.Context, object T) error
	Update(ctx context.Context, object T) error
	Delete(ctx context.Context, object T) error
}

// keeper keeps one object true.
type keeper[T apiObject] struct {
	call   adapter.Call
	client client[T]
	tenant string
	owned  func(have T) bool // whether it is ours; nil: it is if it has the tenant's label

	want   T                                       // complete, as the server would answer it: every default explicit
	same   func(have T) bool                       // whether everything of ours is as wanted; nil: it is if merge changes nothing
	merge  func(have T) T                          // a copy of have in which it is
	fields func(have, to T) []topology.FieldChange // what differs
	value  func(T) any                             // the value that an object stands for; nil: none
	beyond func(have T) bool                       // whether have has what its value cannot express; nil: never

	replaceable func(have T) bool // false: an update cannot get there, delete and create; nil: always true
}

// ensure creates or repairs the object. start is the object as it was just read, or nil to read it now.
//
// When an answer is lost, the write may have happened all the same: the next try then finds nothing to do, and what is reported is the
// change that was attempted.
func (k keeper[T]) ensure(ctx context.Context, t *Topology, start *T) (topology.Change, error) {
	change := k.call.Unchanged()
	err := t.retry(ctx, k.call, func(ctx context.Context) error {
		have, err := k.read(ctx, start)
		start = nil
		switch {
		case apierrors.IsNotFound(err):
			change.Action, change.Fields = created(change), nil
			change.After = k.valueOf(k.want)
			return k.create(ctx, t)
		case err != nil:
			return err
		case !k.isOwned(have):
			return k.call.Fail(topology.ErrConflict, "an object named "+have.GetName()+" that polyphony does not manage is in its place; remove or rename that")
		case have.GetDeletionTimestamp() != nil: // it goes as soon as it is let go, whatever is written into it now
			return held(k.call, have)
		}
		if k.isSame(have) && len(have.GetOwnerReferences()) == 0 {
			return nil
		}
		to := k.merge(have)
		to.SetOwnerReferences(nil)
		if change.Action == topology.Unchanged {
			change.Action, change.Fields = topology.Updated, append(k.fields(have, to), ownerFields(have)...)
			change.Before, change.After = k.valueOf(have), k.valueOf(to)
			change.Inexact = k.beyond != nil && k.beyond(have)
		}
		return k.update(ctx, t, have, to)
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// created keeps what an earlier try has set out to do: what was to be updated and is gone now was still an update.
func created(change topology.Change) topology.Action {
	if change.Action == topology.Unchanged {
		return topology.Created
	}
	return change.Action
}

func (k keeper[T]) valueOf(object T) any {
	if k.value == nil {
		return nil
	}
	return k.value(object)
}

func (k keeper[T]) isOwned(have T) bool {
	if k.owned != nil {
		return k.owned(have)
	}
	return owned(have, k.tenant)
}

func (k keeper[T]) isSame(have T) bool {
	if k.same != nil {
		return k.same(have)
	}
	return equality.Semantic.DeepEqual(have, k.merge(have))
}

func (k keeper[T]) read(ctx context.Context, start *T) (T, error) {
	if start != nil {
		return *start, nil
	}
	return k.client.Get(ctx, k.want.GetName())
}

func (k keeper[T]) create(ctx context.Context, t *Topology) error {
	if t.dry {
		return nil
	}
	err := k.client.Create(ctx, k.want)
	if apierrors.IsNotFound(err) {
		return k.call.Fail(topology.ErrNotFound, "the namespace does not exist; ensure it first")
	}
	return err
}

func (k keeper[T]) update(ctx context.Context, t *Topology, have, to T) error {
	if t.dry {
		return nil
	}
	if k.replaceable != nil && !k.replaceable(have) {
		if err := k.client.Delete(ctx, have); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		return k.create(ctx, t)
	}
	return vanished(k.client.Update(ctx, to))
}

func prefixed(path string, fields []topology.FieldChange) []topology.FieldChange {
	for i := range fields {
		fields[i].Path = path + fields[i].Path
	}
	return fields
}

// ownerFields names the owners that an object of ours must not have: the garbage collector would remove it together with any of them, and
// that may be something that the tenant can delete.
func ownerFields(have metav1.Object) []topology.FieldChange {
	var fields []topology.FieldChange
	for i, owner := range have.GetOwnerReferences() {
		fields = append(fields, topology.FieldChange{Path: fmt.Sprintf("metadata.ownerReferences[%d]", i), From: owner.Kind + "/" + owner.Name})
	}
	return fields
}

// remove deletes an object that is ours. One that is not there is fine; one that stays because of its finalizers is not.
func remove[T apiObject](ctx context.Context, t *Topology, c adapter.Call, client client[T], name, tenant string, value func(T) any) (topology.Change, error) {
	change := c.Unchanged()
	err := t.retry(ctx, c, func(ctx context.Context) error {
		have, err := client.Get(ctx, name)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		case !owned(have, tenant):
			return c.Fail(topology.ErrConflict, "is not managed by polyphony; remove it where it is managed")
		case have.GetDeletionTimestamp() != nil:
			return held(c, have)
		}
		change = c.Deleted(nil)
		if value != nil {
			change.Before = value(have)
		}
		if err := deleteRead(ctx, t, client, have); err != nil || len(have.GetFinalizers()) == 0 || t.dry {
			return err
		}
		return held(c, have)
	})
	if err != nil && !errors.Is(err, topology.ErrTerminating) {
		return topology.Change{}, err
	}
	return change, err
}

// deleteRead deletes an object as it was read. If it is gone by now, that is fine.
func deleteRead[T apiObject](ctx context.Context, t *Topology, client client[T], have T) error {
	if t.dry {
		return nil
	}
	err := client.Delete(ctx, have)
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func owned(object metav1.Object, tenant string) bool {
	return object.GetLabels()[topology.LabelTenant] == tenant
}

// meta is the metadata of an object of ours.
func meta(namespace, name, tenant string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{topology.LabelTenant: tenant}}
}
