package topologytest

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/polyphony-go/polyphony/internal/puppet"
	"github.com/polyphony-go/polyphony/topology"
)

const (
	freeLease      = "A free lease is taken at once, with a context that derives from the caller's"
	waitsForLease  = "HoldLease waits for a lease that is held, and takes it once it is released"
	sameHolder     = "Two callers with the same holder name exclude each other"
	otherLease     = "Leases of different names are held at the same time"
	renewedLease   = "A lease that is renewed is held for longer than its duration"
	leaseTimeout   = "If the context ends first, the error is ErrTimeout and names the holder"
	deadHolder     = "A holder that died is replaced after its duration, and not earlier"
	leaseTaken     = "If another caller takes the lease away, the context ends and its cause names the new holder"
	secondRelease  = "A second release does nothing"
	callerEnds     = "The end of the caller's context gives the lease up"
	turnsOfSeveral = "Several callers hold the lease one at a time, and each of them gets it"
	dryLease       = "A dry run does not wait, and holds nothing"
	invalidLease   = "A lease that is not valid is ErrInvalid"
	cancelledLease = "A cancelled context gets no lease"
)

// holding is the method HoldLease of an adapter.
type holding = func(context.Context, topology.Lease) (puppet.HeldLease, error)

func leaseMutants() []mutant {
	m := func(rule string, breaks func(do holding, out *brokenOutsider) holding) mutant {
		return mutant{"Leases", rule, func(top, _ *puppet.Puppet, out *brokenOutsider) { top.OnHoldLease = breaks(top.OnHoldLease, out) }}
	}
	dry := func(rule string, breaks func(top, dry holding, out *brokenOutsider) holding) mutant {
		return mutant{"Leases", rule, func(top, dry *puppet.Puppet, out *brokenOutsider) {
			dry.OnHoldLease = breaks(top.OnHoldLease, dry.OnHoldLease, out)
		}}
	}
	return slices.Concat(holdingMutants(m), losingMutants(m), leaseErrorMutants(m), []mutant{
		dry(dryLease, func(top, _ holding, _ *brokenOutsider) holding { return top }),
		dry(dryLease, func(top, _ holding, _ *brokenOutsider) holding { // waits, although it holds nothing
			return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
				l, err := top(ctx, want)
				if err == nil {
					l.Release()
				}
				return puppet.HeldLease{Held: ctx, Release: func() {}}, err
			}
		}),
		dry(dryLease, func(_, dry holding, out *brokenOutsider) holding {
			return releases(dry, func(l topology.Lease, _ int) { free(out, l) })
		}),
		dry(invalidLease, careless),
		dry(cancelledLease, careless),
	})
}

// careless is a dry run that validates nothing.
func careless(_, _ holding, _ *brokenOutsider) holding {
	return func(ctx context.Context, _ topology.Lease) (puppet.HeldLease, error) {
		return puppet.HeldLease{Held: ctx, Release: func() {}}, nil
	}
}

// free clears the holder of a lease.
func free(out *brokenOutsider, l topology.Lease) { out.Outsider.HoldLease(l.Name, "", 0) }

// wants returns a method that asks for an altered lease.
func wants(do holding, alter func(*topology.Lease)) holding {
	return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
		alter(&want)
		return do(ctx, want)
	}
}

// releases returns a method that calls then after each release.
func releases(do holding, then func(l topology.Lease, n int)) holding {
	return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
		l, err := do(ctx, want)
		release, n := l.Release, 0
		l.Release = func() { n++; release(); then(want, n) }
		return l, err
	}
}

// answers returns a method that alters the held lease. The context is that of the caller.
func answers(do holding, alter func(ctx context.Context, l *puppet.HeldLease)) holding {
	return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
		l, err := do(ctx, want)
		if err == nil {
			alter(ctx, &l)
		}
		return l, err
	}
}

