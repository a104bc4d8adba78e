// Package apply makes one object equal to a desired one.
//
// It reads the object, compares everything in it that Polyphony manages, and writes only a
// difference, at the version that was read. Labels and annotations of others stay. [Target.Ensure]
// creates or repairs the object, and [Removal.Delete] removes it.
package apply

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/retry"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// object is a kube.Object that can be compared with nil.
type object interface {
	comparable
	kube.Object
}

// Target is the desired state of one object.
type Target[T object] struct {
	Retry  retry.Policy
	Call   adapter.Call // of the change and the errors
	Client kube.Client[T]

	Owned  func(have T) bool                       // reports whether the object is Polyphony's
	Want   T                                       // complete, with every default of the server
	Same   func(have T) bool                       // reports whether Merge changes nothing; nil: compares the two
	Merge  func(have T) T                          // returns a copy of have with everything wanted
	Fields func(have, to T) []topology.FieldChange // returns what differs, in words for people
	Value  func(T) any                             // returns the value that an object stands for; nil: none

	// Inexact reports whether have has parts that its value cannot express. Nil: it never has.
	Inexact func(have T) bool

	// Replaceable reports whether an update can turn have into Want. If not, the object is deleted
	// and created. Nil: it always can.
	Replaceable func(have T) bool
}

// Ensure creates or repairs the object. It starts from have, which was just read, or reads the
// object if have is nil.
//
// If the answer to a write is lost, the write may have happened nevertheless. The next attempt then
// finds no difference, and Ensure returns the attempted change.
func (t Target[T]) Ensure(ctx context.Context, have T) (topology.Change, error) {
	change := t.Call.Unchanged()
	var none T
	err := t.Retry.Do(ctx, t.Call, func(ctx context.Context) error {
		var err error
		if have == none {
			have, err = t.Client.Get(ctx, t.Want.GetNamespace(), t.Want.GetName())
		}
		current := have
		have = none // the next attempt reads
		switch {
		case apierrors.IsNotFound(err):
			change.Action, change.Fields, change.After = CreatedAfter(change), nil, t.valueOf(t.Want)
			return t.create(ctx)
		case err != nil:
			return err
		case !t.Owned(current):
			return t.Call.Fail(topology.ErrConflict, "the object "+current.GetName()+
				" is in its place, and polyphony does not manage it; remove or rename that object")
		case current.GetDeletionTimestamp() != nil: // a deleted object would take the write with it
			return kube.Held(current)
		}
		if t.isSame(current) && len(current.GetOwnerReferences()) == 0 {
			return nil
		}
		to := t.Merge(current)
		to.SetOwnerReferences(nil)
		if change.Action == topology.Unchanged {
			change.Action, change.Fields = topology.Updated, append(t.Fields(current, to), OwnerFields(current)...)
			change.Before, change.After = t.valueOf(current), t.valueOf(to)
			change.Inexact = t.Inexact != nil && t.Inexact(current)
		}
		return t.update(ctx, current, to)
	})
	if err != nil {
		return topology.Change{}, err
	}
	return change, nil
}

// CreatedAfter returns the action of an attempt that finds the object missing: Created, or the
// action of an earlier attempt.
func CreatedAfter(change topology.Change) topology.Action {
	if change.Action == topology.Unchanged {
		return topology.Created
	}
	return change.Action
}

func (t Target[T]) valueOf(object T) any {
	if t.Value == nil {
		return nil
	}
	return t.Value(object)
}

func (t Target[T]) isSame(have T) bool {
	if t.Same != nil {
		return t.Same(have)
	}
	return equality.Semantic.DeepEqual(have, t.Merge(have))
}

func (t Target[T]) create(ctx context.Context) error {
	_, err := t.Client.Create(ctx, t.Want)
	if apierrors.IsNotFound(err) {
		return t.Call.Fail(topology.ErrNotFound, "the namespace does not exist; ensure it first")
	}
	return err
}

func (t Target[T]) update(ctx context.Context, have, to T) error {
	if t.Replaceable != nil && !t.Replaceable(have) {
		if err := t.Client.Delete(ctx, have); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		return t.create(ctx)
	}
	_, err := t.Client.Update(ctx, to)
	return err
}

// OwnerFields returns the owner references of an object of Polyphony, which must not have any: the
// garbage collector would remove it together with an owner, which a tenant may be able to delete.
func OwnerFields(have metav1.Object) []topology.FieldChange {
	var fields []topology.FieldChange
	for i, owner := range have.GetOwnerReferences() {
		fields = append(fields, topology.FieldChange{
			Path: fmt.Sprintf("metadata.ownerReferences[%d]", i), From: owner.Kind + "/" + owner.Name,
		})
	}
	return fields
}

// Prefixed returns the fields with a prefix before their paths. It changes them in place.
func Prefixed(path string, fields []topology.FieldChange) []topology.FieldChange {
	for i := range fields {
		fields[i].Path = path + fields[i].Path
	}
	return fields
}

// Removal is one object that must not exist.
type Removal[T object] struct {
	Retry  retry.Policy
	Call   adapter.Call // of the change and the errors
	Client kube.Client[T]

	Namespace, Name string
	Owned           func(have T) bool // reports whether the object is Polyphony's
	Value           func(T) any       // returns the value that an object stands for; nil: none
}

// Delete deletes the object. A missing object is not an error. An object that stays because of its
// finalizers is ErrTerminating, and the change is Deleted if this call deleted it.
func (r Removal[T]) Delete(ctx context.Context) (topology.Change, error) {
	change := r.Call.Unchanged()
	err := r.Retry.Do(ctx, r.Call, func(ctx context.Context) error {
		have, err := r.Client.Get(ctx, r.Namespace, r.Name)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		case !r.Owned(have):
			return r.Call.Fail(topology.ErrConflict, "is not managed by polyphony; remove it where it is managed")
		case have.GetDeletionTimestamp() != nil:
			return kube.Held(have)
		}
		change = r.Call.Deleted(nil)
		if r.Value != nil {
			change.Before = r.Value(have)
		}
		return IgnoreNotFound(r.Client.Delete(ctx, have))
	})
	if err != nil && !errors.Is(err, topology.ErrTerminating) {
		return topology.Change{}, err
	}
	return change, err
}

// IgnoreNotFound returns err, or nil if the object does not exist.
func IgnoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// IgnoreHeld returns err, or nil if the object is deleted and stays because of its finalizers.
func IgnoreHeld(err error) error {
	var held *kube.HeldError
	if errors.As(err, &held) {
		return nil
	}
	return err
}
