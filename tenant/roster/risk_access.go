package roster

import (
	"slices"
	"strings"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// risksOfAccess compares who may do what in the namespace.
func risksOfAccess(before, after topology.Access) []Risk {
	had := rulesBySubject(before)
	for subject, rules := range rulesBySubject(after) {
		if slices.ContainsFunc(rules, func(r rbac.Rule) bool { return givesMore(had[subject], r) }) {
			return []Risk{RiskWidens}
		}
	}
	return nil
}

// rulesBySubject returns the rules of each subject, under one of its names.
func rulesBySubject(a topology.Access) map[rbac.Subject][]rbac.Rule {
	rules := map[rbac.Subject][]rbac.Rule{}
	for _, g := range a.Grants {
		for _, s := range g.Subjects {
			if s.Kind == rbac.ServiceAccount && s.Namespace == "" { // as in Kubernetes: the grant's own
				s.Namespace = a.Namespace
			}
			if namespace, name := s.Account(); namespace != "" && name != "" {
				s = rbac.Subject{Kind: rbac.ServiceAccount, Namespace: namespace, Name: name}
			}
			rules[s] = append(rules[s], g.Rules...)
		}
	}
	return rules
}

// anyName is a name that no rule lists: it stands for every object that is not named.
const anyName = "\x00"

// givesMore reports whether a rule allows something that none of the rules before did. It asks for
// each combination that the rule lists. A "*" is only covered by a "*", since there is always
// another verb, group or resource.
func givesMore(before []rbac.Rule, r rbac.Rule) bool {
	names := r.ResourceNames
	if len(names) == 0 {
		names = []string{anyName}
	}
	for _, group := range r.APIGroups {
		for _, resource := range r.Resources {
			for _, verb := range r.Verbs {
				for _, name := range names {
					what, subresource, _ := strings.Cut(resource, "/")
					q := rbac.Question{Verb: verb, APIGroup: group, Resource: what, Subresource: subresource, Name: name}
					if !slices.ContainsFunc(before, func(b rbac.Rule) bool { return b.Allows(q) }) {
						return true
					}
				}
			}
		}
	}
	return false
}

// risksOfReaders compares the groups that may read everywhere.
func risksOfReaders(before, after topology.ClusterReaders) []Risk {
	if addsUncovered(before.Groups, after.Groups, func(a, b string) bool { return a == b }) {
		return []Risk{RiskWidens}
	}
	return nil
}
