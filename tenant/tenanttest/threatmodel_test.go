package tenanttest_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
)

var update = flag.Bool("update", false, "rewrite the table of attacks in docs/threat-model.md")

// TestThreatModelListsEveryAttack checks that the table of docs/threat-model.md lists the attacks
// that Attack tries.
func TestThreatModelListsEveryAttack(t *testing.T) {
	const path, end = "../../docs/threat-model.md", "<!-- end -->"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(data), "-update -->\n")
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok)

	means := map[topology.Fence]string{
		topology.FenceAccess: "RBAC", topology.FencePodSecurity: "PSA", topology.FenceQuota: "ResourceQuota", topology.FenceLimits: "LimitRange",
	}
	table := "\n| attack | stopped by |\n| --- | --- |\n"
	for _, a := range tenanttest.Attacks() {
		by := means[a.Fence]
		if a.Fence == topology.FenceGuardrails {
			by = "VAP " + string(a.Rule)
		}
		table += "| " + a.Name + " | " + by + " |\n"
	}
	want := before + "-update -->\n" + table + "\n" + end + after
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(data), "run the tests with -update to write docs/threat-model.md")
}
