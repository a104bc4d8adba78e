// Package rbac holds the values of role-based access control, and evaluates them without any I/O.
//
// # Values
//
// A [Rule] allows verbs on resources. A [Subject] is a principal that can hold rights: a group, a
// user or a service account (its [SubjectKind]). A [Binding] gives the rules of a role (its
// [RoleRef], with a [RoleKind]) to subjects, in one namespace or everywhere (its [BindingKind]).
// Rules and bindings have a Clone method, since they hold slices.
//
// # Evaluation
//
// A [State] is a set of bindings, which [NewState] indexes. [State.Answer] answers a [Question]
// with an [Answer], as the RBAC authorizer of Kubernetes does. What else authorizes requests in a
// cluster, such as a webhook or the node authorizer, is not part of the answer.
//
// # For people and for programs
//
// The String methods and [Answer.Reason] are for people, and their wording may change. Programs
// decide by the fields of the values.
//
// Source: the RBAC API, rbac.authorization.k8s.io/v1.
package rbac
