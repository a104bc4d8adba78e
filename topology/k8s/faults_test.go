package k8s_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

// faulty returns the topology of a client whose requests pass the injector.
func faulty(t *testing.T, i *injector, opts k8s.Options) *k8s.Topology {
	t.Helper()
	cfg := load(t, kubeconfig(t))
	cfg.Wrap(i.wrap)
	opts.Name = "test"
	top, err := k8s.New(cfg, opts)
	require.NoError(t, err)
	return top
}

// Each fault happens to each request of a first run, one at a time. The run succeeds, with the same
// report as a run without faults.
func TestProvisionSurvivesTransientFaults(t *testing.T) {
	client := admin(t)
	reference := newTenant(t, client)
	plain, err := score.Run(t.Context(), reference.On(cluster(t)))
	require.NoError(t, err)
	want := state(t, client, reference.TenantConfig.Name)
	for _, f := range transient {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for nth := 1; ; nth++ {
				s := newTenant(t, client)
				i := &injector{fault: f, nth: nth}
				report, err := score.Run(t.Context(), s.On(faulty(t, i, k8s.Options{})))
				require.NoError(t, err, "request %d", nth)
				require.Equal(t, want, state(t, client, s.TenantConfig.Name), "request %d", nth)
				require.Equal(t, actions(plain), actions(report), "request %d", nth)
				if !i.hit {
					require.Greater(t, nth, 9, "a run sends at least ten requests")
					return
				}
			}
		})
	}
}

func actions(r score.Report) []string {
	var all []string
	for _, c := range r.Changes() {
		all = append(all, fmt.Sprint(c.Kind, " ", c.Action, " ", len(c.Fields)))
	}
	return all
}

// Each fault happens to every request from the nth on. The run fails with a typed error and leaves
// a closed tenant, which another run completes.
func TestProvisionFailsClosedOnLastingFaults(t *testing.T) {
	t.Parallel()
	client := admin(t)
	for _, f := range transient {
		if f.name == "429 with Retry-After" {
			continue // client-go itself waits ten times for the time in Retry-After
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			for nth := 1; nth <= 9; nth += 2 {
				s := newTenant(t, client)
				f := f
				f.writes = true
				i := &injector{fault: f, nth: nth, always: true}
				report, err := score.Run(t.Context(), s.On(faulty(t, i, k8s.Options{MaxTries: 3})))
				require.True(t, i.hit)
				if !strings.HasPrefix(f.name, "answer ") { // otherwise the writes have happened, and the next read shows them
					requireTyped(t, err)
					require.Error(t, report.Results[0].Err)
				}
				requireClosed(t, client, s.TenantConfig.Name)
				_, err = score.Run(t.Context(), s.On(cluster(t)))
				require.NoError(t, err)
			}
		})
	}
}

func TestUnreachableServerIsErrUnavailable(t *testing.T) {
	i := &injector{fault: transient[6], nth: 1, always: true}
	top := faulty(t, i, k8s.Options{MaxTries: 2})
	_, err := top.Ready(t.Context())
	require.ErrorIs(t, err, topology.ErrUnavailable)
	_, err = top.Platform(t.Context())
	require.ErrorIs(t, err, topology.ErrUnavailable)
}

func TestForbiddenIsNotRetried(t *testing.T) {
	for code, sentinel := range map[int]error{http.StatusForbidden: topology.ErrForbidden, http.StatusUnauthorized: topology.ErrForbidden, http.StatusUnprocessableEntity: topology.ErrInvalid} {
		asked := 0
		refuse := func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if req.URL.Path == "/readyz" {
				return next.RoundTrip(req)
			}
			asked++
			return answer(code, http.StatusText(code))(req, next)
		}
		_, err := faulty(t, &injector{fault: fault{happen: refuse}, nth: 1, always: true}, k8s.Options{}).Namespace(t.Context(), "any")
		require.ErrorIs(t, err, sentinel)
		require.Equal(t, 1, asked, "%d was tried again", code)
	}
}

func TestDeadlineOfTheCallerIsReturned(t *testing.T) {
	i := &injector{fault: fault{happen: hang}, nth: 1, always: true}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := faulty(t, i, k8s.Options{}).Namespace(ctx, "any")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for _, sentinel := range []error{topology.ErrUnavailable, topology.ErrInvalid, topology.ErrNotFound} {
		require.NotErrorIs(t, err, sentinel)
	}
}

// The timeout passes, because every request hangs. So a slow server changes nothing.
func TestUnansweredRequestTimesOut(t *testing.T) {
	i := &injector{fault: fault{happen: hang}, nth: 1, always: true}
	cfg := load(t, kubeconfig(t))
	cfg.Timeout = time.Second / 2
	cfg.Wrap(i.wrap)
	top, err := k8s.New(cfg, k8s.Options{Name: "test", MaxTries: 2})
	require.NoError(t, err)
	_, err = top.Namespace(t.Context(), "any")
	require.ErrorIs(t, err, topology.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 2, i.seen, "the request is sent again after a timeout")
}

// The transport hides the status of the quota, so the quota never seems to be in force. The
// deadline passes once the run waits for the quota.
func TestProvisionGrantsNothingBeforeTheQuotaIsInForce(t *testing.T) {
	client := admin(t)
	s := newTenant(t, client)
	path := "/api/v1/namespaces/" + s.TenantConfig.Name + "/resourcequotas/polyphony"
	hidden := cluster(t, func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(req *http.Request) (*http.Response, error) {
			if req.Method != http.MethodGet || req.URL.Path != path {
				return next.RoundTrip(req)
			}
			req = req.Clone(req.Context())
			req.Header.Set("Accept", "application/json")
			resp, err := next.RoundTrip(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				return resp, err
			}
			return withoutStatus(resp)
		})
	})
	ctx, expire := expiring(t.Context())
	runner := score.Runner{Observe: onWaiting(topology.KindQuota, expire)}
	_, err := runner.Run(ctx, s.On(hidden))
	require.ErrorIs(t, err, topology.ErrTimeout)
	require.ErrorContains(t, err, "quota controller")
	requireNoAccess(t, client, s.TenantConfig.Name)
	_, err = score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	requireFenced(t, client, s.TenantConfig.Name)
}

func withoutStatus(resp *http.Response) (*http.Response, error) {
	defer func() { _ = resp.Body.Close() }()
	var object map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&object); err != nil {
		return nil, err
	}
	delete(object, "status")
	data, err := json.Marshal(object)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	resp.Header.Del("Content-Length")
	return resp, err
}
