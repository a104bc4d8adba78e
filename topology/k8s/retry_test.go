package k8s

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// withRecordedProgress returns a context that records the progress.
func withRecordedProgress(t *testing.T) (ctx context.Context, reports *[]topology.Progress) {
	t.Helper()
	reports = &[]topology.Progress{}
	return topology.WithProgress(t.Context(), func(p topology.Progress) { *reports = append(*reports, p) }), reports
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// response returns the answer of a server with a status.
func response(t *testing.T, to *http.Request, status *apierrors.StatusError) *http.Response {
	t.Helper()
	status.ErrStatus.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	body, err := json.Marshal(status.ErrStatus)
	require.NoError(t, err)
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{
		StatusCode: int(status.ErrStatus.Code),
		Header:     header,
		Body:       io.NopCloser(strings.NewReader(string(body))),
		Request:    to,
	}
}

// The API server refuses requests until it has read the grants, and is then ready.
func TestRetryDuringTheStartOfAnAPIServer(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "acme", nil)
	ready := apierrors.NewGenericServerResponse(http.StatusOK, "get", schema.GroupResource{}, "", "", 0, false)
	unready := apierrors.NewInternalError(errors.New("not yet"))
	for name, tt := range map[string]struct {
		answers, readyz []*apierrors.StatusError
		want            error
	}{
		"starts":                    {[]*apierrors.StatusError{forbidden, forbidden, apierrors.NewNotFound(schema.GroupResource{}, "acme")}, []*apierrors.StatusError{forbidden, unready}, topology.ErrNotFound},
		"has started, and refuses":  {[]*apierrors.StatusError{forbidden, forbidden}, []*apierrors.StatusError{unready, ready}, topology.ErrForbidden},
		"has no readiness endpoint": {[]*apierrors.StatusError{forbidden, forbidden, forbidden}, []*apierrors.StatusError{forbidden, forbidden}, topology.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := roundTripper(func(req *http.Request) (*http.Response, error) {
					from := &tt.answers
					if req.URL.Path == "/readyz" {
						from = &tt.readyz
					}
					next := (*from)[0]
					*from = (*from)[1:]
					return response(t, req, next), nil
				})
				top, err := New(&rest.Config{Host: "https://cluster", Transport: transport}, Options{MaxTries: 3})
				require.NoError(t, err)
				_, err = top.Namespace(t.Context(), "acme")
				require.ErrorIs(t, err, tt.want)
				require.Empty(t, tt.answers)
				require.Empty(t, tt.readyz)
			})
		})
	}
}

// The API server refuses leases until it has read the grants, or for ever.
func TestHoldLeaseDuringTheStartOfAnAPIServer(t *testing.T) {
	for name, tt := range map[string]struct {
		start, refusal time.Duration
		want           error
	}{
		"starts":                   {time.Second, time.Second, topology.ErrInvalid},
		"has started, and refuses": {time.Second, time.Minute, topology.ErrForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				transport := roundTripper(func(req *http.Request) (*http.Response, error) {
					after := time.Since(began)
					switch {
					case req.URL.Path != "/readyz" && after >= tt.refusal:
						return response(t, req, apierrors.NewBadRequest("no")), nil
					case req.URL.Path != "/readyz" || after < tt.start:
						return response(t, req, apierrors.NewForbidden(schema.GroupResource{Resource: "leases"}, "polyphony-x", nil)), nil
					default:
						return response(t, req, apierrors.NewGenericServerResponse(http.StatusOK, "get", schema.GroupResource{}, "", "", 0, false)), nil
					}
				})
				top, err := New(&rest.Config{Host: "https://cluster", Transport: transport}, Options{})
				require.NoError(t, err)
				_, _, err = top.HoldLease(t.Context(), topology.Lease{Name: "x", Holder: "h"})
				require.ErrorIs(t, err, tt.want)
				require.WithinRange(t, time.Now(), began.Add(tt.start), began.Add(2*tt.start))
			})
		})
	}
}

// Both read the same Retry-After of an answer.
func TestRetryAndLimiterWaitOnceForRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Duration
		began := time.Now()
		gone := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "acme")
		statuses := []*apierrors.StatusError{
			apierrors.NewTooManyRequests("busy", 5),
			apierrors.NewTooManyRequests("busy", 60),
			gone,
		}
		transport := roundTripper(func(req *http.Request) (*http.Response, error) {
			status := statuses[len(sent)]
			sent = append(sent, time.Since(began))
			resp := response(t, req, status)
			if status.ErrStatus.Code == http.StatusTooManyRequests {
				resp.Header.Set("Retry-After", map[int]string{1: "5", 2: "60"}[len(sent)])
			}
			return resp, nil
		})
		top, err := New(&rest.Config{Host: "https://cluster", Transport: transport}, Options{})
		require.NoError(t, err)
		ctx, reports := withRecordedProgress(t)
		_, err = top.Namespace(ctx, "acme")
		require.ErrorIs(t, err, topology.ErrNotFound)
		require.Equal(t, []time.Duration{0, 5 * time.Second, 5*time.Second + kube.MaxRetryAfter}, sent)
		require.Len(t, *reports, 2)
		for _, p := range *reports {
			require.IsType(t, topology.Retrying{}, p)
		}
	})
}
