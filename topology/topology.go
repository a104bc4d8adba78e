// Package topology defines the ports through which Polyphony sees infrastructure.
//
// A [Topology] is some infrastructure: a Kubernetes cluster, or a model of one in memory. What can
// be done with it is split into capabilities, one interface and one file for each concern. A Score
// names the capabilities that its Interpret calls, so handing it a topology that lacks one does not
// compile.
//
// # Capabilities
//
// What makes up a tenant: [Namespaces] is its boundary, [Quotas] and [LimitRanges] bound what it
// uses, [NetworkIsolation] decides whom its pods talk to, [AccessControl] and [ReadVisibility]
// decide who may do what. [Guardrails] are rules that the infrastructure checks on every write of
// every tenant, and [Domains] finds who serves a host.
//
// What surrounds tenants: [Platforms] describes the infrastructure, [Volumes] lists data, [Rosters]
// lists tenants, [Leases] keeps two runs apart, and [Snapshots] drops what was cached.
//
// What can be asked: [Authorizer] whether a principal may do something, [Admission] what would
// become of a request, [Reachability] whether a connection is let through. [GrantsInForce] and
// [Inspector] read everything that isolation depends on at once.
//
// # What every capability promises
//
// Package topologytest checks these promises on each adapter:
//
//   - Read returns what is in force, not what was asked for, as far as the value can express it. What
//     does not exist is [ErrNotFound].
//   - Ensure compares the whole of what is in force with the whole of what is wanted, and writes only a
//     difference. A second call writes nothing. What it did comes back as a [Change], together with the
//     error if it failed half way. Labels, annotations and objects of others stay as they are. An object
//     in the way that Polyphony does not manage is [ErrConflict] and is left untouched.
//   - Delete of what does not exist is no error: the Change says [Unchanged]. What Polyphony does not
//     manage is never deleted.
//   - A cancelled context changes nothing more, and its error is in the chain.
//   - Values handed in or out are not aliased. Every method may be called from several goroutines.
//   - Errors are [*Error], match one of the sentinels by [errors.Is], and say what to do next.
//
// # Related packages
//
// Packages rbac and netpolicy hold the values of rights and network policies, and evaluate them.
// Package adapter has what authors of adapters need. Packages fake and k8s are adapters.
package topology

import "context"

// Topology is infrastructure that Scores run on.
type Topology interface {
	// Name identifies the topology in reports and errors. It is constant, never empty, and needs no
	// request.
	Name() string

	// Ready reports what the topology is and whether it can be worked with. It writes nothing. An
	// unreachable topology is [ErrUnavailable]. A reachable one that lacks permissions is no error:
	// see [Readiness.Missing].
	Ready(ctx context.Context) (Readiness, error)
}

// Readiness is what a topology reports about itself.
type Readiness struct {
	Version      string `json:"version"`      // of the infrastructure, such as "v1.36.3"
	Distribution string `json:"distribution"` // "kubernetes", "openshift", "fake"

	// Missing lists the permissions that the caller lacks for using every capability, such as
	// "create networkpolicies.networking.k8s.io". Empty: none.
	Missing []string `json:"missing,omitempty"`

	// NetworkPlugin is the recognised component that enforces network rules: "cilium", "calico",
	// "ovn-kubernetes" or "antrea". Empty: none was recognised. Network rules are then stored, but
	// nobody can see whether they are enforced.
	NetworkPlugin string `json:"networkPlugin,omitempty"`
}
