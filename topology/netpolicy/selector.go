package netpolicy

import (
	"maps"
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/internal/clone"
)

// Selector selects by labels: all of its conditions must hold. The zero value selects everything.
type Selector struct {
	Labels      map[string]string `json:"labels,omitempty"`      // labels that must have these values
	Expressions []Requirement     `json:"expressions,omitempty"` // further conditions
}

// Requirement is one condition on the value of a label.
type Requirement struct {
	Key      string   `json:"key"`              // of the label
	Operator Operator `json:"operator"`         // how the label is compared with Values
	Values   []string `json:"values,omitempty"` // for In and NotIn; otherwise empty
}

// Operator compares a label with values.
type Operator string

// The operators. NotIn also holds if the label is missing; In does not.
const (
	In           Operator = "In"           // the label has one of the values
	NotIn        Operator = "NotIn"        // the label has none of the values
	Exists       Operator = "Exists"       // the label is set
	DoesNotExist Operator = "DoesNotExist" // the label is not set
)

// Clone returns a copy that shares nothing with s.
func (s Selector) Clone() Selector {
	s.Labels = maps.Clone(s.Labels)
	s.Expressions = clone.Each(s.Expressions, func(r Requirement) Requirement {
		r.Values = slices.Clone(r.Values)
		return r
	})
	return s
}

// Matches reports whether the selector selects something with these labels. An unknown operator
// selects nothing.
func (s Selector) Matches(labels map[string]string) bool {
	for key, value := range s.Labels {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return !slices.ContainsFunc(s.Expressions, func(r Requirement) bool { return !r.holds(labels) })
}

func (r Requirement) holds(labels map[string]string) bool {
	have, ok := labels[r.Key]
	switch r.Operator {
	case In:
		return ok && slices.Contains(r.Values, have)
	case NotIn:
		return !ok || !slices.Contains(r.Values, have)
	case Exists:
		return ok
	case DoesNotExist:
		return !ok
	default:
		return false
	}
}

func (s Selector) isEmpty() bool { return len(s.Labels)+len(s.Expressions) == 0 }

// String prints the selector as "app=web,tier notin (a, b),team exists".
func (s Selector) String() string {
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		texts = append(texts, key+"="+s.Labels[key])
	}
	for _, e := range s.Expressions {
		text := e.Key + " " + strings.ToLower(string(e.Operator))
		if len(e.Values) > 0 {
			text += " (" + strings.Join(e.Values, ", ") + ")"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}
