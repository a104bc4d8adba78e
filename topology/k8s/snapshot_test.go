package k8s_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/tenant/tenanttest"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
	"github.com/polyphony-go/polyphony/topology/rbac"
	"github.com/polyphony-go/polyphony/topology/topologytest"
)

// A snapshot passes the same suites as the cluster, if it is refreshed after changes of others.
func TestSnapshotConformance(t *testing.T) {
	top := cluster(t).Snapshot()
	h := topologytest.Harness[*k8s.Topology]{Topology: top, DryRun: top.DryRun(), Outsider: refreshing{outsider{admin(t)}, top}}
	t.Run("Namespaces", func(t *testing.T) { topologytest.Namespaces(t, h) })
	t.Run("Domains", func(t *testing.T) { topologytest.Domains(t, h) })
	t.Run("Quotas", func(t *testing.T) { topologytest.Quotas(t, h) })
	t.Run("LimitRanges", func(t *testing.T) { topologytest.LimitRanges(t, h) })
	t.Run("NetworkIsolation", func(t *testing.T) { topologytest.NetworkIsolation(t, h) })
	t.Run("AccessControl", func(t *testing.T) { topologytest.AccessControl(t, h) })
	t.Run("ReadVisibility", func(t *testing.T) { topologytest.ReadVisibility(t, h) })
	t.Run("GrantsInForce", func(t *testing.T) { topologytest.GrantsInForce(t, h) })
	t.Run("Inspector", func(t *testing.T) { topologytest.Inspector(t, h) })
	t.Run("Rosters", func(t *testing.T) { topologytest.Rosters(t, h) })
	t.Run("Snapshots", func(t *testing.T) { topologytest.Snapshots(t, h) })
	t.Run("RosterRuns", func(t *testing.T) { tenanttest.RosterRuns(t, h) })
	t.Run("Tenants", func(t *testing.T) { tenanttest.Tenants(t, h) })
}

// refreshing is an outsider that refreshes the snapshot after each change.
type refreshing struct {
	outsider
	snapshot *k8s.Topology
}

func (o refreshing) CreateNamespace(t topologytest.T, name, owner string) {
	defer o.snapshot.Refresh()
	o.outsider.CreateNamespace(t, name, owner)
}

func (o refreshing) LabelNamespace(t topologytest.T, name, key, value string) {
	defer o.snapshot.Refresh()
	o.outsider.LabelNamespace(t, name, key, value)
}

func (o refreshing) RemovePodSecurity(t topologytest.T, name string) {
	defer o.snapshot.Refresh()
	o.outsider.RemovePodSecurity(t, name)
}

func (o refreshing) Occupy(t topologytest.T, namespace string, kind topology.Kind) {
	defer o.snapshot.Refresh()
	o.outsider.Occupy(t, namespace, kind)
}

func (o refreshing) Grant(t topologytest.T, namespace string, g topology.Grant) {
	defer o.snapshot.Refresh()
	o.outsider.Grant(t, namespace, g)
}

func (o refreshing) ClaimVolume(t topologytest.T, namespace, claim string) { // which changes the quota for a moment
	defer o.snapshot.Refresh()
	o.outsider.ClaimVolume(t, namespace, claim)
}

func (o refreshing) Hold(t topologytest.T, namespace string) {
	defer o.snapshot.Refresh()
	o.outsider.Hold(t, namespace)
}

func (o refreshing) Release(t topologytest.T, namespace string) {
	defer o.snapshot.Refresh()
	o.outsider.Release(t, namespace)
}

// tenantScores returns n tenants with members of every role. Each has rosterObjects objects.
func tenantScores(prefix string, n int) []tenant.TenantScore {
	var all []tenant.TenantScore
	for i := range n {
		s := tenant.TenantScore{TenantConfig: tenant.TenantConfig{Name: fmt.Sprintf("%s-%d", prefix, i)}}
		for _, role := range []tenant.Role{tenant.Admin, tenant.Developer, tenant.Viewer} {
			s.RBAC.Members = append(s.RBAC.Members, tenant.Member{Role: role, Name: s.TenantConfig.Name + "-" + string(role)})
		}
		all = append(all, s)
	}
	return all
}

const rosterObjects = 10

