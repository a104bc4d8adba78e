package puppet

import (
	"context"

	"github.com/polyphony-go/polyphony/topology"
)

// Before calls look before a method. If look decides, its result is the method's.
func Before[A, R any](method *func(context.Context, A) (R, error), look func(context.Context, A) (R, error, bool)) {
	do := *method
	*method = func(ctx context.Context, a A) (R, error) {
		if r, err, decided := look(ctx, a); decided {
			return r, err
		}
		return do(ctx, a)
	}
}

// After alters what a method returns.
func After[A, R any](method *func(context.Context, A) (R, error), alter func(A, *R, *error)) {
	do := *method
	*method = func(ctx context.Context, a A) (R, error) {
		r, err := do(ctx, a)
		alter(a, &r, &err)
		return r, err
	}
}

// Change alters every change that a method returns.
func Change[A any](method *func(context.Context, A) (topology.Change, error), alter func(*topology.Change)) {
	After(method, func(_ A, c *topology.Change, _ *error) { alter(c) })
}

// Uncancelled makes a method ignore the end of its context.
func Uncancelled[A, R any](method *func(context.Context, A) (R, error)) {
	do := *method
	*method = func(ctx context.Context, a A) (R, error) { return do(context.WithoutCancel(ctx), a) }
}
