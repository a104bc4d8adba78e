package k8s

import (
	"context"
	"encoding/json"
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

	"github.com/polyphony-go/polyphony/topology"
)

// listening returns a context that writes down what is reported.
func listening(t *testing.T) (ctx context.Context, heard *[]topology.Progress) {
	t.Helper()
	heard = &[]topology.Progress{}
	return topology.WithProgress(t.Context(), func(p topology.Progress) { *heard = append(*heard, p) }), heard
}

func TestRetryReportsEachTryThatIsFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := &Topology{opts: Options{MaxTries: 3}}
		c := call{"ensure", "Quota", "acme"}
		ctx, heard := listening(t)
		began := time.Now()
		busy := apierrors.NewTooManyRequests("busy", 7)
		err := top.retry(ctx, c, func(context.Context) error { return busy })
		require.ErrorIs(t, err, topology.ErrUnavailable)
		require.Equal(t, []topology.Progress{
			topology.Retrying{Op: "ensure", Kind: "Quota", Name: "acme", Err: c.failed(busy), After: 7 * time.Second, Try: 1},
			topology.Retrying{Op: "ensure", Kind: "Quota", Name: "acme", Err: c.failed(busy), After: 7 * time.Second, Try: 2},
		}, *heard)
		require.Equal(t, 14*time.Second, time.Since(began))

		*heard = nil
		require.Error(t, top.retry(ctx, c, func(context.Context) error { return apierrors.NewBadRequest("no") }))
		require.NoError(t, top.retry(ctx, c, func(context.Context) error { return nil }))
		require.Empty(t, *heard)
	})
}

func TestPollReportsAWaitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := &Topology{opts: Options{MaxTries: 3}}
		c := call{"await", "Quota", "acme"}
		for checks, want := range map[int][]topology.Progress{
			1: {}, 2: {topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"}}, 9: {topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"}},
		} {
			ctx, heard := listening(t)
			n := 0
			require.NoError(t, top.poll(ctx, c, "be in force", nil, func(context.Context) (bool, error) {
				n++
				return n == checks, nil
			}))
			require.Equal(t, want, *heard)
		}
	})
}

// TestRetryAndPaceWaitForTheServerOnce has both of them heed the same Retry-After, for the whole way of a request.
func TestRetryAndPaceWaitForTheServerOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Duration
		began := time.Now()
		gone := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "acme")
		statuses := []*apierrors.StatusError{apierrors.NewTooManyRequests("busy", 5), apierrors.NewTooManyRequests("busy", 60), gone}
		transport := roundTripper(func(req *http.Request) (*http.Response, error) {
			status := statuses[len(sent)].ErrStatus
			sent = append(sent, time.Since(began))
			status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
			body, err := json.Marshal(status)
			require.NoError(t, err)
			header := http.Header{"Content-Type": {"application/json"}}
			if status.Code == http.StatusTooManyRequests {
				header.Set("Retry-After", map[int]string{1: "5", 2: "60"}[len(sent)])
			}
			return &http.Response{StatusCode: int(status.Code), Header: header, Body: io.NopCloser(strings.NewReader(string(body))), Request: req}, nil
		})
		top, err := New(&rest.Config{Host: "https://cluster", Transport: transport}, Options{})
		require.NoError(t, err)
		ctx, heard := listening(t)
		_, err = top.Namespace(ctx, "acme")
		require.ErrorIs(t, err, topology.ErrNotFound)
		require.Equal(t, []time.Duration{0, 5 * time.Second, 5*time.Second + maxDelay}, sent)
		require.Len(t, *heard, 2)
		for _, p := range *heard {
			require.IsType(t, topology.Retrying{}, p)
		}
	})
}