// regardless returns a method that ignores the end of the caller's context.
func regardless(do holding) holding {
	return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
		forLong, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
		l, err := do(forLong, want)
		if err != nil {
			cancel()
		}
		return puppet.HeldLease{Held: l.Held, Release: func() { l.Release(); cancel() }}, err
	}
}

// unshared returns a method that gives every caller a different lease.
func unshared(do holding, _ *brokenOutsider) holding {
	var n atomic.Int64
	return wants(do, func(l *topology.Lease) { l.Name += strings.Repeat("x", int(n.Add(1))) })
}

func holdingMutants(m func(string, func(holding, *brokenOutsider) holding) mutant) []mutant {
	return []mutant{
		m(freeLease, func(holding, *brokenOutsider) holding {
			return func(context.Context, topology.Lease) (puppet.HeldLease, error) {
				return puppet.HeldLease{}, topology.ErrTimeout
			}
		}),
		m(freeLease, func(do holding, _ *brokenOutsider) holding {
			return answers(do, func(_ context.Context, l *puppet.HeldLease) { l.Held = context.Background() })
		}),
		m(freeLease, func(do holding, _ *brokenOutsider) holding {
			return answers(do, func(_ context.Context, l *puppet.HeldLease) { l.Release() })
		}),
		m(waitsForLease, unshared),
		m(waitsForLease, func(do holding, _ *brokenOutsider) holding {
			return answers(do, func(_ context.Context, l *puppet.HeldLease) { l.Release = func() {} })
		}),
		m(waitsForLease, func(do holding, _ *brokenOutsider) holding {
			return answers(do, func(ctx context.Context, l *puppet.HeldLease) { l.Held = ctx })
		}),
		m(sameHolder, func(do holding, _ *brokenOutsider) holding {
			had := map[topology.Lease]puppet.HeldLease{}
			return func(ctx context.Context, want topology.Lease) (l puppet.HeldLease, err error) {
				if l, ok := had[want]; ok {
					return l, nil
				}
				l, err = do(ctx, want)
				had[want] = l
				return l, err
			}
		}),
		m(otherLease, func(do holding, _ *brokenOutsider) holding {
			return wants(do, func(l *topology.Lease) { l.Name = "one" })
		}),
		m(turnsOfSeveral, unshared),
		m(turnsOfSeveral, func(do holding, _ *brokenOutsider) holding { // the first holder never releases it
			return answers(do, func(_ context.Context, l *puppet.HeldLease) { l.Release = func() {} })
		}),
		m(renewedLease, func(do holding, out *brokenOutsider) holding { // the lease is never renewed
			return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
				l, err := do(ctx, want)
				if err == nil {
					out.Outsider.HoldLease(want.Name, want.Holder, want.Duration)
					l.Held = ctx
				}
				return l, err
			}
		}),
		m(renewedLease, func(do holding, _ *brokenOutsider) holding { // renewed in the store, but the context ends
			return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
				l, err := do(ctx, want)
				if err == nil {
					held, cancel := context.WithTimeout(l.Held, want.Duration)
					release := l.Release
					l = puppet.HeldLease{Held: held, Release: func() { cancel(); release() }}
				}
				return l, err
			}
		}),
		m(secondRelease, func(do holding, out *brokenOutsider) holding {
			return releases(do, func(l topology.Lease, n int) {
				if n > 1 {
					free(out, l)
				}
			})
		}),
	}
}

