package fake_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

func TestLeaseThroughFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := topology.Lease{Name: "roster", Holder: "host"}
		top := fake.New(fake.Options{})
		_, _, err := top.WithFaults(fake.Fault{Op: "hold", Kind: "Lease", Err: topology.ErrForbidden}).HoldLease(t.Context(), want)
		require.ErrorIs(t, err, topology.ErrForbidden)

		start := time.Now()
		held, release, err := top.WithFaults(fake.Fault{Op: "ensure", Kind: "Lease", After: 2, Err: topology.ErrUnavailable}).HoldLease(t.Context(), want)
		require.NoError(t, err)
		<-held.Done()
		require.ErrorIs(t, context.Cause(held), topology.ErrUnavailable)
		require.Equal(t, 15*time.Second, time.Since(start), "it was taken, renewed after 5s, and not after that")

		_, next, err := top.HoldLease(t.Context(), want)
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, time.Since(start), "it was only looked at once it was lost")
		release()
		next()
	})
}

func TestLeasesAreNoChange(t *testing.T) {
	top := fake.New(fake.Options{})
	before := top.State()
	_, release, err := top.HoldLease(t.Context(), topology.Lease{Name: "roster", Holder: "host"})
	require.NoError(t, err)
	require.Equal(t, fake.Counts{Calls: 1}, top.Counts())
	require.Equal(t, before, top.State())
	release()
	require.Equal(t, fake.Counts{Calls: 1}, top.Counts())
}
