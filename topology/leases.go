package topology

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Leases keeps two runs of the same kind apart, on whatever machines they are.
type Leases interface {
	// HoldLease waits until nobody else holds the lease, takes it, and keeps it renewed until
	// release is called or ctx ends. Both give it up at once, so that the next holder need not
	// wait. Which of several waiting callers that is, is not specified. A second call of release
	// does nothing.
	//
	// The returned context derives from ctx. It ends as soon as the lease is no longer certain. If
	// the lease could not be renewed for two thirds of its duration, [context.Cause] is
	// ErrUnavailable; no other caller may take the lease before that. If another caller has taken
	// it all the same, the cause is ErrConflict and names the new holder. Run what the lease
	// protects under that context, and finish it before release.
	//
	// A holder that dies without giving up is replaced once the lease was not renewed for its
	// duration, as the waiting caller has measured by its own clock. Two holders of the same name
	// are two.
	//
	// If ctx ends first, the error is ErrTimeout and its Detail names the holder. An infrastructure
	// that does not answer is asked again until then. An object of that name that is not a lease of
	// Polyphony's is ErrConflict and stays untouched. On a dry run HoldLease returns at once and
	// holds nothing.
	HoldLease(ctx context.Context, want Lease) (held context.Context, release func(), err error)
}

// Lease is the right to do something alone, for as long as it is renewed.
type Lease struct {
	Name   string // what is to be done by one at a time: a DNS-1123 subdomain of at most 200 characters
	Holder string // who wants it, for others to read, such as the name of a host

	// Duration is how long others wait for a holder that has died. For two thirds of it an
	// infrastructure may be away before a run loses the lease. From 100ms to a day; adapters may
	// round it up to seconds. Unset: 15s.
	Duration time.Duration
}

// What a Lease can be.
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
		return errors.New("it needs a holder, so that others can see for whom they wait")
	}
	if l.Duration != 0 && (l.Duration < minLeaseDuration || l.Duration > maxLeaseDuration) {
		return fmt.Errorf("its duration of %s is not between %s and %s", l.Duration, minLeaseDuration, maxLeaseDuration)
	}
	return nil
}
