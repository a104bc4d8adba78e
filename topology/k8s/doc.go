// Package k8s is the topology of a Kubernetes cluster. [New] returns a [Topology] for a cluster and
// [Options]; the zero Options discover what the cluster is.
//
// # What a tenant is
//
// A tenant is a namespace. Objects of Kubernetes isolate it: one ResourceQuota, one LimitRange, one
// NetworkPolicy, a Role and a RoleBinding for each role with members, and labels of pod security.
// Objects in a tenant's namespace are called "polyphony" or "polyphony-<role>", and carry the label
// tenancy.polyphony.dev/tenant, the mark of ownership. Objects of others stay untouched.
//
// Guardrails are ValidatingAdmissionPolicies, which the API server evaluates itself. Groups that
// may read everywhere are subjects of a few ClusterRoleBindings. Leases are Leases of
// coordination.k8s.io.
//
// # How an Ensure works
//
// An Ensure compares the whole specification with the desired one. It does not look at who wrote a
// field last, so it also repairs what others add to an object of Polyphony. It repairs a difference
// by replacing the specification at the version that it read. It keeps labels and annotations of
// others.
//
// Transient failures are retried with growing pauses: 429, 5xx, lost connections, conflicts, and
// the refusals of an API server that is still starting. Each attempt reads first.
//
// # Views of a cluster
//
//   - [Topology.DryRun] returns a view that writes nothing.
//   - [Topology.Snapshot] returns a view that reads all objects of a kind at once, for runs over
//     many tenants.
//
// # Permissions
//
// [Permissions], [AdmissionPermissions] and [LeasePermissions] return the rights that the caller
// needs. [Topology.Ready] lists those that are missing.
//
// # Evaluation
//
// [NetworkPolicyOf] turns a NetworkPolicy into a value that package netpolicy evaluates.
//
// # Files
//
// A file has the name of the port in package topology that it implements. A larger port has a
// second file, which adds what the part is about:
//
//   - what every topology has: topology.go, with the options, New and DryRun
//   - what makes up a tenant: namespaces.go, namespaces_inheritance.go (grants that a new
//     namespace would inherit), quotas.go, limitranges.go, networkisolation.go, accesscontrol.go,
//     readvisibility.go, guardrails.go, guardrails_violations.go (existing objects that the rules
//     would refuse)
//   - what surrounds tenants: platforms.go, domains.go, volumes.go, rosters.go, leases.go,
//     snapshots.go
//   - what can be asked: authorizer.go, admission.go, reachability.go, grantsinforce.go,
//     inspector.go
//
// The others have no port of their own, because several ports use them:
//
//   - objects.go: the names and labels of objects, and values that are stored as one object each
//   - rbac.go: rules and subjects of package rbac as objects of Kubernetes, and back
//   - allowances.go: the allowances of a namespace as annotations, and back
//   - permissions.go: the rights that the caller needs
//
// # Below this package
//
// The client and its decorators (cache, limiter, retry, dry run) are in internal/kube, what is
// discovered about a cluster in internal/kube/discovery, and the guardrails in CEL in
// internal/guardrail/policy.
package k8s
