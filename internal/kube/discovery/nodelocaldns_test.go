package discovery

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocalIPsReadsEveryForm(t *testing.T) {
	for _, args := range [][]string{{"-localip", "169.254.20.10,fd00::a"}, {"--localip=169.254.20.10,fd00::a"}, {"-x", "-localip=169.254.20.10, fd00::a,nonsense"}} {
		require.Equal(t, []netip.Addr{netip.MustParseAddr("169.254.20.10"), netip.MustParseAddr("fd00::a")}, localIPs(args))
	}
	require.Empty(t, localIPs([]string{"-localip"}))
}
