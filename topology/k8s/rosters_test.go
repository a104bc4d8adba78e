package k8s_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant/roster"
	"github.com/polyphony-go/polyphony/topology"
)

// newRoster returns a roster of n tenants with ten objects each.
func newRoster(t *testing.T, client *kubernetes.Clientset, n int) roster.Score {
	t.Helper()
	id := fmt.Sprintf("pk-%s-%d", runID, tenants.Add(1))
	s := roster.Score{ID: id, Tenants: tenantScores(id, n)}
	for _, tenant := range s.Tenants {
		removeLater(t, client, tenant.TenantConfig.Name)
	}
	return s
}

// requireUnchanged requires that another run changes nothing and sends at most so many requests.
func requireUnchanged(t *testing.T, s roster.Score, kubeconfig string, most int) {
	t.Helper()
	var calls recorder
	report, err := score.Runner{Concurrency: 32}.Run(t.Context(), s.On(patient{clusterOf(t, kubeconfig, calls.wrap).Snapshot()}))
	require.NoError(t, err)
	require.False(t, report.Changed())
	all, writes := calls.take()
	require.Empty(t, beyondLeases(writes))
	require.LessOrEqual(t, len(all), most, "%v", all)
}

func beyondLeases(writes []string) []string {
	var others []string
	for _, w := range writes {
		if !strings.Contains(w, "/leases") {
			others = append(others, w)
		}
	}
	return others
}

// restart is the outcome of a restart of the API server.
type restart struct {
	err  error
	took time.Duration
}

// One request in seven fails with a transient fault, and the API server is killed in the middle.
// The tenants are in another cluster than those of other tests.
func TestRosterOfAThousandSurvivesFaults(t *testing.T) {
	t.Parallel()
	own, err := testcluster.Start(t.Context(), testcluster.Options{Log: t.Output()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop()) })
	client, kubeconfig := adminOf(t, own), kubeconfigOf(t, own)
	s := roster.Score{ID: "thousand", Tenants: tenantScores("thousand", 1000)}
	want := undisturbed(t, client, clusterOf(t, kubeconfig), s)

	var calls recorder
	weather, half := newStorm(1), make(chan struct{})
	middle := &cutter{nth: len(s.Tenants) * rosterObjects / 2, after: true, cut: func() { close(half) }}
	restarted := make(chan restart, 1)
	go func() {
		select {
		case <-half:
			began := time.Now()
			restarted <- restart{own.RestartAPIServer(t.Context()), time.Since(began)}
		case <-t.Context().Done():
		}
	}()
	top, runner := clusterOf(t, kubeconfig, middle.wrap, weather.wrap, calls.wrap), score.Runner{Concurrency: 32, Retries: 5}
	began := time.Now()
	report, err := runner.Run(t.Context(), s.On(patient{top.Snapshot()}))
	require.True(t, middle.reached(), "%v", err)
	away := <-restarted
	require.NoError(t, away.err)
	all, writes := calls.take()
	t.Logf("%s, of which the API server was away %s; %d requests, %d of them writes, of which so many failed: %v", time.Since(began), away.took, len(all), len(writes), weather.hits)
	if err != nil { // such as a request that failed as often as it may be tried
		t.Log(report.Results[0].Outcome.Notes, err)
		_, err = runner.Run(t.Context(), s.On(patient{top.Snapshot()}))
	}
	require.NoError(t, err)
	requireConverged(t, client, s, want)
	requireUnchanged(t, s, kubeconfig, 40)
}

// awaitTenants waits until a roster has so many tenants.
func awaitTenants(t *testing.T, client *kubernetes.Clientset, roster string, n int) {
	t.Helper()
	watch, err := client.CoreV1().Namespaces().Watch(t.Context(), ofRoster(roster))
	require.NoError(t, err)
	defer watch.Stop()
	for event := range watch.ResultChan() {
		if event.Type == apiwatch.Added {
			n--
		}
		if n == 0 {
			return
		}
	}
	require.Fail(t, "the watch has ended", "%d are still missing", n)
}

// onWaiting returns an observer that calls do once when a run waits for an object of this kind.
func onWaiting(kind topology.Kind, do func()) func(score.Event) {
	var once sync.Once
	return func(e score.Event) {
		if w, ok := e.(score.Waiting); ok && w.Kind == kind {
			once.Do(do)
		}
	}
}

// successor is a run of a roster that waits for the lease, and records when its first write is due.
type successor struct {
	calls            recorder
	waiting, proceed chan struct{}
	due              chan time.Time // of the first write
	ended            chan error
}

func succeed(t *testing.T, kubeconfig string, s roster.Score) *successor {
	t.Helper()
	next := &successor{
		waiting: make(chan struct{}),
		proceed: make(chan struct{}),
		due:     make(chan time.Time, 1),
		ended:   make(chan error, 1),
	}
	top := clusterOf(t, kubeconfig, next.wrap, next.calls.wrap)
	go func() {
		_, err := score.Runner{Concurrency: 16, Observe: onWaiting(topology.KindLease, func() { close(next.waiting) })}.Run(t.Context(), s.On(patient{top.Snapshot()}))
		next.ended <- err
	}()
	select {
	case <-next.waiting:
	case err := <-next.ended:
		require.Fail(t, "it did not wait", "%v", err)
	}
	return next
}

