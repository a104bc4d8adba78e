package guardrail

import (
	"reflect"
	"slices"

	"github.com/polyphony-go/polyphony/topology/adapter"
)

// same reports whether two values are equal without their empty fields, which an API server adds
// and removes by itself.
func same(a, b any) bool { return reflect.DeepEqual(withoutEmpty(a), withoutEmpty(b)) }

// withoutEmpty returns a copy of a JSON value without empty texts and objects.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		filled := map[string]any{}
		for key, value := range v {
			if nested, ok := value.(map[string]any); value != "" && (!ok || len(nested) > 0) {
				filled[key] = withoutEmpty(value)
			}
		}
		return filled
	case []any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = withoutEmpty(v[i])
		}
		return items
	default:
		return v
	}
}

// sameKey reports whether two maps have the same value for a key, or both none.
func sameKey(a, b map[string]string, key string) bool {
	one, inOne := a[key]
	other, inOther := b[key]
	return inOne == inOther && one == other
}

// within reports whether a host is one of the domains or below one. A wildcard counts as the hosts
// that it stands for.
func within(domains []string, host string) bool {
	return slices.ContainsFunc(domains, func(d string) bool { return adapter.DomainContains(d, host) })
}

// without returns the list without the elements of the other one.
func without[V comparable](list, other []V) []V {
	return slices.DeleteFunc(slices.Clone(list), func(v V) bool { return slices.Contains(other, v) })
}
