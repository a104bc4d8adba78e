// Package netpolicy holds network policies as values, and evaluates them without any I/O.
//
// # Values
//
// A [Policy] selects pods with a [Selector] (labels and [Requirement] values, each with an
// [Operator]) and has [Rules] for connections to them and from them. A [Rule] allows connections
// with any [Peer] on any [Port] of a [Protocol]. These values have a Clone method, since they hold
// pointers, slices and maps.
//
// # Evaluation
//
// A [Connection] goes from one [Endpoint] to another; an endpoint of a pod can have a [NamedPort].
// A [State] is a set of policies. [State.Reach] reports with an [Answer] whether the policies let a
// connection through. Policies add up: a pod that no policy selects for a direction is open in that
// direction, and a pod that some policies select may do what any of them allows.
//
// The [Decision] values of an Answer name the policies and the rule that decide, for each
// [Direction].
//
// A State does not know whether anything enforces the policies. In a cluster, a network plugin
// does.
//
// # For people and for programs
//
// The String methods and [Answer.Reason] are for people, and their wording may change. Programs
// decide by the fields of the values.
//
// Source: the NetworkPolicy API, networking.k8s.io/v1.
package netpolicy
