// Package valuetest checks the values that ports take and return: [Clone] checks that a copy shares
// nothing with the original, [Diff] that no difference goes unseen, and [Cloners] finds the types
// that have to be checked. [RequireFieldPaths] checks what is wrong with a Score.
package valuetest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Clone checks that Clone returns an equal value that shares no memory with the original.
func Clone[V interface{ Clone() V }](t *testing.T) {
	original := filled[V]()
	copied := new((*original).Clone())
	require.Equal(t, original, copied)
	require.Empty(t, adapter.Diff(*original, *copied))

	mine, theirs := references(original), references(copied)
	require.Len(t, theirs, len(mine))
	for path, pointer := range mine {
		require.NotEqual(t, pointer, theirs[path], "%s is shared", path)
	}
	for _, leaf := range leaves(copied) {
		leaf.change()
		require.Equal(t, filled[V](), original, "changing the copy's %s changed the original", leaf.path)
	}

	var zero V
	require.Equal(t, zero, zero.Clone())
}

// Diff checks that adapter.Diff reports a difference in any single field that JSON stores, and in
// no other. An Ensure writes only what Diff reports.
func Diff[V any](t *testing.T) {
	before, err := json.Marshal(filled[V]())
	require.NoError(t, err)
	seen := 0
	for i, leaf := range leaves(filled[V]()) {
		changed := filled[V]()
		leaves(changed)[i].change()
		after, err := json.Marshal(changed)
		require.NoError(t, err)
		fields := adapter.Diff(*filled[V](), *changed)
		stored := !slices.Equal(before, after)
		require.Equal(t, stored, len(fields) > 0, "%s: %v", leaf.path, fields)
		if stored {
			seen++
		}
	}
	require.Positive(t, seen)
}

// Cloners returns the names of the types that have a Clone method in the package of the test.
func Cloners(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "Clone" && f.Recv != nil {
				receiver, isName := f.Recv.List[0].Type.(*ast.Ident)
				require.True(t, isName, "%s: the receiver of Clone is a value", file)
				names = append(names, receiver.Name)
			}
		}
	}
	return names
}

// filled returns a value in which every field is set, each to something else.
func filled[V any]() *V {
	v, n := new(V), 0
	fill(reflect.ValueOf(v).Elem(), &n)
	return v
}

var (
	quantityType = reflect.TypeFor[resource.Quantity]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
)

// fill sets everything in v to something else each time. Quantities are too large for an int64, so
// that they hold a pointer.
func fill(v reflect.Value, n *int) {
	*n++
	switch {
	case v.Type() == quantityType:
		v.Set(reflect.ValueOf(resource.MustParse(fmt.Sprintf("%d0000000000000000000000001", *n))))
	case v.Type() == prefixType:
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(*n), 0, 0}), 16)))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("s%d", *n))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(*n))
	default:
		panic("valuetest: fill has no case for " + v.Type().String())
	}
}

// references returns all slices, maps and pointers that can be reached from v, by path.
func references(v any) map[string]uintptr {
	found := map[string]uintptr{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == prefixType {
				return // immutable, and its parts are interned
			}
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Pointer:
			if !v.IsNil() {
				found[path] = v.Pointer()
				walk(path, v.Elem())
			}
		case reflect.Slice:
			found[path] = v.Pointer()
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
		case reflect.Map:
			found[path] = v.Pointer()
			for _, k := range v.MapKeys() {
				walk(fmt.Sprintf("%s[%v]", path, k), v.MapIndex(k))
			}
		}
	}
	walk("", reflect.ValueOf(v).Elem())
	return found
}

// leaf is a single value somewhere in a larger one.
type leaf struct {
	path   string
	change func() // sets it to something else, in place
}

// leaves returns all leaves of v, in a stable order.
func leaves(v any) []leaf {
	var all []leaf
	add := func(path string, change func()) {
		all = append(all, leaf{strings.TrimPrefix(path, "."), change})
	}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch {
		case v.Type() == quantityType:
			add(path, func() { v.Set(changed(v)) })
		case v.Type() == prefixType:
			add(path, func() { v.Set(reflect.ValueOf(netip.MustParsePrefix("192.0.2.0/24"))) })
		case v.Kind() == reflect.Pointer:
			walk(path, v.Elem())
			add(path+" removed", func() { v.SetZero() })
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
		case v.Kind() == reflect.Map:
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range keys {
				keyPath := path + "[" + k.String() + "]"
				add(keyPath, func() { v.SetMapIndex(k, changed(v.MapIndex(k))) })
				add(keyPath+" removed", func() { v.SetMapIndex(k, reflect.Value{}) })
			}
		default:
			add(path, func() { v.Set(changed(v)) })
		}
	}
	walk("", reflect.ValueOf(v).Elem())
	return all
}

// changed returns another value of the same type. A changed quantity shares the memory of the
// original, as a shallow copy would.
func changed(v reflect.Value) reflect.Value {
	to := reflect.New(v.Type()).Elem()
	switch {
	case v.Type() == quantityType:
		q, _ := v.Interface().(resource.Quantity)
		q.Add(resource.MustParse("1"))
		to.Set(reflect.ValueOf(q))
	case v.Kind() == reflect.String:
		to.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		to.SetBool(!v.Bool())
	case v.CanInt():
		to.SetInt(v.Int() + 1)
	default:
		panic("valuetest: changed has no case for " + v.Type().String())
	}
	return to
}
