// Package adapter has what authors of adapters need.
//
// # Errors and changes
//
// A [Call] is one call of a capability. It makes the errors, the changes and the progress of that
// call, and is the only constructor of [*topology.Error]. [Read], [Ensure], [Delete], [Await],
// [Ask] and [Hold] return the call of a method with that name. Interprets use them for their own
// refusals.
//
// # Differences
//
// [Diff] names the fields in which two values differ, for people.
//
// # Domains
//
// [DomainLabels] marks the domains that a tenant serves, and [DomainsAbove] lists the domains that
// contain one. Two domains overlap if one of them contains the other: see [DomainContains].
//
// # Pod security
//
// [PodSecurityLabels] returns the labels of a pod security level.
package adapter