func runRoster(t *testing.T, top tenant.Topology, tenants []tenant.TenantScore) score.Report {
	t.Helper()
	var steps []score.Step
	for _, s := range tenants {
		steps = append(steps, s.On(top))
	}
	report, err := score.Runner{Concurrency: 16}.Run(t.Context(), steps...)
	require.NoError(t, err)
	return report
}

// The first run sends one write for each object, and an unchanged run one list for each kind.
func TestSnapshotSendsOneListPerKind(t *testing.T) {
	var calls recorder
	top, client := cluster(t, calls.wrap), admin(t)
	_, err := top.Platform(t.Context()) // which has another cache
	require.NoError(t, err)
	calls.take()
	const n = 40
	tenants := tenantScores("snapshot-costs", n)
	for _, s := range tenants {
		removeLater(t, client, s.TenantConfig.Name)
	}
	require.True(t, runRoster(t, top.Snapshot(), tenants).Changed())
	first, writes := calls.take()
	require.Len(t, writes, n*rosterObjects)
	const kinds = 8 // and at most one watch that starts again
	require.LessOrEqual(t, len(withoutPages(first)), len(writes)+2*kinds, "%v", reads(first))
	for _, some := range [][]tenant.TenantScore{tenants[:n/4], tenants} {
		require.False(t, runRoster(t, top.Snapshot(), some).Changed())
		again, writes := calls.take()
		require.Empty(t, writes)
		require.LessOrEqual(t, len(withoutPages(again)), kinds, "%d tenants: %v", len(some), again)
	}
}

// withoutPages removes the requests for further pages, whose number depends on other tests.
func withoutPages(requests []string) []string {
	return slices.DeleteFunc(requests, func(r string) bool { return strings.HasSuffix(r, nextPage) })
}

func reads(requests []string) []string {
	var all []string
	for _, r := range requests {
		if strings.HasPrefix(r, http.MethodGet) {
			all = append(all, r)
		}
	}
	return all
}

// A write that conflicts with a change of others reads that object again. A run that writes nothing
// does not notice the change.
func TestSnapshotReadsAgainAfterAConflict(t *testing.T) {
	var calls recorder
	top, client := cluster(t, calls.wrap), admin(t)
	s := tenantScores("snapshot-meets", 1)[0]
	name := s.TenantConfig.Name
	removeLater(t, client, name)
	runRoster(t, top, []tenant.TenantScore{s})

	snapshot := top.Snapshot()
	require.False(t, runRoster(t, snapshot, []tenant.TenantScore{s}).Changed())
	label := []byte(`{"metadata":{"labels":{"example.com/theirs":"kept"}},"spec":{"ingress":[{}]}}`)
	_, err := client.NetworkingV1().NetworkPolicies(name).Patch(t.Context(), "polyphony", types.MergePatchType, label, metav1.PatchOptions{})
	require.NoError(t, err)
	require.False(t, runRoster(t, snapshot, []tenant.TenantScore{s}).Changed(), "the cache is not invalidated")

	calls.take()
	s.NetworkIsolation.PublicInternetEgress = true
	require.True(t, runRoster(t, snapshot, []tenant.TenantScore{s}).Changed())
	all, writes := calls.take()
	policy := " /apis/networking.k8s.io/v1/namespaces/" + name + "/networkpolicies/polyphony"
	require.Equal(t, []string{"PUT" + policy, "PUT" + policy}, writes, "the second write has the new version")
	require.Equal(t, []string{"GET" + policy}, reads(all))
	have, err := client.NetworkingV1().NetworkPolicies(name).Get(t.Context(), "polyphony", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "kept", have.Labels["example.com/theirs"])
	require.NotContains(t, have.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{})

	snapshot.Refresh()
	require.False(t, runRoster(t, snapshot, []tenant.TenantScore{s}).Changed())
	_, err = client.NetworkingV1().NetworkPolicies(name).Patch(t.Context(), "polyphony", types.MergePatchType, label, metav1.PatchOptions{})
	require.NoError(t, err)
	snapshot.Refresh()
	require.True(t, runRoster(t, snapshot, []tenant.TenantScore{s}).Changed(), "the object is read again")
}

