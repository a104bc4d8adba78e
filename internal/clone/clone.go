// Package clone copies collections of values, element by element.
package clone

import "k8s.io/apimachinery/pkg/api/resource"

// Each returns a copy of a list whose elements are copied by copyOf. The copy of nil is nil.
func Each[V any](list []V, copyOf func(V) V) []V {
	if list == nil {
		return nil
	}
	copied := make([]V, len(list))
	for i, v := range list {
		copied[i] = copyOf(v)
	}
	return copied
}

// Pointer returns a pointer to a copy of what v points to. The copy of nil is nil.
func Pointer[V interface{ Clone() V }](v *V) *V {
	if v == nil {
		return nil
	}
	return new((*v).Clone())
}

// Quantities returns a deep copy of a map of amounts. The copy of nil is nil.
func Quantities(amounts map[string]resource.Quantity) map[string]resource.Quantity {
	if amounts == nil {
		return nil
	}
	copied := make(map[string]resource.Quantity, len(amounts))
	for name, amount := range amounts {
		copied[name] = amount.DeepCopy()
	}
	return copied
}
