package k8s

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/apply"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// objectName is the name of each object of which a tenant's namespace has one.
const objectName = kube.FieldManager

// owned reports whether an object belongs to a tenant.
func owned(object metav1.Object, tenant string) bool {
	return object.GetLabels()[topology.LabelTenant] == tenant
}

// ownedBy returns owned for the objects of one tenant.
func ownedBy[T kube.Object](tenant string) func(T) bool {
	return func(have T) bool { return owned(have, tenant) }
}

// meta returns the metadata of an object of a tenant.
func meta(namespace, name, tenant string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{topology.LabelTenant: tenant}}
}

// singleton is a value V that is stored as the one object T of its kind in a tenant's namespace. S
// is the specification of the object.
type singleton[T interface {
	comparable
	kube.Object
}, S, V any] struct {
	kind   topology.Kind
	client func(kube.Clients) kube.Client[T]
	spec   func(T) *S
	same   func(a, b *S) bool
	read   func(T) V
	render func(V) T

	replaceable func(have T) bool // as in apply.Target
}

// get reads the value. An object that Polyphony does not manage is ErrNotFound.
func (s singleton[T, S, V]) get(ctx context.Context, t *Topology, namespace string) (value V, err error) {
	c := adapter.Read(s.kind, namespace)
	err = t.retry.Do(ctx, c, func(ctx context.Context) error {
		have, err := s.client(t.clients).Get(ctx, namespace, objectName)
		switch {
		case err != nil:
			return err
		case !owned(have, namespace):
			return c.Fail(topology.ErrNotFound, "")
		}
		value = s.read(have)
		return nil
	})
	return value, err
}

// ensure replaces the whole specification, so nothing remains that others have written into it.
func (s singleton[T, S, V]) ensure(ctx context.Context, t *Topology, namespace string, want V) (topology.Change, error) {
	object := s.render(want)
	var none T
	return apply.Target[T]{
		Retry: t.retry, Call: adapter.Ensure(s.kind, namespace), Client: s.client(t.clients),
		Owned: ownedBy[T](namespace), Want: object,
		Same: func(have T) bool { return s.same(s.spec(have), s.spec(object)) },
		Merge: func(have T) T {
			to, _ := have.DeepCopyObject().(T) // a copy has the same type
			*s.spec(to) = *s.spec(object)
			return to
		},
		Fields: func(have, to T) []topology.FieldChange {
			fields := append(adapter.Diff(s.read(have), s.read(to)), s.beyond(have)...)
			if len(fields) == 0 { // such as another order
				fields = specFields(*s.spec(have), *s.spec(to))
			}
			return fields
		},
		Value:       func(object T) any { return s.read(object) },
		Inexact:     func(have T) bool { return len(s.beyond(have)) > 0 },
		Replaceable: s.replaceable,
	}.Ensure(ctx, none)
}

// beyond returns the fields of an object that its value cannot express: those in which it differs
// from the object that its value renders to.
func (s singleton[T, S, V]) beyond(have T) []topology.FieldChange {
	return specFields(*s.spec(have), *s.spec(s.render(s.read(have))))
}

func (s singleton[T, S, V]) remove(ctx context.Context, t *Topology, namespace string) (topology.Change, error) {
	return apply.Removal[T]{
		Retry: t.retry, Call: adapter.Delete(s.kind, namespace), Client: s.client(t.clients),
		Namespace: namespace, Name: objectName, Owned: ownedBy[T](namespace),
		Value: func(object T) any { return s.read(object) },
	}.Delete(ctx)
}

// specFields returns the fields in which two specifications differ.
func specFields[S any](have, to S) []topology.FieldChange {
	type object struct {
		Spec S `json:"spec"`
	}
	return adapter.Diff(object{have}, object{to})
}
