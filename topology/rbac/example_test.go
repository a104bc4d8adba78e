package rbac_test

import (
	"fmt"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// A binding in one namespace grants nothing in another.
func ExampleState_Answer() {
	state := rbac.NewState([]rbac.Binding{{
		Kind: rbac.RoleBinding, Namespace: "acme", Name: "readers",
		Role:     rbac.RoleRef{Kind: rbac.ClusterRole, Name: "view"},
		Rules:    []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}}},
		Subjects: []rbac.Subject{{Kind: rbac.Group, Name: "acme-devs"}},
	}})
	question := rbac.Question{User: "jane", Groups: []string{"acme-devs"}, Verb: "list", Resource: "pods"}
	for _, namespace := range []string{"acme", "globex"} {
		question.Namespace = namespace
		answer := state.Answer(question)
		fmt.Printf("%s: %t: %s\n", namespace, answer.Allowed, answer.Reason)
	}
	// Output:
	// acme: true: RoleBinding acme/readers grants list pods (ClusterRole view) to Group acme-devs
	// globex: false: nothing grants it
}

// "*" stands for everything, and "*/scale" for that subresource of every resource.
func ExampleRule_Allows() {
	rule := rbac.Rule{APIGroups: []string{"apps"}, Resources: []string{"*/scale"}, Verbs: []string{"*"}}
	fmt.Println(rule.Allows(rbac.Question{Verb: "patch", APIGroup: "apps", Resource: "deployments", Subresource: "scale"}))
	fmt.Println(rule.Allows(rbac.Question{Verb: "patch", APIGroup: "apps", Resource: "deployments"}))
	// Output:
	// true
	// false
}
