package fake_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func TestAwaitReportsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := fake.New(fake.Options{})
		var reports []topology.Progress
		ctx := topology.WithProgress(t.Context(), func(p topology.Progress) { reports = append(reports, p) })
		_, err := top.EnsureNamespace(ctx, topology.Namespace{Name: "acme", PodSecurity: topology.PodSecurityRestricted})
		require.NoError(t, err)
		_, err = top.EnsureQuota(ctx, topology.Quota{Namespace: "acme"})
		require.NoError(t, err)
		require.NoError(t, top.AwaitQuota(ctx, "acme"))
		require.Empty(t, reports, "a quota that is in force needs no wait")

		slow := top.WithFaults(fake.Fault{Latency: time.Minute})
		_, err = slow.Quota(ctx, "acme")
		require.NoError(t, err)
		require.Empty(t, reports, "a slow answer is no wait")
		require.NoError(t, slow.AwaitQuota(ctx, "acme"))
		require.Equal(t, []topology.Progress{topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"}}, reports)

		reports = nil
		go func() {
			time.Sleep(time.Second)
			_, err := top.DeleteNamespace(t.Context(), "acme")
			assert.NoError(t, err)
		}()
		require.NoError(t, top.AwaitNamespaceGone(ctx, "acme"))
		require.NoError(t, top.AwaitNamespaceGone(ctx, "acme"))
		require.Equal(t, []topology.Progress{topology.Waiting{Kind: "Namespace", Name: "acme", For: "be gone"}}, reports)
	})
}
