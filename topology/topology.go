package topology

import "context"

// Topology is infrastructure that Scores run on.
type Topology interface {
	// Name identifies the topology in reports and errors. It is constant, never empty, and needs no
	// request.
	Name() string

	// Ready describes the topology and reports whether it can be used. It writes nothing. An
	// unreachable topology is [ErrUnavailable]. Missing permissions are no error: see
	// [Readiness.Missing].
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
	// it is not known whether they are enforced.
	NetworkPlugin string `json:"networkPlugin,omitempty"`
}