func losingMutants(m func(string, func(holding, *brokenOutsider) holding) mutant) []mutant {
	return []mutant{
		m(deadHolder, func(do holding, out *brokenOutsider) holding {
			return wants(do, func(l *topology.Lease) { free(out, *l) })
		}),
		m(deadHolder, func(do holding, out *brokenOutsider) holding { // a holder with the same name is replaced at once
			return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
				brief, cancel := context.WithTimeout(ctx, time.Millisecond)
				defer cancel()
				if _, err := do(brief, want); err != nil && strings.Contains(err.Error(), `"`+want.Holder+`"`) {
					free(out, want)
				}
				return do(ctx, want)
			}
		}),
		m(deadHolder, func(do holding, _ *brokenOutsider) holding {
			return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) { // callers that waited get no lease
				start := time.Now()
				l, err := do(ctx, want)
				if err == nil && time.Since(start) > time.Second {
					l.Release()
					return puppet.HeldLease{}, topology.ErrTimeout
				}
				return l, err
			}
		}),
		m(leaseTaken, func(do holding, _ *brokenOutsider) holding {
			return answers(do, func(ctx context.Context, l *puppet.HeldLease) { l.Held = ctx })
		}),
		m(leaseTaken, func(do holding, _ *brokenOutsider) holding { // without a cause
			return answers(do, func(ctx context.Context, l *puppet.HeldLease) {
				held, cancel := context.WithCancel(ctx)
				context.AfterFunc(l.Held, cancel)
				l.Held = held
			})
		}),
		m(leaseTaken, func(do holding, out *brokenOutsider) holding {
			return releases(do, func(l topology.Lease, _ int) { free(out, l) })
		}),
		m(callerEnds, func(do holding, _ *brokenOutsider) holding { return regardless(do) }),
		m(callerEnds, func(do holding, _ *brokenOutsider) holding { // only the context ends
			return answers(regardless(do), func(ctx context.Context, l *puppet.HeldLease) { l.Held = ctx })
		}),
		m(callerEnds, func(do holding, _ *brokenOutsider) holding { // without the cause
			return answers(do, func(ctx context.Context, l *puppet.HeldLease) {
				held, cancel := context.WithCancel(context.WithoutCancel(ctx))
				context.AfterFunc(l.Held, cancel)
				l.Held = held
			})
		}),
	}
}

func leaseErrorMutants(m func(string, func(holding, *brokenOutsider) holding) mutant) []mutant {
	fails := func(rule string, alter func(*topology.Error)) mutant {
		return m(rule, func(do holding, _ *brokenOutsider) holding {
			puppet.After(&do, func(_ topology.Lease, _ *puppet.HeldLease, err *error) {
				if typed, ok := (*err).(*topology.Error); ok { //nolint:errorlint // the error of the call itself
					alter(typed)
				}
			})
			return do
		})
	}
	lax := func(alter func(*topology.Lease)) mutant {
		return m(invalidLease, func(do holding, _ *brokenOutsider) holding { return wants(do, alter) })
	}
	return []mutant{
		fails(leaseTimeout, func(err *topology.Error) { err.Reason = topology.ErrUnavailable }),
		fails(leaseTimeout, func(err *topology.Error) { err.Detail = "" }),
		fails(leaseTimeout, func(err *topology.Error) { err.Cause = nil }),
		lax(func(l *topology.Lease) { l.Name = strings.ReplaceAll(strings.ToLower(l.Name), " ", "-") }),
		lax(func(l *topology.Lease) { l.Name = l.Name[:min(len(l.Name), 200)] }),
		lax(func(l *topology.Lease) { l.Name = "x" + l.Name[min(len(l.Name), 1):] }),
		lax(func(l *topology.Lease) { l.Holder = "x" }),
		lax(func(l *topology.Lease) { l.Duration = max(l.Duration, -l.Duration) }),
		lax(func(l *topology.Lease) {
			if l.Duration > 0 {
				l.Duration = time.Second
			}
		}),
		m(cancelledLease, func(do holding, _ *brokenOutsider) holding { return regardless(do) }),
		m(cancelledLease, func(do holding, out *brokenOutsider) holding { // returns the error, but holds the lease
			return func(ctx context.Context, want topology.Lease) (puppet.HeldLease, error) {
				if ctx.Err() != nil {
					out.Outsider.HoldLease(want.Name, want.Holder, want.Duration)
				}
				return do(ctx, want)
			}
		}),
	}
}
