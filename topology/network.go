package topology

import "context"

// NetworkIsolation decides who can talk to the pods of a namespace and to whom these can talk.
type NetworkIsolation interface {
	NetworkRules(ctx context.Context, namespace string) (NetworkRules, error)
	EnsureNetworkRules(ctx context.Context, want NetworkRules) (Change, error)
	DeleteNetworkRules(ctx context.Context, namespace string) (Change, error)
}

// NetworkRules isolates every pod of a namespace in both directions. What no rule allows is denied: no rules, no traffic.
type NetworkRules struct {
	Namespace string        `json:"namespace"`
	Ingress   []NetworkRule `json:"ingress,omitempty"`
	Egress    []NetworkRule `json:"egress,omitempty"`
}

// NetworkRule allows traffic between the pods of the namespace and any of its peers on any of its ports.
type NetworkRule struct {
	Peers []NetworkPeer `json:"peers,omitempty" diff:"none=everybody"`  // none: everybody
	Ports []NetworkPort `json:"ports,omitempty" diff:"none=every port"` // none: every port of every protocol
}

// NetworkPeer is somebody to talk to: addresses if there is a CIDR, pods otherwise. The zero value is every pod of the namespace of the
// rules.
type NetworkPeer struct {
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"` // none: the namespace of the rules
	EveryNamespace  bool              `json:"everyNamespace,omitempty"`  // instead of NamespaceLabels
	PodLabels       map[string]string `json:"podLabels,omitempty"`       // none: every pod

	CIDR   string   `json:"cidr,omitempty"`   // such as "192.0.2.0/24"
	Except []string `json:"except,omitempty"` // ranges within CIDR that are left out
}

// Protocol is a transport protocol.
type Protocol string

// The protocols that network rules know.
const (
	TCP  Protocol = "TCP"
	UDP  Protocol = "UDP"
	SCTP Protocol = "SCTP"
)

// NetworkPort is a port, or the range from Port to EndPort.
type NetworkPort struct {
	Protocol Protocol `json:"protocol"`
	Port     int32    `json:"port,omitempty"`    // 0: every port of the protocol
	EndPort  int32    `json:"endPort,omitempty"` // 0: Port alone
}
