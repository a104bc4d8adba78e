package score_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/hashicorp/go-multierror"
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

func TestTransientKnowsEverySentinel(t *testing.T) {
	for sentinel, want := range map[error]bool{
		topology.ErrNotFound: false, topology.ErrConflict: false, topology.ErrForbidden: false,
		topology.ErrInvalid: false, topology.ErrProtected: false,
		topology.ErrTerminating: false, topology.ErrUnavailable: true, topology.ErrTimeout: true,
		topology.ErrUnsupported: false, topology.ErrNotModelled: false,
	} {
		require.Equal(t, want, score.Transient(sentinel), sentinel)
		require.Equal(t, want, score.Transient(&topology.Error{Reason: sentinel}), sentinel)
		require.Equal(t, want, score.Transient(&topology.Error{Reason: sentinel, Cause: io.EOF}),
			"how it showed does not matter: %v", sentinel)
	}
}

func TestTransientWalksTheTreeOfAnError(t *testing.T) {
	gone, slow := &topology.Error{Reason: topology.ErrUnavailable, Cause: io.EOF},
		&topology.Error{Reason: topology.ErrTimeout, Cause: context.DeadlineExceeded}
	refused := &topology.Error{Reason: topology.ErrForbidden}
	tests := map[string]struct {
		err  error
		want bool
	}{
		"nothing":                      {nil, false},
		"anything":                     {errors.New("boom"), false},
		"says so":                      {errors.New("unavailable"), false},
		"a step's":                     {&interpret.StepError{Step: "quota", Err: gone}, true},
		"a Score's":                    {&score.Error{Score: "a", Err: fmt.Errorf("around: %w", slow)}, true},
		"two":                          {errors.Join(gone, slow), true},
		"two, one of which stays":      {errors.Join(gone, refused), false},
		"two, one of which is ours":    {fmt.Errorf("%w: %w", io.EOF, gone), false},
		"a run's":                      {multierror.Append(&score.Error{Err: gone}, &score.Error{Err: slow}), true},
		"a run's, with one that stays": {multierror.Append(gone, refused, slow), false},
		"a run's, none":                {&multierror.Error{}, false},
		"one of a topology, within":    {&topology.Error{Op: "await", Cause: gone}, true},
		"skipped":                      {fmt.Errorf("%w: %w", score.ErrSkipped, gone), false},
		"cancelled":                    {context.Canceled, false},
		"cancelled while it waited":    {&topology.Error{Reason: topology.ErrTimeout, Cause: context.Canceled}, false},
		"the caller's deadline":        {&topology.Error{Detail: "stopped", Cause: context.DeadlineExceeded}, false},
		"no reason":                    {&topology.Error{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, score.Transient(tt.err)) })
	}
}
