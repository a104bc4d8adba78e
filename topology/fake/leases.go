package fake

import (
	"context"

	"github.com/polyphony-go/polyphony/internal/lease"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// leaseRecord is the stored record of a lease.
type leaseRecord struct {
	lease.Record
	version int // how often it was stored
}

// HoldLease implements topology.Leases.
//
// Faults apply to the call itself ("hold" of the kind "Lease") and to its requests until the lease
// is released: one "read" and one "ensure" of the kind "Lease" to take it, and for each renewal.
func (t *Topology) HoldLease(
	ctx context.Context, want topology.Lease,
) (held context.Context, release func(), err error) {
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

// leaseStore stores the record of one lease. Versions start with 1; 0 stands for no record.
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
		return c.Fail(topology.ErrConflict, "the record has changed since it was read")
	}
	s.t.state.leases[s.name] = leaseRecord{r, version + 1}
	return s.t.end(c)
}
