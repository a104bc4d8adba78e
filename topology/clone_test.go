package topology_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/netpolicy"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// portValue makes, copies and compares values of one type of the ports. Values are pointers.
type portValue struct {
	filled func() any // every field is set, each to something else
	clone  func(any) any
	diff   func(a, b any) []topology.FieldChange
}

func portValues() map[string]portValue {
	return map[string]portValue{
		"Namespace": valueOf[topology.Namespace](), "Quota": valueOf[topology.Quota](), "LimitRange": valueOf[topology.LimitRange](),
		"NetworkRules": valueOf[topology.NetworkRules](), "NetworkRule": valueOf[topology.NetworkRule](), "NetworkPeer": valueOf[topology.NetworkPeer](),
		"Access": valueOf[topology.Access](), "ClusterReaders": valueOf[topology.ClusterReaders](), "Platform": valueOf[topology.Platform](),
		"Allowances": valueOf[topology.Allowances](), "GuardrailSet": valueOf[topology.GuardrailSet](),
		"NetworkPolicy": valueOf[netpolicy.Policy](), "LabelSelector": valueOf[netpolicy.Selector](),
		"Rule": valueOf[rbac.Rule](), "Grant": valueOf[topology.Grant](), "GrantInForce": valueOf[rbac.Binding](),
	}
}

func valueOf[V interface{ Clone() V }]() portValue {
	return portValue{
		filled: func() any {
			v, n := new(V), 0
			fill(reflect.ValueOf(v).Elem(), &n)
			return v
		},
		clone: func(v any) any { return new((*v.(*V)).Clone()) },
		diff:  func(a, b any) []topology.FieldChange { return adapter.Diff(*a.(*V), *b.(*V)) },
	}
}

func TestCloneIsEqualAndSharesNothing(t *testing.T) {
	for name, v := range portValues() {
		t.Run(name, func(t *testing.T) {
			original := v.filled()
			copied := v.clone(original)
			require.Equal(t, original, copied)
			require.Empty(t, v.diff(original, copied))

			mine, theirs := references(original), references(copied)
			require.Len(t, theirs, len(mine))
			for path, pointer := range mine {
				require.NotEqual(t, pointer, theirs[path], "%s is shared", path)
			}
			for _, leaf := range leaves(copied) {
				leaf.change()
				require.Equal(t, v.filled(), original, "changing the copy's %s changed the original", leaf.path)
			}
		})
	}
}

func TestCloneKeepsNil(t *testing.T) {
	require.Equal(t, topology.Namespace{}, topology.Namespace{}.Clone())
	require.Equal(t, topology.Quota{}, topology.Quota{}.Clone())
	require.Equal(t, topology.LimitRange{}, topology.LimitRange{}.Clone())
	require.Equal(t, topology.NetworkRules{}, topology.NetworkRules{}.Clone())
	require.Equal(t, topology.Access{}, topology.Access{}.Clone())
	require.Equal(t, topology.ClusterReaders{}, topology.ClusterReaders{}.Clone())
	require.Equal(t, topology.Platform{}, topology.Platform{}.Clone())
	require.Equal(t, topology.Allowances{}, topology.Allowances{}.Clone())
	require.Equal(t, topology.GuardrailSet{}, topology.GuardrailSet{}.Clone())
}

// Whoever adds a type with a Clone method adds it to portValues.
func TestEveryCloneIsTested(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	have := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "Clone" && f.Recv != nil {
				have[f.Recv.List[0].Type.(*ast.Ident).Name] = true
			}
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(portValues())), slices.Collect(maps.Keys(have)))
}

var (
	quantityType = reflect.TypeFor[resource.Quantity]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
)

// fill sets everything in v to something else each time. Quantities are too large for an int64, so that they hold a pointer.
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
		panic("fill: teach me " + v.Type().String())
	}
}

// references are all slices, maps and pointers that can be reached from v, by path.
func references(v any) map[string]uintptr {
	found := map[string]uintptr{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == prefixType {
				return // immutable, its parts are interned
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

// leaves are all of them, in a stable order.
func leaves(v any) []leaf {
	var all []leaf
	add := func(path string, change func()) { all = append(all, leaf{strings.TrimPrefix(path, "."), change}) }
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch {
		case v.Type() == quantityType:
			add(path, func() { v.Addr().Interface().(*resource.Quantity).Add(resource.MustParse("1")) })
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

// changed is another value of the same type. Of a quantity it shares the memory, as a shallow copy would.
func changed(v reflect.Value) reflect.Value {
	to := reflect.New(v.Type()).Elem()
	switch {
	case v.Type() == quantityType:
		q := v.Interface().(resource.Quantity)
		q.Add(resource.MustParse("1"))
		to.Set(reflect.ValueOf(q))
	case v.Kind() == reflect.String:
		to.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		to.SetBool(!v.Bool())
	case v.CanInt():
		to.SetInt(v.Int() + 1)
	default:
		panic("changed: teach me " + v.Type().String())
	}
	return to
}
