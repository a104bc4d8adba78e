package main

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// kindZone is the kind of a Zone, in changes and errors.
const kindZone topology.Kind = "Zone"

// Zones is a capability: DNS zones, each of which belongs to a tenant. What every capability
// promises is in package topology.
type Zones interface {
	// Zone reads a zone. A zone that does not exist is ErrNotFound.
	Zone(ctx context.Context, name string) (Zone, error)

	// EnsureZone creates a zone or makes it equal to want. A zone of another tenant is ErrConflict.
	EnsureZone(ctx context.Context, want Zone) (topology.Change, error)

	// DeleteZone deletes a zone. If it does not exist, the change is Unchanged.
	DeleteZone(ctx context.Context, name string) (topology.Change, error)
}

// Zone is a DNS zone.
type Zone struct {
	Name   string `json:"name"`   // a domain, such as "acme.example.org"
	Tenant string `json:"tenant"` // the tenant that may edit its records
	TTL    int    `json:"ttl"`    // in seconds, of records without a TTL of their own
}

// ZoneScore is the desired state of one zone.
type ZoneScore struct {
	Zone   string `json:"zone"`          // the domain; required
	Tenant string `json:"tenant"`        // the tenant that may edit its records; required
	TTL    int    `json:"ttl,omitempty"` // in seconds, of records without a TTL; unset: 300
}

const defaultTTL = 300 // seconds

// ZoneTopology has the capabilities that a ZoneScore needs.
type ZoneTopology interface {
	topology.Topology
	Zones
}

var _ score.Score[ZoneTopology] = ZoneScore{}

// On binds the Score to a topology, for [score.Run].
func (s ZoneScore) On(t ZoneTopology) score.Step { return score.Bind[ZoneTopology](s, t) }

// Name returns "zone/" and the zone's name.
func (s ZoneScore) Name() string { return "zone/" + s.Zone }

// Validate reports every mistake at once, each with its JSON path.
func (s ZoneScore) Validate() error {
	var errs field.ErrorList
	for _, msg := range validation.IsDNS1123Subdomain(s.Zone) {
		errs = append(errs, field.Invalid(field.NewPath("zone"), s.Zone, msg))
	}
	for _, msg := range validation.IsDNS1123Label(s.Tenant) {
		errs = append(errs, field.Invalid(field.NewPath("tenant"), s.Tenant, msg))
	}
	if s.TTL < 0 {
		errs = append(errs, field.Invalid(field.NewPath("ttl"), s.TTL, "must not be negative"))
	}
	return errs.ToAggregate()
}

// Interpret returns the step that ensures the zone.
func (s ZoneScore) Interpret() interpret.Interpret[ZoneTopology] {
	return interpret.Func[ZoneTopology](s.execute)
}

func (s ZoneScore) execute(ctx context.Context, t ZoneTopology) (interpret.Outcome, error) {
	return interpret.Run(ctx, interpret.Ensure("zone", func(ctx context.Context) (topology.Change, error) {
		return t.EnsureZone(ctx, s.desired())
	}))
}

// desired returns the zone with its defaults.
func (s ZoneScore) desired() Zone {
	want := Zone{Name: s.Zone, Tenant: s.Tenant, TTL: s.TTL}
	if want.TTL == 0 {
		want.TTL = defaultTTL
	}
	return want
}
