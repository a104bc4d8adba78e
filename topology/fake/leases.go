package fake

import (
	"context"
	"time"

	"github.com/polyphony-go/polyphony/internal/lease"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// leaseRecord is a lease as it is stored, and how often it was.
type leaseRecord struct {
	lease.Record
	version int
}

// HoldLease implements topology.Leases. Faults can meet the call ("hold", "Lease") and what it does until it is released: "read" and "ensure" of
// the kind "Lease", once each to take it and for each renewal.
func (t *Topology) HoldLease(ctx context.Context, want topology.Lease) (held context.Context, release func(), err error) {
	c := adapter.Hold(topology.KindLease, want.Name)
	if err := t.begin(ctx, c); err != nil {
		return nil, nil, err
	}
	if err := want.Validate(); err != nil {
		return nil, nil, c.Invalid(err)
	}
	if t.dry {
		return ctx, func() {}, nil
	}
	return lease.Hold(ctx, leaseStore{t, want.Name}, want)
}

// leaseStore is where one lease is.
type leaseStore struct {
	t    *Topology
	name string
}

// Read implements lease.Store.
func (s leaseStore) Read(ctx context.Context) (lease.Record, int, error) {
	c := adapter.Read(topology.KindLease, s.name)
	if err := s.t.faults.before(ctx, c); err != nil {
		return lease.Record{}, 0, err
	}
	s.t.state.mu.Lock()
	defer s.t.state.mu.Unlock()
	have, ok := s.t.state.leases[s.name]
	if !ok {
		return lease.Record{}, 0, c.Fail(topology.ErrNotFound, "")
	}
	return have.Record, have.version, nil
}

// Create implements lease.Store.
func (s leaseStore) Create(ctx context.Context, r lease.Record) error { return s.Update(ctx, 0, r) }

// Update implements lease.Store.
func (s leaseStore) Update(ctx context.Context, version int, r lease.Record) error {
	c := adapter.Ensure(topology.KindLease, s.name)
	if err := s.t.faults.before(ctx, c); err != nil {
		return err
	}
	s.t.state.mu.Lock()
	defer s.t.state.mu.Unlock()
	if s.t.state.leases[s.name].version != version {
		return c.Fail(topology.ErrConflict, "somebody else was faster")
	}
	s.t.state.leases[s.name] = leaseRecord{r, version + 1}
	return s.t.end(c)
}

// HoldLease makes somebody hold a lease who does not renew it, whoever holds it.
func (o Outsider) HoldLease(name, holder string, duration time.Duration) {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	now := time.Now()
	record := lease.Record{Holder: holder, Duration: duration, Acquired: now, Renewed: now}
	o.state.leases[name] = leaseRecord{record, o.state.leases[name].version + 1}
}
