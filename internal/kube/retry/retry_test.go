package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// listening returns a context and the list of what is reported to it.
func listening(t *testing.T) (ctx context.Context, heard *[]topology.Progress) {
	t.Helper()
	heard = &[]topology.Progress{}
	return topology.WithProgress(t.Context(), func(p topology.Progress) { *heard = append(*heard, p) }), heard
}

func TestDoReportsEachAttemptThatIsFollowedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := Policy{MaxTries: 3}
		c := adapter.Ensure(topology.KindQuota, "acme")
		ctx, heard := listening(t)
		began := time.Now()
		busy := apierrors.NewTooManyRequests("busy", 7)
		err := policy.Do(ctx, c, func(context.Context) error { return busy })
		require.ErrorIs(t, err, topology.ErrUnavailable)
		require.Equal(t, []topology.Progress{
			topology.Retrying{Op: "ensure", Kind: "Quota", Name: "acme", Err: Fail(c, busy), After: 7 * time.Second, Try: 1},
			topology.Retrying{Op: "ensure", Kind: "Quota", Name: "acme", Err: Fail(c, busy), After: 7 * time.Second, Try: 2},
		}, *heard)
		require.Equal(t, 14*time.Second, time.Since(began))

		*heard = nil
		require.Error(t, policy.Do(ctx, c, func(context.Context) error { return apierrors.NewBadRequest("no") }))
		require.NoError(t, policy.Do(ctx, c, func(context.Context) error { return nil }))
		require.Empty(t, *heard)
	})
}

func TestWaitReportsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := Policy{MaxTries: 3}
		c := adapter.Await(topology.KindQuota, "acme")
		for checks, want := range map[int][]topology.Progress{
			1: {}, 2: {topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"}}, 9: {topology.Waiting{Kind: "Quota", Name: "acme", For: "be in force"}},
		} {
			ctx, heard := listening(t)
			n := 0
			require.NoError(t, policy.Wait(ctx, c, "be in force", nil, func(context.Context) (bool, error) {
				n++
				return n == checks, nil
			}))
			require.Equal(t, want, *heard)
		}
	})
}

func TestDoAsksWhetherTheServerIsStarting(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "acme", nil)
	for name, tt := range map[string]struct {
		starting bool
		tries    int
	}{"starting": {true, 3}, "started": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				policy := Policy{MaxTries: 3, Starting: func(_ context.Context, refusal error) bool {
					return tt.starting && apierrors.IsForbidden(refusal)
				}}
				tries := 0
				err := policy.Do(t.Context(), adapter.Read(topology.KindQuota, "acme"), func(context.Context) error {
					tries++
					return forbidden
				})
				require.ErrorIs(t, err, topology.ErrForbidden)
				require.Equal(t, tt.tries, tries)
			})
		})
	}
}

func TestDoEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // shorter than the first pause
		defer cancel()
		err := Policy{MaxTries: 8}.Do(ctx, adapter.Read(topology.KindQuota, "acme"), func(context.Context) error {
			return apierrors.NewTooManyRequests("busy", 0)
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, topology.ErrUnavailable)
	})
}

func TestWaitChecksAfterEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan struct{})
		close(events) // every event has happened
		stopped := false
		checks := 0
		began := time.Now()
		err := Policy{MaxTries: 1}.Wait(t.Context(), adapter.Await(topology.KindQuota, "acme"), "be in force",
			func() (func() <-chan struct{}, func()) {
				return func() <-chan struct{} { return events }, func() { stopped = true }
			},
			func(context.Context) (bool, error) {
				checks++
				return checks == 4, nil
			})
		require.NoError(t, err)
		require.True(t, stopped)
		require.Zero(t, time.Since(began), "no pause between events")
	})
}

func TestWaitChecksLiveWhenNoEventArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live []bool
		err := Policy{MaxTries: 1}.Wait(t.Context(), adapter.Await(topology.KindQuota, "acme"), "be in force",
			func() (func() <-chan struct{}, func()) {
				return func() <-chan struct{} { return nil }, func() {}
			},
			func(ctx context.Context) (bool, error) {
				live = append(live, topology.IsLive(ctx))
				return len(live) == 3, nil
			})
		require.NoError(t, err)
		require.Equal(t, []bool{false, false, true}, live)
	})
}

func TestFailClassifies(t *testing.T) {
	resource := schema.GroupResource{Resource: "roles"}
	call := adapter.Ensure(topology.KindAccess, "acme")
	for name, tt := range map[string]struct {
		cause, want error
		transient   bool
	}{
		"not found":      {apierrors.NewNotFound(resource, "a"), topology.ErrNotFound, false},
		"forbidden":      {apierrors.NewForbidden(resource, "a", nil), topology.ErrForbidden, false},
		"conflict":       {apierrors.NewConflict(resource, "a", nil), topology.ErrConflict, true},
		"already exists": {apierrors.NewAlreadyExists(resource, "a"), topology.ErrConflict, true},
		"vanished": {
			fmt.Errorf("%w: %w", kube.ErrVanished, apierrors.NewNotFound(resource, "a")), topology.ErrConflict, true,
		},
		"held":    {&kube.HeldError{Name: "a", Finalizers: []string{"f"}}, topology.ErrTerminating, false},
		"invalid": {apierrors.NewBadRequest("no"), topology.ErrInvalid, false},
		"unprocessable": {
			apierrors.NewInvalid(schema.GroupKind{Kind: "Role"}, "a", nil), topology.ErrInvalid, false,
		},
		"unauthorized": {apierrors.NewUnauthorized("who"), topology.ErrForbidden, false},
		"timeout": {
			apierrors.NewGenericServerResponse(http.StatusRequestTimeout, "get", resource, "a", "", 0, true),
			topology.ErrUnavailable, true,
		},
		"overloaded":   {apierrors.NewTooManyRequests("busy", 1), topology.ErrUnavailable, true},
		"expired list": {apierrors.NewResourceExpired("old"), topology.ErrUnavailable, true},
		"server error": {
			apierrors.NewGenericServerResponse(http.StatusBadGateway, "get", resource, "a", "", 0, true), topology.ErrUnavailable, true,
		},
		"broken answer":  {&kube.BrokenAnswerError{Cause: io.ErrClosedPipe}, topology.ErrUnavailable, true},
		"no connection":  {&url.Error{Op: "Get", Err: errors.New("no such host")}, topology.ErrUnavailable, false},
		"not even sent":  {errors.New("cannot encode"), topology.ErrInvalid, false},
		"classified yet": {call.Fail(topology.ErrProtected, "so"), topology.ErrProtected, false},
		"going namespace": {
			&apierrors.StatusError{ErrStatus: metav1.Status{
				Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
				Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "NamespaceTerminating"}}},
			}}, topology.ErrTerminating, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := Fail(call, tt.cause)
			require.ErrorIs(t, err, tt.want)
			var typed *topology.Error
			require.ErrorAs(t, err, &typed)
			require.Equal(t, tt.transient, Transient(tt.cause))
		})
	}
}
