package topology

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Leases keeps two runs of the same kind apart, also on different machines.
type Leases interface {
	// HoldLease waits until no other caller holds the lease, takes it, and renews it until release
	// is called or ctx ends. Both give it up at once, so that the next holder need not wait. The
	// order of several waiting callers is not specified. A second call of release does nothing.
	//
	// The returned context derives from ctx. It ends as soon as the lease is no longer certain. If
	// the lease could not be renewed for two thirds of its duration, [context.Cause] is
	// ErrUnavailable; no other caller may take the lease before that. If another caller has taken
	// it nevertheless, the cause is ErrConflict and names the new holder. Run what the lease
	// protects under that context, and finish it before release.
	//
	// A holder that dies without giving up is replaced once the lease was not renewed for its
	// duration, measured by the clock of the waiting caller. Two calls with the same Holder are
	// different holders.
	//
	// If ctx ends first, the error is ErrTimeout and its Detail names the holder. Until then,
	// HoldLease repeats requests that get no answer. An object of that name that is not a lease of
	// Polyphony's is ErrConflict and stays untouched. On a dry run HoldLease returns at once and
	// holds nothing.
	HoldLease(ctx context.Context, want Lease) (held context.Context, release func(), err error)
}

// Lease is the exclusive right to do one task, for as long as it is renewed.
type Lease struct {
	// Name names the task that the lease protects: a DNS-1123 subdomain of at most 200 characters.
	Name string

	// Holder names the caller for people, such as the name of a host. It must not be empty.
	Holder string

	// Duration is how long others wait for a holder that has died. A run loses its lease if the
	// infrastructure does not answer for two thirds of it. From 100ms to a day; adapters may round
	// it up to seconds. Unset: 15s.
	Duration time.Duration
}

// The bounds of a Lease.
const (
	maxLeaseName     = 200 // adapters add a prefix of their own
	minLeaseDuration = 100 * time.Millisecond
	maxLeaseDuration = 24 * time.Hour
)

// Validate refuses a lease that cannot be held.
func (l Lease) Validate() error {
	if problems := validation.IsDNS1123Subdomain(l.Name); len(problems) > 0 {
		return fmt.Errorf("its name is not valid: %s", problems[0])
	}
	if len(l.Name) > maxLeaseName {
		return fmt.Errorf("its name has more than %d characters", maxLeaseName)
	}
	if l.Holder == "" {
		return errors.New("it needs a holder, so that waiting callers can see the current holder")
	}
	if l.Duration != 0 && (l.Duration < minLeaseDuration || l.Duration > maxLeaseDuration) {
		return fmt.Errorf("its duration of %s is not between %s and %s", l.Duration, minLeaseDuration, maxLeaseDuration)
	}
	return nil
}
