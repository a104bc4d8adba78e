package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

func TestLeaseValidateRefusesWhatCannotBeHeld(t *testing.T) {
	for _, good := range []topology.Lease{
		{Name: "roster", Holder: "host-a"}, {Name: "a.b-c.d", Holder: "The machine of a colleague"}, {Name: strings.Repeat("a", 200), Holder: "h"},
		{Name: "roster", Holder: "h", Duration: 100 * time.Millisecond}, {Name: "roster", Holder: "h", Duration: 24 * time.Hour},
	} {
		require.NoError(t, good.Validate(), "%v", good)
	}
	for problem, bad := range map[string]topology.Lease{
		"RFC 1123":            {Name: "Roster", Holder: "h"},
		"must consist":        {Name: "a/b", Holder: "h"},
		"subdomain":           {Holder: "h"},
		"200 characters":      {Name: strings.Repeat("a", 201), Holder: "h"},
		"needs a holder":      {Name: "roster"},
		"-1ns is not between": {Name: "roster", Holder: "h", Duration: -1},
		"99ms is not between": {Name: "roster", Holder: "h", Duration: 99 * time.Millisecond},
		"not between 100ms":   {Name: "roster", Holder: "h", Duration: 24*time.Hour + 1},
	} {
		err := bad.Validate()
		require.ErrorContains(t, err, problem)
	}
}
