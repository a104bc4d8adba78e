package fake

import (
	"strings"

	"github.com/polyphony-go/polyphony/topology/adapter"
)

// index finds namespaces without going through all of them.
type index struct {
	held     lookup // by domain: who holds it
	within   lookup // by domain: who holds it, or something below it
	accounts lookup // by namespace: where its service accounts hold rights
}

// lookup are names of namespaces by something that they have.
type lookup map[string]map[string]bool

func (l lookup) set(what, name string, has bool) {
	switch {
	case !has:
		if delete(l[what], name); len(l[what]) == 0 {
			delete(l, what)
		}
	case l[what] == nil:
		l[what] = map[string]bool{name: true}
	default:
		l[what][name] = true
	}
}

// change alters a namespace, or what is in it, and keeps the index in step.
func (s *state) change(name string, do func()) {
	s.enter(name, false)
	do()
	s.enter(name, true)
}

func (s *state) enter(name string, has bool) {
	ns := s.namespaces[name]
	if ns == nil {
		return
	}
	for label, how := range adapter.DomainLabels(ns.value.Allowed.Domains) {
		domain := strings.TrimPrefix(label, adapter.LabelDomain)
		s.index.within.set(domain, name, has)
		if how == adapter.DomainHeld {
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
