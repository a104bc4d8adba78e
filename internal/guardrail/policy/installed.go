package policy

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Installed holds the policies and bindings of Polyphony that a cluster has, complete or not.
type Installed struct {
	policies map[topology.Guardrail]*Policy
	bindings map[topology.Guardrail]*Binding
}

// NewInstalled returns what is installed, given all policies and bindings with the label of rules.
func NewInstalled(policies []*Policy, bindings []*Binding) Installed {
	i := Installed{policies: map[topology.Guardrail]*Policy{}, bindings: map[topology.Guardrail]*Binding{}}
	for _, p := range policies {
		if rule, ok := RuleOf(p); ok {
			i.policies[rule] = p
		}
	}
	for _, b := range bindings {
		if rule, ok := RuleOf(b); ok {
			i.bindings[rule] = b
		}
	}
	return i
}

// Policy returns the policy of a rule, nil if there is none.
func (i Installed) Policy(rule topology.Guardrail) *Policy { return i.policies[rule] }

// Binding returns the binding of a rule, nil if there is none.
func (i Installed) Binding(rule topology.Guardrail) *Binding { return i.bindings[rule] }

// Rules returns the rules that have a policy or a binding, the probe among them, sorted.
func (i Installed) Rules() []topology.Guardrail {
	rules := slices.AppendSeq(slices.Collect(maps.Keys(i.policies)), maps.Keys(i.bindings))
	slices.Sort(rules)
	return slices.Compact(rules)
}

// Set returns the rules that are complete and unaltered. Rules of another version cannot be
// compared, so those count that exist.
func (i Installed) Set() topology.GuardrailSet {
	var set topology.GuardrailSet
	for _, p := range i.policies {
		set.Version = max(set.Version, VersionOf(p))
	}
	for rule, p := range i.policies {
		b := i.bindings[rule]
		if b == nil || rule == Probe || p.DeletionTimestamp != nil || b.DeletionTimestamp != nil {
			continue
		}
		if set.Version == topology.GuardrailsVersion && !whole(rule, p, b) {
			continue
		}
		set.Rules = append(set.Rules, rule)
	}
	slices.Sort(set.Rules)
	return set
}

func whole(rule topology.Guardrail, p *Policy, b *Binding) bool {
	if !slices.Contains(topology.AllGuardrails(), rule) {
		return true
	}
	wantPolicy, wantBinding := Render(rule)
	return len(adapter.Diff(p.Spec, wantPolicy.Spec)) == 0 && len(adapter.Diff(b.Spec, wantBinding.Spec)) == 0
}

// Altered reports whether one of the rules is installed with another specification than this
// release renders. [Installed.Set] does not count such a rule, but its policy may still refuse
// writes.
func (i Installed) Altered() bool {
	counted := i.Set().Rules
	for _, rule := range i.Rules() {
		if rule != Probe && !slices.Contains(counted, rule) {
			return true
		}
	}
	return false
}

// Digest returns a text that changes with every change of a policy or binding, except the probe's.
func (i Installed) Digest() string {
	var lines []string
	for _, rule := range i.Rules() {
		if p := i.policies[rule]; p != nil && rule != Probe {
			lines = append(lines, fmt.Sprint("policy ", rule, p.UID, p.Generation))
		}
		if b := i.bindings[rule]; b != nil && rule != Probe {
			lines = append(lines, fmt.Sprint("binding ", rule, b.UID, b.Generation))
		}
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(strings.Join(lines, "\n"))) // never fails
	return strconv.FormatUint(hash.Sum64(), 36)
}
