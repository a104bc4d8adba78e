package topology

import (
	"context"
	"fmt"
	"slices"
)

// GrantsInForce tells of every grant that there is, whoever made it, so that whole matrices of questions can be answered from one reading.
type GrantsInForce interface {
	// GrantsInForce lists every grant in every namespace and for the infrastructure as a whole, sorted by what grants.
	GrantsInForce(ctx context.Context) ([]GrantInForce, error)
}

// GrantInForce gives the rules of a role to its subjects, in one namespace or everywhere.
type GrantInForce struct {
	Binding   string    `json:"binding"`             // what grants, such as "RoleBinding globex/leak"
	Role      string    `json:"role"`                // what is granted, such as "ClusterRole edit"
	Namespace string    `json:"namespace,omitempty"` // where; empty: everywhere, and what is in no namespace
	Rules     []Rule    `json:"rules,omitempty"`     // none, if there is no such role
	Subjects  []Subject `json:"subjects,omitempty"`
}

// GrantState answers questions from all grants as they were read.
type GrantState struct {
	everywhere []GrantInForce
	within     map[string][]GrantInForce
}

// NewGrantState takes all grants that are in force.
func NewGrantState(grants []GrantInForce) GrantState {
	s := GrantState{within: map[string][]GrantInForce{}}
	for _, g := range grants {
		if g.Namespace == "" {
			s.everywhere = append(s.everywhere, g)
		} else {
			s.within[g.Namespace] = append(s.within[g.Namespace], g)
		}
	}
	return s
}

// masters is the group that may do everything, whatever is granted.
const masters = "system:masters"

// Answer answers a question that passes Check as [Authorizer] does, as far as grants decide: what an infrastructure decides by other means (a
// webhook, nodes' own rights) is not in it.
func (s GrantState) Answer(q AccessQuestion) AccessAnswer {
	if slices.Contains(q.Groups, masters) {
		return AccessAnswer{Allowed: true, Reason: "the group " + masters + " may do everything"}
	}
	lists := [][]GrantInForce{s.everywhere}
	if q.Namespace != "" {
		lists = append(lists, s.within[q.Namespace])
	}
	for _, list := range lists {
		for _, g := range list {
			if subject, ok := g.holder(q); ok && slices.ContainsFunc(g.Rules, func(r Rule) bool { return r.Allows(q) }) {
				return AccessAnswer{Allowed: true, Reason: fmt.Sprintf("%s grants %s (%s) to %s", g.Binding, q.action(), g.Role, subject)}
			}
		}
	}
	return AccessAnswer{Reason: "nothing grants it"}
}

// holder is the first subject of the grant that the question is asked for.
func (g GrantInForce) holder(q AccessQuestion) (Subject, bool) {
	i := slices.IndexFunc(g.Subjects, func(s Subject) bool { return s.Is(q.User, q.Groups) })
	if i < 0 {
		return Subject{}, false
	}
	return g.Subjects[i], true
}

// Is tells whether the subject is the user, or a group that the user is in.
func (s Subject) Is(user string, groups []string) bool {
	switch s.Kind {
	case Group:
		return slices.Contains(groups, s.Name)
	case User:
		return s.Name == user && user != ""
	case ServiceAccount:
		return s.Namespace != "" && user == "system:serviceaccount:"+s.Namespace+":"+s.Name
	default:
		return false
	}
}

// Allows tells whether the rule allows what is asked. "*" stands for every verb, group or resource, and "*/scale" for that subresource of every resource.
// A resource name "" is that of a question about any object, as in RBAC.
func (r Rule) Allows(q AccessQuestion) bool {
	resource := q.Resource
	if q.Subresource != "" {
		resource += "/" + q.Subresource
	}
	either := func(list []string, values ...string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
	}
	return either(r.Verbs, "*", q.Verb) && either(r.APIGroups, "*", q.APIGroup) &&
		(either(r.Resources, "*", resource) || q.Subresource != "" && either(r.Resources, "*/"+q.Subresource)) &&
		(len(r.ResourceNames) == 0 || either(r.ResourceNames, q.Name))
}

// action is what is asked for, such as "get secrets" or "create deployments.apps/scale".
func (q AccessQuestion) action() string {
	what := q.Verb + " " + q.Resource
	if q.APIGroup != "" {
		what += "." + q.APIGroup
	}
	if q.Subresource != "" {
		what += "/" + q.Subresource
	}
	return what
}
