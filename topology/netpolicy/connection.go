package netpolicy

import (
	"errors"
	"net/netip"
	"slices"
)

// Connection is a connection to ask about. At least one end is a pod.
type Connection struct {
	From     Endpoint `json:"from"`     // the end that connects
	To       Endpoint `json:"to"`       // the end that is connected to
	Protocol Protocol `json:"protocol"` // TCP, UDP or SCTP
	Port     int32    `json:"port"`     // of To, 1 to 65535
}

// Endpoint is one end of a connection: a pod if it has a namespace, otherwise an address outside.
type Endpoint struct {
	Namespace string            `json:"namespace,omitempty"` // of the pod; empty: not a pod
	PodLabels map[string]string `json:"podLabels,omitempty"` // of the pod

	// Address is the address of the endpoint. A pod may have none; then no range of addresses
	// matches it.
	Address netip.Addr `json:"address,omitzero"`

	// PortNames are the named ports of a pod's containers, which policies can name.
	PortNames map[string]NamedPort `json:"portNames,omitempty"`
}

func (e Endpoint) isNowhere() bool { return e.Namespace == "" && !e.Address.IsValid() }

// NamedPort is the protocol and number of a named port.
type NamedPort struct {
	Protocol Protocol `json:"protocol"` // TCP, UDP or SCTP
	Port     int32    `json:"port"`     // 1 to 65535
}

// Validate refuses a connection that lacks a pod at one end, something at the other end, a protocol
// or a port.
func (c Connection) Validate() error {
	switch {
	case c.From.isNowhere(), c.To.isNowhere():
		return errors.New("a connection needs a namespace or an address at both ends")
	case c.From.Namespace == "" && c.To.Namespace == "":
		return errors.New("a connection needs a pod at one end; network policies do not apply between two outside addresses")
	case !slices.Contains([]Protocol{TCP, UDP, SCTP}, c.Protocol):
		return errors.New("the protocol must be TCP, UDP or SCTP")
	case c.Port < 1 || c.Port > 65535:
		return errors.New("the port must be 1 to 65535")
	}
	return nil
}
