package main

import (
	"context"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/polyphony-go/polyphony/interpret"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/topology"
)

// Zones is a capability: DNS zones, each of them a tenant's. It keeps the promises of every capability, see package topology.
type Zones interface {
	Zone(ctx context.Context, name string) (Zone, error)

	// EnsureZone creates or repairs a zone. One that another tenant has is ErrConflict.
	EnsureZone(ctx context.Context, want Zone) (topology.Change, error)

	DeleteZone(ctx context.Context, name string) (topology.Change, error)
}

// Zone is a DNS zone.
type Zone struct {
	Name   string `json:"name"`
	Tenant string `json:"tenant"` // who may edit its records
	TTL    int    `json:"ttl"`    // in seconds, of records that state none
}

// ZoneScore is the desired state of one zone.
type ZoneScore struct {
	Zone   string `json:"zone"`
	Tenant string `json:"tenant"`
	TTL    int    `json:"ttl,omitempty"` // in seconds; unset: five minutes
}

const defaultTTL = 300

// ZoneTopology is what it takes to make a zone.
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

// Interpret makes the zone.
func (s ZoneScore) Interpret() interpret.Interpret[ZoneTopology] {
	return interpret.Func[ZoneTopology](func(ctx context.Context, t ZoneTopology) (interpret.Outcome, error) {
		return interpret.Run(ctx, interpret.Step{Name: "zone", Do: func(ctx context.Context) (topology.Change, error) {
			return t.EnsureZone(ctx, s.desired())
		}})
	})
}

func (s ZoneScore) desired() Zone {
	want := Zone{Name: s.Zone, Tenant: s.Tenant, TTL: s.TTL}
	if want.TTL == 0 {
		want.TTL = defaultTTL
	}
	return want
}
