// Package polyphony is the map of a module that provisions tenants on shared Kubernetes clusters
// and proves that they are isolated. The package itself is empty: import the packages below.
//
// # Where to begin
//
//   - To provision a tenant: [tenant.TenantScore], [k8s.New] and [score.Run]. The program
//     examples/minimal has all three.
//   - To provision all tenants of a cluster, with a plan first: [roster.Score].
//   - To close what rights and quotas leave open: [guardrails.Score].
//   - To prove that tenants are isolated: [isolation.Score], and [tenanttest.Attack] in a test.
//   - To test your own program without a cluster: [fake.New].
//
// # How it works
//
// A Score is a desired state, as plain data. A Topology is infrastructure, seen through
// capabilities. An Interpret makes a Score true through the capabilities that it calls, so a Score
// on a topology that lacks one does not compile. A plan is the same run over the DryRun of a
// topology.
//
// Each run compares what is in force with what is wanted and writes only the difference. The
// cluster itself enforces everything that isolates a tenant. Nothing of this module has to keep
// running.
//
// # What users write
//
//   - [tenant]: a tenant's boundary, quota, network, storage and members, and its removal
//   - [tenant/roster]: all tenants of a topology as one Score, with plans that name risks
//   - [tenant/isolation]: the proof that tenants are isolated, and who may do what elsewhere
//   - [tenant/guardrails]: rules that the API server checks on every write of a tenant
//   - [tenant/tenanttest]: known attacks, tried against your own tenants, and what every adapter
//     owes to tenants and rosters
//
// # What runs it
//
//   - [score]: the contract of Scores, the Runner, its events and its report
//   - [score/progress]: a progress bar
//   - [score/otel]: OpenTelemetry spans of a run; a module of its own
//   - [score/scoretest]: what every Score owes, as a test
//   - [interpret]: the contract of Interprets, and the steps that they consist of
//
// # Infrastructure
//
//   - [topology]: the capabilities, the values that they take, and the errors that they return
//   - [topology/k8s]: a Kubernetes cluster
//   - [topology/fake]: the same in memory
//   - [topology/rbac]: rights as values, and their evaluation
//   - [topology/netpolicy]: network policies as values, and their evaluation
//   - [topology/adapter]: what authors of adapters need
//   - [topology/topologytest]: what every adapter owes, as a test for each capability
//
// Imports go one way: topology, interpret, score, tenant. Only programs import an adapter.
//
// # Inside
//
//   - internal/kube: the client of the API server, and below it what decorates it (cache, limiter,
//     retry, dryrun), apply, and the discovery of a cluster's name servers, ranges and nodes
//   - internal/guardrail: the guardrails in Go, as the fake applies them; internal/guardrail/policy
//     has them in CEL, as the API server evaluates them
//   - internal/podsecurity: the Pod Security Standards in Go
//   - internal/lease: how leases are taken and renewed, on any infrastructure
//   - internal/clone, internal/summary: copies of collections, and shortened lists
//   - internal/imports: which package may import which, and that documents name what exists
//   - internal/testcluster, internal/puppet, internal/faketest, internal/valuetest,
//     internal/differential and internal/packets: for tests
//   - internal/bench, internal/tools: measurements, and pinned tools
//
// # More
//
// The repository has a README, a guide for each subject in docs/guides, the decisions in docs/adr,
// and a program for each subject in examples. CONTRIBUTING.md says where to change what, and how to
// add a concern, a capability or an adapter. docs/compatibility.md says what is promised to
// importers. The documentation of a large package has a section Files.
//
// [tenant]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant
// [tenant.TenantScore]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant#TenantScore
// [tenant/roster]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/roster
// [roster.Score]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/roster#Score
// [tenant/isolation]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/isolation
// [isolation.Score]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/isolation#Score
// [tenant/guardrails]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/guardrails
// [guardrails.Score]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/guardrails#Score
// [tenant/tenanttest]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/tenanttest
// [tenanttest.Attack]: https://pkg.go.dev/github.com/polyphony-go/polyphony/tenant/tenanttest#Attack
// [score]: https://pkg.go.dev/github.com/polyphony-go/polyphony/score
// [score.Run]: https://pkg.go.dev/github.com/polyphony-go/polyphony/score#Run
// [score/progress]: https://pkg.go.dev/github.com/polyphony-go/polyphony/score/progress
// [score/otel]: https://pkg.go.dev/github.com/polyphony-go/polyphony/score/otel
// [score/scoretest]: https://pkg.go.dev/github.com/polyphony-go/polyphony/score/scoretest
// [interpret]: https://pkg.go.dev/github.com/polyphony-go/polyphony/interpret
// [topology]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology
// [topology/k8s]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/k8s
// [k8s.New]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/k8s#New
// [topology/fake]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/fake
// [fake.New]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/fake#New
// [topology/rbac]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/rbac
// [topology/netpolicy]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/netpolicy
// [topology/adapter]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/adapter
// [topology/topologytest]: https://pkg.go.dev/github.com/polyphony-go/polyphony/topology/topologytest
package polyphony
