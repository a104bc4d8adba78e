package fake

import (
	"strings"

	"github.com/polyphony-go/polyphony/topology/adapter"
)

// index finds namespaces without a walk over all of them.
type index struct {
	held     lookup // domain -> namespaces that have it
	within   lookup // domain -> namespaces that have it or a domain below it
	accounts lookup // namespace -> namespaces in which its service accounts hold rights
}

func newIndex() index { return index{held: lookup{}, within: lookup{}, accounts: lookup{}} }

// lookup maps a property to the names of the namespaces that have it.
type lookup map[string]map[string]bool

// set records whether a namespace has a property.
func (l lookup) set(property, name string, has bool) {
	switch {
	case !has:
		if delete(l[property], name); len(l[property]) == 0 {
			delete(l, property)
		}
	case l[property] == nil:
		l[property] = map[string]bool{name: true}
	default:
		l[property][name] = true
	}
}

// change runs do, which changes a namespace or its contents, and updates the index.
func (s *state) change(name string, do func()) {
	s.indexNamespace(name, false)
	do()
	s.indexNamespace(name, true)
}

// indexNamespace adds the properties of a namespace to the index, or removes them.
func (s *state) indexNamespace(name string, has bool) {
	ns := s.namespaces[name]
	if ns == nil {
		return
	}
	for label, mark := range adapter.DomainLabels(ns.value.Allowed.Domains) {
		domain := strings.TrimPrefix(label, adapter.LabelDomain)
		s.index.within.set(domain, name, has)
		if mark == adapter.DomainHeld {
			s.index.held.set(domain, name, has)
		}
	}
	for _, g := range ns.allGrants() {
		for _, subject := range g.Subjects {
			if account, _ := subject.Account(); account != "" {
				s.index.accounts.set(account, name, has)
			}
		}
	}
}
