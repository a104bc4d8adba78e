package lease

import (
	"context"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

// memoryStore is a Store in memory. Views share its record, and each can inject other faults.
type memoryStore struct {
	mu      *sync.Mutex
	record  **Record
	version *int
	writes  *int

	before func(ctx context.Context, op string) error // called before an operation, which its error prevents
	after  func(op string) error                      // called after an operation that has succeeded
}

func newMemoryStore() *memoryStore {
	return &memoryStore{mu: new(sync.Mutex), record: new(*Record), version: new(int), writes: new(int)}
}

// view returns a view of the same record without faults.
func (m *memoryStore) view() *memoryStore {
	other := *m
	other.before, other.after = nil, nil
	return &other
}

func failure(reason error) error {
	return &topology.Error{Op: "ensure", Kind: "Lease", Reason: reason, Detail: "the detail", Cause: errCause}
}

func (m *memoryStore) do(ctx context.Context, op string, run func() error) error {
	m.mu.Lock()
	before := m.before
	m.mu.Unlock()
	if before != nil {
		if err := before(ctx, op); err != nil {
			return err
		}
	}
	m.mu.Lock()
	err := run()
	m.mu.Unlock()
	if err == nil && m.after != nil {
		err = m.after(op)
	}
	return err
}

func (m *memoryStore) Read(ctx context.Context) (record Record, version int, err error) {
	err = m.do(ctx, "read", func() error {
		if *m.record == nil {
			return failure(topology.ErrNotFound)
		}
		record, version = **m.record, *m.version
		return nil
	})
	return record, version, err
}

func (m *memoryStore) Create(ctx context.Context, r Record) error {
	return m.do(ctx, "create", func() error {
		if *m.record != nil {
			return failure(topology.ErrConflict)
		}
		m.store(&r)
		return nil
	})
}

func (m *memoryStore) Update(ctx context.Context, version int, r Record) error {
	return m.do(ctx, "update", func() error {
		if *m.record == nil || version != *m.version {
			return failure(topology.ErrConflict)
		}
		m.store(&r)
		return nil
	})
}

func (m *memoryStore) store(r *Record) {
	*m.record = r
	*m.version++
	*m.writes++
}

// fail injects a fault from now on. Nil: none.
func (m *memoryStore) fail(before func(ctx context.Context, op string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = before
}

// put stores a record without a check of the version. Nil removes the record.
func (m *memoryStore) put(r *Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.store(r)
}

func (m *memoryStore) have() Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return **m.record
}

func (m *memoryStore) written() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.writes
}

// dead returns the record of a holder that does not renew it.
func dead(d time.Duration) *Record { return &Record{Holder: "dead", Duration: d} }
