// Package topology defines the ports through which Polyphony sees infrastructure, and their values.
//
// A [Topology] is some infrastructure: a Kubernetes cluster, or a model of one in memory. It
// describes itself by its [Readiness]. What can be done with it is split into capabilities, one
// interface and one file for each concern. A Score names the capabilities that its Interpret calls,
// so handing it a topology that lacks one does not compile.
//
// # What makes up a tenant
//
// These capabilities read, ensure and delete one value each:
//
//   - [Namespaces] is the boundary of a tenant: a [Namespace], with its level of [PodSecurity] and
//     its [Allowances], which say what guardrails let pass there, such as a [ServiceType].
//   - [Quotas] bounds what a tenant uses in total: a [Quota].
//   - [LimitRanges] bounds single containers, pods and claims: a [LimitRange] has a [Limit] for
//     each [LimitType].
//   - [NetworkIsolation] decides whom pods talk to: [NetworkRules] has for each direction a list of
//     [NetworkRule], each with its [NetworkPeer] and [NetworkPort] values.
//   - [AccessControl] decides who may do what in a namespace: an [Access] has a [Grant] for each
//     role.
//   - [ReadVisibility] decides who may read elsewhere: [ClusterReaders], who may read what
//     [ClusterReadRules] lists.
//   - [Guardrails] checks every write of every tenant: a [GuardrailSet] of rules, each a
//     [Guardrail]. [AllGuardrails], [GuardrailsWithout] and [ValidateGuardrails] are for lists of
//     rules. A [Violation] is an existing object that a rule would refuse.
//
// # What surrounds tenants
//
//   - [Platforms] describes the infrastructure: a [Platform], with each [StorageClass] and its
//     [VolumeBinding].
//   - [Domains] finds who serves a host: each is a [DomainHolder].
//   - [Volumes] lists the data of a tenant, each a [Volume].
//   - [Rosters] lists tenants. [Leases] keeps two runs apart with a [Lease]. [Snapshots] drops what
//     was cached, and a context of [Live] bypasses the cache ([IsLive] reports it).
//
// # What can be asked
//
//   - [Authorizer] answers whether a principal may do something.
//   - [Admission] answers what would become of a [Request]: its [Verdict] names the [Fence] that
//     refuses it.
//   - [Reachability] answers whether a connection is let through.
//   - [GrantsInForce] reads every grant. [Inspector] reads everything that isolation depends on: an
//     [Inspection], with a [NamespaceInspection] for each namespace.
//
// # What comes back
//
// Ensure and Delete return a [Change]: the [Kind] of the value, the [Action], and the values before
// and after. Its [FieldChange] list is for people. Methods report [Progress] while they run, to the
// listener that [WithProgress] puts into the context; adapters call [ReportProgress] with
// [Changed], [Retrying] or [Waiting].
//
// # What every capability promises
//
// Package topologytest checks these promises on each adapter:
//
//   - Read returns what is in force, not what was asked for, as far as the value can express it.
//     What does not exist is [ErrNotFound].
//   - Ensure compares the complete value in force with the desired one, and writes only a
//     difference. A second call writes nothing. It returns what it did as a [Change], together with
//     the error if it failed half way. It does not change labels, annotations and objects that
//     others own. If an object that Polyphony does not manage is in the way, the error is
//     [ErrConflict], and the object is left untouched.
//   - Delete of what does not exist is no error: the Change says [Unchanged]. What Polyphony does
//     not manage is never deleted.
//   - A cancelled context changes nothing more, and its error is in the chain.
//   - Values handed in or out are not aliased. Every method may be called from several goroutines.
//   - Errors are [*Error], match one of the sentinels by [errors.Is], and say what to do next.
//
// # Files
//
// Each capability has one file. Packages k8s, fake and topologytest have a file of the same name:
//
//   - what every topology has: topology.go
//   - what makes up a tenant: namespaces.go, quotas.go, limitranges.go, networkisolation.go,
//     accesscontrol.go, readvisibility.go, guardrails.go
//   - what surrounds tenants: platforms.go, domains.go, volumes.go, rosters.go, leases.go,
//     snapshots.go
//   - what can be asked: authorizer.go, admission.go, reachability.go, grantsinforce.go,
//     inspector.go
//
// What capabilities share has a file here alone:
//
//   - change.go, kind.go, errors.go and progress.go: what methods return and report
//   - labels.go: the labels and annotations that Polyphony writes
//   - allowances.go: the part of a Namespace that guardrails read
//
// # Related packages
//
// Packages rbac and netpolicy hold the values of rights and network policies, and evaluate them.
// Package adapter has what authors of adapters need. Packages fake and k8s are adapters.
package topology
