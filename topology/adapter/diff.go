package adapter

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// Diff lists the fields in which two values of one type differ, by their JSON names, in a stable
// order. It returns nothing if, and only if, the values are equal. What the values print does not
// decide, since the texts are for people.
//
// Quantities are equal by amount ("1" is "1000m"), and times by instant. A nil pointer, an empty
// list and an empty map are the same as none. Fields that are not exported, and those that JSON
// leaves out ("-"), do not count. A struct that marshals itself is a scalar.
//
// A struct field tagged `diff:"key"` pairs the elements of a list by its value, so that their order
// does not count. Other lists of structs are paired by position, and lists of scalars are shown as
// a whole. An empty list tagged `diff:"none=everybody"` is shown as "everybody".
//
// The From of a change never equals its To, even if the two values print alike.
func Diff[V any](from, to V) []topology.FieldChange {
	if reflect.DeepEqual(from, to) { // as most are
		return nil
	}
	var d differ
	d.walk("", reflect.ValueOf(from), reflect.ValueOf(to))
	return d.changes
}

type differ struct{ changes []topology.FieldChange }

// walk compares two values. An invalid value stands for one that is missing.
func (d *differ) walk(path string, from, to reflect.Value) {
	from, to = deref(from), deref(to)
	switch {
	case !from.IsValid() || !to.IsValid() || from.Type() != to.Type():
		d.whole(path, from, to)
	case isStruct(from.Type()) && from.Type() != quantityType:
		d.structs(path, from, to)
	case from.Kind() == reflect.Map:
		d.maps(path, from, to)
	case from.Kind() == reflect.Slice && isStruct(from.Type().Elem()):
		d.lists(path, from, to)
	default:
		d.whole(path, from, to)
	}
}

// whole compares two values that are shown as a whole.
func (d *differ) whole(path string, from, to reflect.Value) {
	if !isEqual(from, to) {
		a, b := texts(from, to)
		d.changes = append(d.changes, topology.FieldChange{Path: path, From: a, To: b})
	}
}

func (d *differ) structs(path string, from, to reflect.Value) {
	for i := range from.NumField() {
		field := from.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case !field.IsExported() || name == "-":
			continue
		case field.Anonymous && name == "":
			d.walk(path, from.Field(i), to.Field(i))
			continue
		case name == "":
			name = field.Name
		}
		a, b := from.Field(i), to.Field(i)
		if none, ok := strings.CutPrefix(field.Tag.Get("diff"), "none="); ok && (a.Len() == 0) != (b.Len() == 0) {
			change := topology.FieldChange{Path: join(path, name), From: listText(a, none), To: listText(b, none)}
			d.changes = append(d.changes, change)
			continue
		}
		d.walk(join(path, name), a, b)
	}
}

func (d *differ) maps(path string, from, to reflect.Value) {
	for _, key := range keysOf(from, to) {
		d.walk(path+"["+key.text+"]", from.MapIndex(key.value), to.MapIndex(key.value))
	}
}

func (d *differ) lists(path string, from, to reflect.Value) {
	fromByID, order := byID(from, nil)
	toByID, order := byID(to, order)
	for _, id := range order {
		d.walk(path+"["+id.text()+"]", fromByID[id], toByID[id])
	}
}

var (
	quantityType = reflect.TypeFor[resource.Quantity]()
	timeType     = reflect.TypeFor[time.Time]()
)

// isEqual reports whether two values are equal by value.
func isEqual(from, to reflect.Value) bool {
	from, to = deref(from), deref(to)
	switch {
	case isNone(from) || isNone(to):
		return isNone(from) && isNone(to)
	case from.Type() != to.Type():
		return false
	case from.Type() == quantityType:
		return valueOf[resource.Quantity](from).Cmp(*valueOf[resource.Quantity](to)) == 0
	case from.Type() == timeType:
		return valueOf[time.Time](from).Equal(*valueOf[time.Time](to))
	case from.Kind() == reflect.Slice || from.Kind() == reflect.Array:
		return from.Len() == to.Len() && areEqual(from.Len(), from.Index, to.Index)
	case from.Kind() == reflect.Struct && isOpen(from.Type()):
		return areEqual(from.NumField(), from.Field, to.Field)
	default:
		return reflect.DeepEqual(from.Interface(), to.Interface())
	}
}

// valueOf returns a pointer to a copy of a value whose type is V.
func valueOf[V any](v reflect.Value) *V {
	value, _ := v.Interface().(V)
	return &value
}

// areEqual reports whether Diff finds no difference in any of n parts of two values.
func areEqual(n int, from, to func(int) reflect.Value) bool {
	var d differ
	for i := 0; i < n && len(d.changes) == 0; i++ {
		d.walk("", from(i), to(i))
	}
	return len(d.changes) == 0
}

// isNone reports whether a value is the same as none.
func isNone(v reflect.Value) bool {
	return !v.IsValid() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0
}

// isStruct reports whether values of a type, or what they point to, are compared field by field.
// Quantities are, in their way.
func isStruct(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	pointer := reflect.PointerTo(t) // has the methods of t too
	marshals := pointer.Implements(reflect.TypeFor[json.Marshaler]()) ||
		pointer.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	return t.Kind() == reflect.Struct && (t == quantityType || !marshals)
}

// isOpen reports whether every field of a struct is exported.
func isOpen(t reflect.Type) bool {
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			return false
		}
	}
	return true
}

// deref follows pointers and interfaces; a nil one becomes an invalid value, which stands for none.
func deref(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