// A foreign object that was created after the read is refused.
func TestSnapshotRefusesForeignObjectsCreatedSince(t *testing.T) {
	snapshot, out := cluster(t).Snapshot(), outsider{admin(t)}
	_, err := snapshot.Namespace(t.Context(), "default")
	require.NoError(t, err)
	const name = "snapshot-since"
	out.CreateNamespace(t, name, "someone")
	_, err = snapshot.EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: topology.PodSecurityBaseline})
	require.ErrorIs(t, err, topology.ErrConflict)
	_, err = snapshot.EnsureNamespace(t.Context(), topology.Namespace{Name: name, PodSecurity: topology.PodSecurityBaseline, Adopt: true})
	require.NoError(t, err)
	out.Occupy(t, name, "Quota")
	_, err = snapshot.EnsureQuota(t.Context(), topology.Quota{Namespace: name})
	require.ErrorIs(t, err, topology.ErrConflict)
	require.True(t, out.Occupied(t, name, "Quota"))
}

// The API server forgets the version of a list between two pages.
func TestSnapshotRestartsAnExpiredList(t *testing.T) {
	var expired atomic.Int64
	top := cluster(t, func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(req *http.Request) (*http.Response, error) {
			query := req.URL.Query()
			if query.Get("continue") != "" && expired.Add(1) == 1 {
				return answer(http.StatusGone, "Expired")(req, next)
			}
			if query.Has("limit") && query.Get("limit") != "1" { // pages with fewer objects than the list has
				query.Set("limit", "3")
				req = req.Clone(req.Context())
				req.URL.RawQuery = query.Encode()
			}
			return next.RoundTrip(req)
		})
	})
	have, err := top.Snapshot().GrantsInForce(t.Context())
	require.NoError(t, err)
	require.Greater(t, expired.Load(), int64(1), "the list has more than one page")
	want, err := cluster(t).GrantsInForce(t.Context())
	require.NoError(t, err)
	names := map[string]int{}
	for _, g := range have {
		names[g.String()]++
	}
	for _, g := range want {
		if g.Kind == rbac.ClusterRoleBinding && strings.HasPrefix(g.Name, "system:") {
			assert.Equal(t, 1, names[g.String()], g.String())
		}
	}
}

// Tenants reads the lists of all kinds at the same time, and none of them again. A list that fails
// is read again when an object of its kind is needed.
func TestSnapshotTenantsReadsEveryKindOnce(t *testing.T) {
	const kinds = 7
	var lists sync.Map
	together := make(chan struct{})
	var arrived, roles atomic.Int64
	snapshot := cluster(t, func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(req *http.Request) (*http.Response, error) {
			if !req.URL.Query().Has("limit") || req.URL.Query().Has("continue") {
				return next.RoundTrip(req)
			}
			_, again := lists.LoadOrStore(req.URL.Path, true)
			assert.False(t, again, req.URL.Path)
			if arrived.Add(1) == kinds {
				close(together)
			}
			select {
			case <-together:
			case <-time.After(eventuallyWait):
				assert.Fail(t, "it waits for others", req.URL.Path)
			}
			if strings.HasSuffix(req.URL.Path, "/roles") && roles.Add(1) == 1 {
				lists.Delete(req.URL.Path)
				return answer(http.StatusForbidden, "Forbidden")(req, next)
			}
			return next.RoundTrip(req)
		})
	}).Snapshot()
	_, err := snapshot.Tenants(t.Context())
	require.NoError(t, err)
	_, err = snapshot.Quota(t.Context(), "default")
	require.ErrorIs(t, err, topology.ErrNotFound)
	_, err = snapshot.Access(t.Context(), "default")
	require.ErrorIs(t, err, topology.ErrNotFound)
	require.EqualValues(t, 2, roles.Load())
}

// A caller that waits for the list of another caller waits no longer than its own context.
func TestSnapshotStopsWaitingWithItsContext(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	snapshot := cluster(t, func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/resourcequotas") && !once.Swap(true) {
				close(started)
				<-release
			}
			return next.RoundTrip(req)
		})
	}).Snapshot()
	first := make(chan error, 1)
	go func() {
		_, err := snapshot.Quota(context.WithoutCancel(t.Context()), "default")
		first <- err
	}()
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := snapshot.Quota(ctx, "default")
	require.ErrorIs(t, err, context.Canceled)
	close(release)
	require.ErrorIs(t, <-first, topology.ErrNotFound)
}
