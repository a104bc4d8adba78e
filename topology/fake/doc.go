// Package fake is a topology in memory. It implements every capability of package topology, for
// unit tests, demonstrations and programs that must not touch a cluster.
//
// It passes the same conformance suite as a Kubernetes cluster. What happens asynchronously in a
// cluster happens here immediately: a quota comes into force, and a namespace is removed. Only an
// [Outsider] can delay the removal.
//
// # Start
//
// [New] returns an empty [Topology] on the platform that [Options] describe; [DefaultPlatform] is
// what it is without options. [Topology.DryRun] returns the same infrastructure as a dry run sees
// it.
//
// # Look inside
//
// [Topology.State] copies everything that is stored, to compare it or to write it as JSON: a
// [State], with a [NamespaceState] for each namespace. [Topology.Counts] counts calls and writes
// ([Counts]), so that a test can show that a second run writes nothing.
//
// # Disturb it
//
// An [Outsider] changes the infrastructure without Polyphony: it causes drift, occupies
// names, puts objects and holds leases. [Topology.WithFaults] makes calls slow or lets them fail,
// each as a [Fault] says.
//
// # What is modelled
//
// The fake computes what a cluster computes, from what it stores: the values of Polyphony, and the
// objects, grants and network policies that an Outsider has put.
//
//   - [Topology.Authorize] evaluates every grant, and the read visibility of groups, by package
//     topology/rbac.
//   - [Topology.Reach] evaluates every network policy by package topology/netpolicy. What comes
//     from elsewhere in a cluster, such as policies of a CNI, does not exist here.
//   - [Topology.Admit] asks, in the order of a cluster: rights, limits, pod security, guardrails,
//     quota. Before that it sets the defaults of pods and claims that the checks look at. Limits
//     come from the LimitRange of the namespace. Pod security is the level of the namespace, as
//     internal/podsecurity checks it. Guardrails are those that are installed, as
//     internal/guardrail checks them. The quota counts the objects that are stored.
//   - [Topology.Violations] applies the guardrails to stored objects.
//   - [Topology.OverlappingDomains], [Topology.Volumes] and [Topology.Inspect] list what is stored.
//
// If the model cannot decide, the error is topology.ErrNotModelled; it never guesses "allowed". A
// write that is admitted is not stored. No packet is sent and no pod runs.
//
// Tests in topology/k8s compare the answers with those of an API server: twins_test.go about rights
// and connections (TestFakeAndClusterAgreeAboutAccess, TestFakeAndClusterAgreeAboutConnections),
// model_test.go about guardrails. Tests in internal/differential compare the evaluators with other
// implementations: reach_test.go that of connections, podsecurity_test.go that of pod security.
//
// # Files
//
// A file has the name of the port in package topology that it implements. A larger port has a
// second file, which adds what the part is about:
//
//   - what every topology has: topology.go, with the options, New and DryRun
//   - what makes up a tenant: namespaces.go, quotas.go, quotas_usage.go (what an object uses),
//     limitranges.go, networkisolation.go, accesscontrol.go, readvisibility.go, guardrails.go
//   - what surrounds tenants: platforms.go, domains.go, volumes.go, rosters.go, leases.go,
//     snapshots.go
//   - what can be asked: authorizer.go, admission.go, admission_defaults.go (the defaults of an
//     object), reachability.go, grantsinforce.go, inspector.go
//
// The others have no port of their own:
//
//   - state.go: what is stored, and a copy of it for tests
//   - slot.go: values of which a namespace has one each
//   - index.go: which namespaces have a domain, or grant rights to service accounts
//   - outsider.go and faults.go: changes and failures from outside
package fake
