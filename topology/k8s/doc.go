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
// # Where things are
//
// A file has the name of the port in package topology that it implements. The client and its
// decorators (cache, limiter, retry, dry run) are in internal/kube, what is discovered about a
// cluster in internal/kube/discovery, and the guardrails in CEL in internal/guardrail/policy.
package k8s
