package rbac

import (
	"errors"
	"fmt"
	"slices"
)

// Question asks whether a principal may do something.
type Question struct {
	// User is the name of the principal. For a service account it is
	// "system:serviceaccount:<namespace>:<name>".
	User   string   `json:"user,omitempty"`
	Groups []string `json:"groups,omitempty"` // the groups of the principal

	Verb        string `json:"verb"`                  // such as "get" or "create"
	APIGroup    string `json:"apiGroup,omitempty"`    // such as "apps"; "" is the core group
	Resource    string `json:"resource"`              // plural, such as "pods"
	Subresource string `json:"subresource,omitempty"` // such as "log"; empty: the resource itself
	Namespace   string `json:"namespace,omitempty"`   // empty: all of them, or a cluster-scoped resource
	Name        string `json:"name,omitempty"`        // of the object; empty: any object
}

// Validate refuses a question that lacks a principal, a verb or a resource.
func (q Question) Validate() error {
	if q.User == "" && len(q.Groups) == 0 || q.Verb == "" || q.Resource == "" {
		return errors.New("a question needs a user or groups, a verb and a resource")
	}
	return nil
}

// action names what is asked for, such as "get secrets" or "create deployments.apps/scale".
func (q Question) action() string {
	return q.Verb + " " + resourceText(q.APIGroup, q.Resource, q.Subresource)
}

// Answer is the answer to a [Question], and what decided it.
type Answer struct {
	Allowed bool `json:"allowed"` // a binding grants it

	// Reason names the binding that decides, for people. It may be empty for a refusal.
	Reason string `json:"reason,omitempty"`
}

// State answers questions from all bindings that are in force. Use [NewState].
type State struct {
	everywhere []Binding
	within     map[string][]Binding // by namespace
}

// NewState returns the state that consists of these bindings. It keeps them.
func NewState(bindings []Binding) State {
	s := State{within: map[string][]Binding{}}
	for _, b := range bindings {
		if b.Namespace == "" {
			s.everywhere = append(s.everywhere, b)
		} else {
			s.within[b.Namespace] = append(s.within[b.Namespace], b)
		}
	}
	return s
}

// masters is the group that may do everything, even without a grant.
const masters = "system:masters"

// Answer answers a valid question, as far as bindings decide. What a cluster decides by other
// means, such as a webhook or the rights of nodes, is not part of the answer.
func (s State) Answer(q Question) Answer {
	if slices.Contains(q.Groups, masters) {
		return Answer{Allowed: true, Reason: "the group " + masters + " may do everything"}
	}
	lists := [][]Binding{s.everywhere}
	if q.Namespace != "" {
		lists = append(lists, s.within[q.Namespace])
	}
	for _, list := range lists {
		for _, b := range list {
			subject, ok := b.holder(q)
			if ok && slices.ContainsFunc(b.Rules, func(r Rule) bool { return r.Allows(q) }) {
				return Answer{
					Allowed: true,
					Reason:  fmt.Sprintf("%s grants %s (%s) to %s", b, q.action(), b.roleText(), subject),
				}
			}
		}
	}
	return Answer{Reason: "nothing grants it"}
}

// holder returns the first subject of the binding that the question is asked for.
func (b Binding) holder(q Question) (Subject, bool) {
	i := slices.IndexFunc(b.Subjects, func(s Subject) bool { return s.Is(q.User, q.Groups) })
	if i < 0 {
		return Subject{}, false
	}
	return b.Subjects[i], true
}
