// Package fake is a topology in memory. It implements every capability of package topology, for
// unit tests, demonstrations and programs that must not touch a cluster.
//
// It passes the same conformance suite as a Kubernetes cluster. What a cluster does by itself, such
// as bringing a quota into force or removing a namespace, happens here at once, unless an
// [Outsider] holds it up.
//
// # Start
//
// [New] returns an empty [Topology] on the platform that [Options] describe; [DefaultPlatform] is
// what it is without options. [Topology.DryRun] returns the same infrastructure as a dry run sees
// it. Each capability has its file, with the name that it has in package topology.
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
// [Topology.Admit] and [Topology.Reach] evaluate rights, limits, pod security, guardrails, quotas
// and network policies as a cluster does. What the model does not cover is topology.ErrNotModelled,
// and is never allowed by guess. No packet is sent and no pod runs.
package fake
