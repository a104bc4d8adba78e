package adapter

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
)

// Diff lists the fields in which two values of one type differ, by their JSON names, in a stable
// order. Quantities are compared by amount ("1" is "1000m"), and an empty list or map is the same
// as none. A struct field tagged `diff:"key"` pairs the elements of a list by its value; other
// lists of structs are paired by position, lists of scalars are compared whole. Of one tagged
// `diff:"none=everybody"` it says so where it is empty. A struct that marshals itself is a scalar.
// Without a change nothing differs, and a change never has From equal to To.
func Diff[V any](from, to V) []topology.FieldChange {
	if reflect.DeepEqual(from, to) { // as most are
		return nil
	}
	var d differ
	d.walk("", reflect.ValueOf(from), reflect.ValueOf(to))
	return d.changes
}

type differ struct{ changes []topology.FieldChange }

var quantityType = reflect.TypeFor[resource.Quantity]()

// walk compares two values of one type; an invalid value stands for one that is missing.
func (d *differ) walk(path string, from, to reflect.Value) {
	from, to = deref(from), deref(to)
	switch {
	case !from.IsValid() && !to.IsValid():
	case !from.IsValid() || !to.IsValid() || from.Type() != to.Type():
		d.scalar(path, from, to)
	case from.Type() == quantityType:
		a, b := from.Interface().(resource.Quantity), to.Interface().(resource.Quantity) //nolint:forcetypeassert // the type was just compared
		if a.Cmp(b) != 0 {
			d.scalar(path, from, to)
		}
	case isStruct(from.Type()):
		d.structs(path, from, to)
	case from.Kind() == reflect.Map:
		d.maps(path, from, to)
	case from.Kind() == reflect.Slice && isStruct(from.Type().Elem()):
		d.lists(path, from, to)
	default:
		d.scalar(path, from, to)
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
		if none, ok := strings.CutPrefix(field.Tag.Get("diff"), "none="); ok && (from.Field(i).Len() == 0) != (to.Field(i).Len() == 0) {
			d.changes = append(d.changes, topology.FieldChange{Path: join(path, name), From: showAll(from.Field(i), none), To: showAll(to.Field(i), none)})
			continue
		}
		d.walk(join(path, name), from.Field(i), to.Field(i))
	}
}

// showAll prints a list whose emptiness means something else than nothing.
func showAll(list reflect.Value, none string) string {
	var texts []string
	for i := range list.Len() {
		texts = append(texts, show(list.Index(i)))
	}
	if len(texts) == 0 {
		return none
	}
	return strings.Join(texts, " or ")
}

func (d *differ) maps(path string, from, to reflect.Value) {
	keys := map[string]reflect.Value{}
	for _, m := range []reflect.Value{from, to} {
		for _, k := range m.MapKeys() {
			keys[fmt.Sprint(k.Interface())] = k
		}
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		d.walk(path+"["+name+"]", from.MapIndex(keys[name]), to.MapIndex(keys[name]))
	}
}

func (d *differ) lists(path string, from, to reflect.Value) {
	fromByKey, order := byKey(from, nil)
	toByKey, order := byKey(to, order)
	for _, k := range order {
		d.walk(path+"["+k+"]", fromByKey[k], toByKey[k])
	}
}

// byKey indexes a list by its elements' keys and appends the keys that order does not have yet.
func byKey(list reflect.Value, order []string) (map[string]reflect.Value, []string) {
	index := map[string]reflect.Value{}
	for i := range list.Len() {
		key := fmt.Sprint(i)
		if k, ok := elementKey(deref(list.Index(i))); ok {
			key = k
		}
		for unique, n := key, 2; index[key].IsValid(); n++ {
			key = fmt.Sprintf("%s#%d", unique, n)
		}
		index[key] = list.Index(i)
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
	}
	return index, order
}

func elementKey(element reflect.Value) (string, bool) {
	if !element.IsValid() {
		return "", false
	}
	for i := range element.NumField() {
		if element.Type().Field(i).Tag.Get("diff") == "key" {
			return fmt.Sprint(element.Field(i).Interface()), true
		}
	}
	return "", false
}

func (d *differ) scalar(path string, from, to reflect.Value) {
	a, b := show(from), show(to)
	if from.IsValid() != to.IsValid() && a == b { // an empty string is there, unlike none
		a, b = quoteEmpty(from, a), quoteEmpty(to, b)
	}
	if a != b {
		d.changes = append(d.changes, topology.FieldChange{Path: path, From: a, To: b})
	}
}

// show prints a value for a person: what has a text of its own by that, strings and quantities
// bare, everything else as JSON, and nothing for what is empty.
func show(v reflect.Value) string {
	if !v.IsValid() || (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		return ""
	}
	if text, ok := v.Interface().(fmt.Stringer); ok {
		return text.String()
	}
	if v.Kind() == reflect.String {
		return oneLine(v.String())
	}
	data, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Sprint(v.Interface())
	}
	return strings.Trim(string(data), `"`)
}

func quoteEmpty(v reflect.Value, shown string) string {
	if v.IsValid() && v.Kind() == reflect.String {
		return strconv.Quote(shown)
	}
	return shown
}

// isStruct reports whether values of a type, or what they point to, are compared field by field.
// Quantities are, in their way.
func isStruct(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	marshals := t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	return t.Kind() == reflect.Struct && (t == quantityType || !marshals)
}

// oneLine quotes a text that would not stay on its line, or in its terminal.
func oneLine(text string) string {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return strconv.Quote(text)
	}
	return text
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
