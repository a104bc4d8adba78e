// Package topology defines the ports through which Polyphony sees infrastructure.
//
// A [Topology] is some infrastructure: a Kubernetes cluster, or a model of one in memory. What can be done with it is split
// into capabilities, one interface per concern ([Namespaces], [Quotas], [NetworkIsolation], ...). A Score names the
// capabilities that its Interpret calls, so handing it a topology that lacks one does not compile.
//
// Every capability keeps the same promises, which package topologytest checks on each adapter:
//
//   - Read answers what is in force, not what was asked for, as far as its value has words for it; Ensure compares all of it. What does not exist is [ErrNotFound].
//   - Ensure compares what is in force with the whole of what is wanted and writes only a difference, so a second call
//     writes nothing. What it did comes back as a [Change], together with the error if it failed half way. Labels, annotations and objects of others stay as they are;
//     an object in the way that Polyphony does not manage is [ErrConflict] and is left untouched.
//   - Delete of what is not there is no error: the Change says [Unchanged]. What Polyphony does not manage is never deleted.
//   - A cancelled context changes nothing more, and its error is in the chain.
//   - Values handed in or out are not aliased. Every method may be called from several goroutines.
//   - Errors are [*Error], match one of the sentinels by [errors.Is], and say what to do next.
package topology

import "context"

// Topology is infrastructure that Scores run on.
type Topology interface {
	// Name identifies the topology in reports and errors. It is constant, never empty, and needs no request.
	Name() string

	// Ready reports what the topology is and whether it can be worked with. It writes nothing. An unreachable topology is
	// [ErrUnavailable]; one that is reachable but lacks permissions is no error, see [Readiness.Missing].
	Ready(ctx context.Context) (Readiness, error)
}

// Readiness is what a topology says about itself.
type Readiness struct {
	Version      string `json:"version"`      // of the infrastructure, such as "v1.36.3"
	Distribution string `json:"distribution"` // "kubernetes", "openshift", "fake"

	// Missing are the permissions that the caller lacks for using every capability, such as "create networkpolicies.networking.k8s.io".
	// Empty means that nothing is missing.
	Missing []string `json:"missing,omitempty"`

	// NetworkPlugin is the recognised component that enforces network rules ("cilium", "calico", "ovn-kubernetes"). Empty means
	// that none was recognised: network rules are stored, but whether they are enforced cannot be seen.
	NetworkPlugin string `json:"networkPlugin,omitempty"`
}
