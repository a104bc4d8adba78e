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

func TestHoldLeaseWithFaults(t *testing.T) {
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
		require.Equal(t, 15*time.Second, time.Since(start), "it was renewed once, after 5s")

		_, next, err := top.HoldLease(t.Context(), want)
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, time.Since(start), "the loss of a suspended holder is seen when it resumes")
		release()
		next()
	})
}

func TestHoldLeaseChangesNoState(t *testing.T) {
	top := fake.New(fake.Options{})
	before := top.State()
	_, release, err := top.HoldLease(t.Context(), topology.Lease{Name: "roster", Holder: "host"})
	require.NoError(t, err)
	require.Equal(t, fake.Counts{Calls: 1}, top.Counts())
	require.Equal(t, before, top.State())
	release()
	require.Equal(t, fake.Counts{Calls: 1}, top.Counts())
}
