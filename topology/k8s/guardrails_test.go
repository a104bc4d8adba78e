package k8s_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// Guardrails hold for a whole cluster, so these tests have one of their own.
func TestGuardrails(t *testing.T) {
	own, err := testcluster.Start(t.Context(), testcluster.Options{Log: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop()) })
	top, err := k8s.New(load(t, kubeconfigOf(t, own)), k8s.Options{Name: "test"})
	require.NoError(t, err)
	h := topologytest.Harness[*k8s.Topology]{Topology: top, DryRun: top.DryRun(), Outsider: outsider{adminOf(t, own)}}
	t.Run("Conformance", func(t *testing.T) { topologytest.Guardrails(t, h) })
}