func (n *successor) wrap(next http.RoundTripper) http.RoundTripper {
	var once sync.Once
	return tripper(func(req *http.Request) (*http.Response, error) {
		if isWrite(req.Method, req.URL.Path) {
			once.Do(func() {
				n.due <- time.Now()
				<-n.proceed
			})
		}
		return next.RoundTrip(req)
	})
}

// A process is killed in the middle of a roster, while another run waits for its lease. The process
// stalls in the middle, so the time of the kill does not matter.
func TestRosterTakesOverAfterAKill(t *testing.T) {
	t.Parallel()
	client, path := admin(t), kubeconfig(t)
	s := newRoster(t, client, 60)
	want := undisturbed(t, client, clusterOf(t, path), newRoster(t, client, 1))
	holder, err := script{Kubeconfig: path, Roster: &s, Concurrency: 4, StallAt: len(s.Tenants) * rosterObjects / 2}.command(t)
	require.NoError(t, err)
	holder.Stderr = os.Stderr
	require.NoError(t, holder.Start())
	awaitTenants(t, client, s.ID, 1)
	next := succeed(t, path, s)
	awaitTenants(t, client, s.ID, len(s.Tenants)/3)
	require.NoError(t, holder.Process.Signal(syscall.SIGKILL))
	require.ErrorContains(t, holder.Wait(), "killed")

	requireNoneOpen(t, client, s.ID)
	atKill := states(t, client, s.ID)
	require.Less(t, len(atKill), len(s.Tenants), "the process was killed in the middle")
	renewed := leaseOf(t, metav1.NamespaceSystem, "roster-"+s.ID).Spec.RenewTime.Time
	require.GreaterOrEqual(t, (<-next.due).Sub(renewed), 15*time.Second, "the successor waits until the lease expires")
	all, writes := next.calls.take()
	require.Len(t, writes, 1, "the lease")
	require.Empty(t, beyondLeases(all), "the successor reads nothing before it has the lease")
	require.Equal(t, atKill, states(t, client, s.ID))
	close(next.proceed)

	require.NoError(t, <-next.ended)
	require.Equal(t, int32(1), *leaseOf(t, metav1.NamespaceSystem, "roster-"+s.ID).Spec.LeaseTransitions)
	requireConverged(t, client, s, want)
	requireUnchanged(t, s, path, 40)
}

// ends counts the tenants by outcome.
type ends struct{ done, failed, skipped int }

func (n *ends) observe(e score.Event) {
	f, ok := e.(score.Finished)
	switch {
	case !ok || !strings.HasPrefix(f.Score, "tenant/"):
	case f.Skipped:
		n.skipped++
	case f.Err != nil:
		n.failed++
	default:
		n.done++
	}
}

// A run is cancelled in the middle, and another run continues at once.
func TestRosterStopsOnCancel(t *testing.T) {
	t.Parallel()
	const atOnce = 16
	client, path := admin(t), kubeconfig(t)
	s := newRoster(t, client, 200)
	want := undisturbed(t, client, clusterOf(t, path), newRoster(t, client, 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls recorder
	var became ends
	var sent int // requests, when the run is stopped
	middle := &cutter{nth: len(s.Tenants) * rosterObjects / 2, after: true, cut: func() { cancel(); sent = calls.count() }}
	report, err := score.Runner{Concurrency: atOnce, Retries: 5, Observe: became.observe}.Run(ctx, s.On(patient{clusterOf(t, path, middle.wrap, calls.wrap).Snapshot()}))
	more := calls.count() - sent
	t.Logf("%+v, %d requests later", became, more)
	require.ErrorIs(t, err, context.Canceled)
	require.LessOrEqual(t, more, atOnce+4, "it only completes the requests in flight and releases the lease")
	require.Equal(t, len(s.Tenants), became.done+became.failed+became.skipped)
	require.Equal(t, []string{fmt.Sprintf("%d of 200 tenants done, %d failed, %d not begun", became.done, became.failed, became.skipped)}, report.Results[0].Outcome.Notes)
	require.LessOrEqual(t, became.failed, atOnce, "only tenants in progress fail")
	requireStopped(t, client, s, became, want)

	waited := false
	_, err = score.Runner{Concurrency: atOnce, Observe: onWaiting(topology.KindLease, func() { waited = true })}.Run(t.Context(), s.On(patient{clusterOf(t, path, calls.wrap).Snapshot()}))
	require.NoError(t, err)
	require.False(t, waited)
	_, writes := calls.take()
	both := len(beyondLeases(writes))
	require.GreaterOrEqual(t, both, len(s.Tenants)*rosterObjects)
	require.LessOrEqual(t, both, len(s.Tenants)*rosterObjects+atOnce, "the second run does not repeat writes")
	requireConverged(t, client, s, want)
}

// requireStopped requires that the reported tenants are complete, that the others do not exist,
// that nobody has access before the fences, and that the lease is free.
func requireStopped(t *testing.T, client *kubernetes.Clientset, s roster.Score, became ends, want string) {
	t.Helper()
	requireNoneOpen(t, client, s.ID)
	whole, have := 0, states(t, client, s.ID)
	for _, state := range have {
		if state == want {
			whole++
		}
	}
	require.Positive(t, became.done)
	require.Positive(t, became.skipped)
	require.GreaterOrEqual(t, whole, became.done)
	require.LessOrEqual(t, len(have), became.done+became.failed)
	require.Empty(t, *leaseOf(t, metav1.NamespaceSystem, "roster-"+s.ID).Spec.HolderIdentity)
}
