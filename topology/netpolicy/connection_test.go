package netpolicy_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology/netpolicy"
)

func TestConnectionValidate(t *testing.T) {
	pod := netpolicy.Endpoint{Namespace: "acme"}
	outside := netpolicy.Endpoint{Address: netip.MustParseAddr("192.0.2.1")}
	tests := []struct {
		name string
		conn netpolicy.Connection
		want string // empty: valid
	}{
		{"between pods", netpolicy.Connection{From: pod, To: pod, Protocol: netpolicy.TCP, Port: 1}, ""},
		{"from outside", netpolicy.Connection{From: outside, To: pod, Protocol: netpolicy.UDP, Port: 53}, ""},
		{"to outside", netpolicy.Connection{From: pod, To: outside, Protocol: netpolicy.SCTP, Port: 65535}, ""},
		{
			"from nowhere", netpolicy.Connection{To: pod, Protocol: netpolicy.TCP, Port: 80},
			"a connection needs a namespace or an address at both ends",
		},
		{
			"to nowhere", netpolicy.Connection{From: pod, Protocol: netpolicy.TCP, Port: 80},
			"a connection needs a namespace or an address at both ends",
		},
		{
			"between two addresses", netpolicy.Connection{From: outside, To: outside, Protocol: netpolicy.TCP, Port: 80},
			"a connection needs a pod at one end; network policies do not apply between two outside addresses",
		},
		{
			"no protocol", netpolicy.Connection{From: pod, To: pod, Port: 80},
			"the protocol must be TCP, UDP or SCTP",
		},
		{
			"no port", netpolicy.Connection{From: pod, To: pod, Protocol: netpolicy.TCP},
			"the port must be 1 to 65535",
		},
		{
			"a port too high", netpolicy.Connection{From: pod, To: pod, Protocol: netpolicy.TCP, Port: 65536},
			"the port must be 1 to 65535",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.conn.Validate()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
		})
	}
}
