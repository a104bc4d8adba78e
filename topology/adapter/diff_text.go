package adapter

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// texts prints two values that differ. The texts differ too.
func texts(from, to reflect.Value) (a, b string) {
	a, b = show(from), show(to)
	if a == b {
		a, b = exactText(from), exactText(to)
	}
	if a == b {
		b += " (another value)"
	}
	return a, b
}

// show prints a value for a person: strings, quantities and what has a text of its own by that,
// everything else as JSON, and nothing for what is the same as none.
func show(v reflect.Value) string {
	v = deref(v)
	if isNone(v) {
		return ""
	}
	if text, ok := v.Interface().(fmt.Stringer); ok {
		return oneLine(text.String())
	}
	if v.Kind() == reflect.String {
		return oneLine(v.String())
	}
	pointer := reflect.New(v.Type()) // has the methods that only a pointer has
	pointer.Elem().Set(v)
	data, err := json.Marshal(pointer.Interface())
	if err != nil {
		return oneLine(fmt.Sprint(v.Interface()))
	}
	var text string
	if data[0] == '"' && json.Unmarshal(data, &text) == nil {
		return oneLine(text)
	}
	return oneLine(string(data))
}

// exactText prints a value so that it can be told from others that show prints alike: a string in
// quotes, and anything else with its type.
func exactText(v reflect.Value) string {
	v = deref(v)
	switch {
	case isNone(v):
		return ""
	case v.Kind() == reflect.String:
		return strconv.Quote(v.String())
	default:
		return fmt.Sprintf("%s(%s)", v.Type(), show(v))
	}
}

// listText prints a list whose emptiness means something else than nothing.
func listText(list reflect.Value, none string) string {
	if list.Len() == 0 {
		return none
	}
	var texts []string
	for i := range list.Len() {
		texts = append(texts, show(list.Index(i)))
	}
	text := strings.Join(texts, " or ")
	if text == none {
		return strconv.Quote(text)
	}
	return text
}

// oneLine quotes a text that would not stay on its line, or in its terminal.
func oneLine(text string) string {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return strconv.Quote(text)
	}
	return text
}
