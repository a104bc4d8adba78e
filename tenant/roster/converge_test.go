package roster

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/fake"
)

const defaultLease = "roster-default"

// requireFree fails if anyone holds the lease of the default roster.
func requireFree(t *testing.T, top *fake.Topology) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, release, err := top.HoldLease(ctx, topology.Lease{Name: defaultLease, Holder: "test"})
	require.NoError(t, err)
	release()
}

func TestCancelledRunNotesHowFarItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := fake.New(fake.Options{})
		s := rosterOf("a", "b", "c", "d", "e")
		ctx, cancel := context.WithCancel(t.Context())
		runner := score.Runner{Observe: func(e score.Event) {
			if f, ok := e.(score.Finished); ok && f.Score == "tenant/b" {
				cancel()
			}
		}}
		report, err := runner.Run(ctx, s.On(top))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, score.ErrSkipped)
		require.EqualError(t, err, "roster/default on fake: tenant/c on fake: skipped: context canceled, and 2 more")
		require.Equal(t, []string{"2 of 5 tenants done, 0 failed, 3 not begun"}, report.Results[0].Outcome.Notes)
		require.Contains(t, report.String(), "  ! 2 of 5 tenants done, 0 failed, 3 not begun\n")
		require.Contains(t, report.String(), "\nstopped: ")
		require.Len(t, report.Changes(), 12)
		requireFree(t, top)

		report, err = score.Run(t.Context(), s.On(top))
		require.NoError(t, err)
		require.Empty(t, report.Results[0].Outcome.Notes)
		require.Len(t, top.State().Namespaces, 5)
	})
}

func TestFailedRunNamesEachFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := fake.New(fake.Options{})
		for _, name := range []string{"b", "d"} {
			top.Outsider().CreateNamespace(name, "Helm")
		}
		report, err := score.Run(t.Context(), rosterOf("a", "b", "c", "d", "e").On(top))
		require.ErrorIs(t, err, topology.ErrConflict)
		require.ErrorContains(t, err, `tenant/b on fake: namespace: ensure Namespace "b": exists and is not managed by polyphony`)
		require.ErrorContains(t, err, `tenant/d on fake: namespace: ensure Namespace "d"`)
		require.Equal(t, []string{"3 of 5 tenants done, 2 failed, 0 not begun"}, report.Results[0].Outcome.Notes)
		requireFree(t, top)

		runner := score.Runner{Budget: 1}
		report, err = runner.Run(t.Context(), rosterOf("b", "a", "c", "e").On(top))
		require.ErrorIs(t, err, score.ErrBudget)
		require.ErrorContains(t, err, ", and 2 more")
		require.Equal(t, []string{"0 of 4 tenants done, 1 failed, 3 not begun"}, report.Results[0].Outcome.Notes)
	})
}

func TestRunStopsWhenItLosesTheLease(t *testing.T) {
	slow := fake.Fault{Op: "await", Latency: 4 * time.Second} // each tenant takes as long
	for name, lost := range map[string]struct {
		faults []fake.Fault
		thief  bool
		cause  error
		says   string
	}{
		"taken away":  {[]fake.Fault{slow}, true, topology.ErrConflict, `was taken by "thief", which holds it now`},
		"not renewed": {[]fake.Fault{slow, {Op: "ensure", Kind: "Lease", After: 1, Err: topology.ErrUnavailable}}, false, topology.ErrUnavailable, "could not be renewed for 10s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				top := fake.New(fake.Options{})
				if lost.thief {
					time.AfterFunc(9*time.Second, func() { top.Outsider().HoldLease(defaultLease, "thief", time.Hour) })
				}
				report, err := score.Run(t.Context(), rosterOf("a", "b", "c", "d", "e", "f", "g", "h").On(top.WithFaults(lost.faults...)))
				require.ErrorIs(t, err, lost.cause)
				require.ErrorContains(t, err, `the lease was lost: hold Lease "roster-default": `+lost.says)
				require.ErrorIs(t, err, context.Canceled, "those that it stopped say so")
				require.Contains(t, report.String(), "! 2 of 8 tenants done, 1 failed, 5 not begun\n")
				require.Len(t, top.State().Namespaces, 3)
				require.False(t, score.Transient(err))
			})
		})
	}
}

func TestRunWaitsForTheLease(t *testing.T) {
	for seconds, want := range map[int]time.Duration{0: 10 * time.Minute, 30: 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			top := fake.New(fake.Options{})
			top.Outsider().HoldLease(defaultLease, "somebody", time.Hour)
			s := rosterOf("acme")
			s.Wait = tenant.Duration(time.Duration(seconds) * time.Second)
			start := time.Now()
			report, err := score.Run(t.Context(), s.On(top))
			require.Equal(t, want, time.Since(start))
			require.ErrorIs(t, err, topology.ErrTimeout)
			require.ErrorContains(t, err, `lease: hold Lease "roster-default": "somebody" holds it; run again once that run has ended`)
			require.NotErrorIs(t, err, context.Canceled, "nobody has cancelled anything")
			require.NotContains(t, report.String(), "stopped")
			require.True(t, score.Transient(err), "they may be done a little later")
			require.Zero(t, top.Counts().Writes)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		top := fake.New(fake.Options{})
		top.Outsider().HoldLease(defaultLease, "somebody", time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := score.Run(ctx, rosterOf("acme").On(top))
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, top.Counts().Writes)
	})
}

func TestRunDoesNotWaitForAnotherRoster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := fake.New(fake.Options{})
		top.Outsider().HoldLease(defaultLease, "somebody", time.Hour)
		s := rosterOf("acme")
		s.ID = "west"
		start := time.Now()
		_, err := score.Run(t.Context(), s.On(top))
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
	})
}

// recorder records the number of calls before each Refresh.
type recorder struct {
	*fake.Topology
	before []int
}

func (r *recorder) Refresh() { r.before = append(r.before, r.Counts().Calls) }

func TestRunInvalidatesTheSnapshotAfterTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{Topology: fake.New(fake.Options{})}
		_, err := score.Run(t.Context(), rosterOf("acme").On(r))
		require.NoError(t, err)
		require.Equal(t, []int{1}, r.before, "after it has asked for the lease, and before anything else")
	})
}

func TestRunCollectsTheNotesOfTenants(t *testing.T) {
	s := named("acme")
	s.StorageAccess = tenant.StorageAccessConfig{Classes: []tenant.StorageClassAccess{{Name: "bulk", Capacity: amount("1Gi")}}, DefaultClass: "bulk"}
	platform := fake.DefaultPlatform()
	platform.StorageClasses = []topology.StorageClass{{Name: "bulk"}, {Name: "fast", Default: true}}
	report, err := score.Run(t.Context(), Score{Tenants: []tenant.TenantScore{s}}.On(fake.New(fake.Options{Platform: &platform})))
	require.NoError(t, err)
	require.Len(t, report.Results[0].Outcome.Notes, 1)
	require.Contains(t, report.Results[0].Outcome.Notes[0], `tenant/acme: the topology's default storage class is "fast"`)
}
