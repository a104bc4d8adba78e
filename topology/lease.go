package topology

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Leases keeps two runs of the same kind apart, on whatever machines they are.
type Leases interface {
	// HoldLease waits until nobody else holds the lease, takes it, and keeps it renewed until release is called or ctx ends. Both give it up at
	// once, so that the next one need not wait; who that is, is left open. A second release does nothing.
	//
	// The context that is returned is ctx, and ends as soon as the lease can no longer be counted on: when it could not be renewed for two
	// thirds of its duration, which is before anybody else may take it ([context.Cause] is ErrUnavailable), or when it is found taken away
	// all the same (ErrConflict, naming who holds it now). What the lease is for has to run under that context, and be over before release.
	//
	// A holder that dies without giving up is replaced once the lease was not renewed for its duration, as whoever waits has seen by a clock of
	// their own. Two holders of the same name are two.
	//
	// When ctx ends first, the error is ErrTimeout and its Detail names the holder. An infrastructure that does not answer is asked again until
	// then. Something of that name that is no lease of Polyphony's is ErrConflict and stays untouched. On a dry run it returns at once and
	// holds nothing.
	HoldLease(ctx context.Context, want Lease) (held context.Context, release func(), err error)
}

// Lease is the right to do something alone, for as long as it is renewed.
type Lease struct {
	Name   string `json:"name"`   // of what is to be done by one at a time: a DNS-1123 subdomain of at most 200 characters
	Holder string `json:"holder"` // who wants it, for others to read, such as a host's name

	// Duration is how long others wait for a holder that has died, and how long an infrastructure may be away before a run loses the
	// lease (two thirds of it). From 100ms to a day; adapters may round it up to seconds. Unset: 15s.
	Duration time.Duration `json:"duration,omitempty"`
}

// What a Lease can be.
const (
	maxLeaseName     = 200 // adapters put something of their own before it
	minLeaseDuration = 100 * time.Millisecond
	maxLeaseDuration = 24 * time.Hour
)

// Check refuses a lease that cannot be held.
func (l Lease) Check() error {
	fails := func(detail string) error {
		return &Error{Op: "hold", Kind: "Lease", Name: l.Name, Reason: ErrInvalid, Detail: detail}
	}
	if problems := validation.IsDNS1123Subdomain(l.Name); len(problems) > 0 {
		return fails("its name will not do: " + problems[0])
	}
	if len(l.Name) > maxLeaseName {
		return fails(fmt.Sprintf("its name has more than %d characters", maxLeaseName))
	}
	if l.Holder == "" {
		return fails("it needs a holder, so that others can see who it is that they wait for")
	}
	if l.Duration != 0 && (l.Duration < minLeaseDuration || l.Duration > maxLeaseDuration) {
		return fails(fmt.Sprintf("its duration of %s is not between %s and %s", l.Duration, minLeaseDuration, maxLeaseDuration))
	}
	return nil
}
