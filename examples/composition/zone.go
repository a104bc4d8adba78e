package main

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
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
	Name   string          `json:"name"`   // a domain, such as "acme.example.org"
	Tenant string          `json:"tenant"` // the tenant that may edit its records
	TTL    tenant.Duration `json:"ttl"`    // of records without a TTL of their own, in whole seconds
}

// ZoneScore is the desired state of one zone.
type ZoneScore struct {
	Zone   string `json:"zone"`   // the domain; required
	Tenant string `json:"tenant"` // the tenant that may edit its records; required

	// TTL is how long others may cache records without a TTL of their own, such as "1h". DNS knows
	// whole seconds only. Unset: five minutes.
	TTL tenant.Duration `json:"ttl,omitzero"`
}

const defaultTTL = 5 * time.Minute

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
	if ttl := time.Duration(s.TTL); ttl < 0 || ttl != ttl.Truncate(time.Second) {
		errs = append(errs, field.Invalid(field.NewPath("ttl"), s.TTL.String(), "must be whole seconds, and not negative"))
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
	return Zone{Name: s.Zone, Tenant: s.Tenant, TTL: tenant.Duration(s.TTL.Or(defaultTTL))}
}
