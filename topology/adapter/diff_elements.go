package adapter

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// mapKey is a key of a map and its text for a path.
type mapKey struct {
	value reflect.Value
	text  string
}

// keysOf returns the keys that either of two maps has, sorted by their texts.
func keysOf(from, to reflect.Value) []mapKey {
	var keys []mapKey
	for _, k := range from.MapKeys() {
		keys = append(keys, mapKey{k, keyText(k)})
	}
	for _, k := range to.MapKeys() {
		if !from.MapIndex(k).IsValid() {
			keys = append(keys, mapKey{k, keyText(k)})
		}
	}
	slices.SortFunc(keys, func(a, b mapKey) int {
		return cmp.Or(strings.Compare(a.text, b.text), strings.Compare(exactText(a.value), exactText(b.value)))
	})
	return keys
}

// keyText returns the text of a key for a path. Two strings never have the same text.
func keyText(key reflect.Value) string {
	switch {
	case key.Kind() == reflect.Interface:
		return exactText(key)
	case key.Kind() != reflect.String:
		return show(key)
	case strings.HasPrefix(key.String(), `"`):
		return strconv.Quote(key.String())
	default:
		return oneLine(key.String())
	}
}

// elementID pairs an element of one list with an element of another. The elements of a list have
// different IDs.
type elementID struct {
	key      any // of a field that is tagged as the key; nil: the position counts
	position int // of all elements; with a key, of those that have the same key; from 0
}

// byID indexes a list by the IDs of its elements and appends the IDs that order does not have yet.
func byID(list reflect.Value, order []elementID) (map[elementID]reflect.Value, []elementID) {
	known := map[elementID]bool{}
	for _, id := range order {
		known[id] = true
	}
	index, same := map[elementID]reflect.Value{}, map[any]int{}
	for i := range list.Len() {
		id := elementID{position: i}
		if key := elementKey(deref(list.Index(i))); key != nil {
			id = elementID{key, same[key]}
			same[key]++
		}
		index[id] = list.Index(i)
		if !known[id] {
			order = append(order, id)
		}
	}
	return index, order
}

// elementKey returns the value of the field that is tagged as the key, or nil.
func elementKey(element reflect.Value) any {
	if !element.IsValid() {
		return nil
	}
	for i := range element.NumField() {
		if element.Type().Field(i).Tag.Get("diff") == "key" {
			if key := deref(element.Field(i)); key.IsValid() && key.Comparable() {
				return key.Interface()
			}
		}
	}
	return nil
}

// text returns the ID for a path, such as "1", "cpu", or "cpu#2" for the second with this key.
func (id elementID) text() string {
	if id.key == nil {
		return strconv.Itoa(id.position)
	}
	text := keyText(reflect.ValueOf(id.key))
	if strings.Contains(text, "#") {
		text = strconv.Quote(text)
	}
	if id.position > 0 {
		text += "#" + strconv.Itoa(id.position+1)
	}
	return text
}
