package topology_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/topology"
)

func sentinels() []error {
	return []error{topology.ErrNotFound, topology.ErrConflict, topology.ErrForbidden, topology.ErrInvalid, topology.ErrProtected,
		topology.ErrTerminating, topology.ErrUnavailable, topology.ErrTimeout, topology.ErrUnsupported, topology.ErrNotModelled}
}

func TestErrorTextNamesCallReasonAndCause(t *testing.T) {
	cause := errors.New("the cause")
	tests := []struct {
		err  topology.Error
		want string
	}{
		{topology.Error{Op: "read", Kind: "Quota", Name: "acme", Reason: topology.ErrNotFound}, `read Quota "acme": not found`},
		{topology.Error{Op: "read", Kind: "Platform", Reason: topology.ErrForbidden}, `read Platform: forbidden`},
		{topology.Error{Op: "ensure", Kind: "Namespace", Name: "acme", Reason: topology.ErrConflict, Detail: `exists, its owner is "Helm"`},
			`ensure Namespace "acme": exists, its owner is "Helm"`},
		{topology.Error{Op: "delete", Kind: "Access", Name: "acme", Reason: topology.ErrUnavailable, Cause: cause}, `delete Access "acme": unavailable: the cause`},
		{topology.Error{Op: "delete", Kind: "Access", Name: "acme", Reason: topology.ErrUnavailable, Detail: "gave up", Cause: cause},
			`delete Access "acme": gave up: the cause`},
		{topology.Error{Op: "await", Kind: "Quota", Name: "acme", Cause: context.Canceled}, `await Quota "acme": context canceled`},
		{topology.Error{Op: "ask", Kind: "Access"}, `ask Access`},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) { require.EqualError(t, &tt.err, tt.want) })
	}
}

func TestErrorMatchesOnlyItsReason(t *testing.T) {
	for i, reason := range sentinels() {
		t.Run(reason.Error(), func(t *testing.T) {
			err := fmt.Errorf("around: %w", &topology.Error{Op: "read", Kind: "Quota", Name: "acme", Reason: reason, Detail: "detail"})
			for j, sentinel := range sentinels() {
				require.Equal(t, i == j, errors.Is(err, sentinel), "%v", sentinel)
			}
		})
	}
}

func TestErrorUnwrapsToReasonAndCause(t *testing.T) {
	cause := &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrPermission}
	err := fmt.Errorf("around: %w", &topology.Error{Op: "read", Kind: "Quota", Name: "acme", Reason: topology.ErrForbidden, Cause: cause})

	require.ErrorIs(t, err, topology.ErrForbidden)
	require.ErrorIs(t, err, fs.ErrPermission)
	var path *fs.PathError
	require.ErrorAs(t, err, &path)
	require.Same(t, cause, path)
	var typed *topology.Error
	require.ErrorAs(t, err, &typed)
	require.Equal(t, "acme", typed.Name)
}

func TestErrorWithoutReasonMatchesNoSentinel(t *testing.T) {
	err := &topology.Error{Op: "read", Kind: "Quota", Cause: context.DeadlineExceeded}
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for _, sentinel := range sentinels() {
		require.NotErrorIs(t, err, sentinel)
	}
	require.Empty(t, (&topology.Error{}).Unwrap())
}
