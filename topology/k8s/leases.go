package k8s

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube/retry"
	"github.com/polyphony-go/polyphony/internal/lease"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// HoldLease implements topology.Leases by a Lease "polyphony-<name>" in Options.LeaseNamespace. It
// has the form that client-go's leader election uses, so `kubectl get leases` shows the holder.
// Durations are rounded up to seconds.
func (t *Topology) HoldLease(ctx context.Context, want topology.Lease) (held context.Context, release func(), err error) {
	c := adapter.Hold(topology.KindLease, want.Name)
	if ctx.Err() != nil {
		return nil, nil, c.Stopped(ctx)
	}
	if err := want.Validate(); err != nil {
		return nil, nil, c.Invalid(err)
	}
	if t.dry {
		return ctx, func() {}, nil
	}
	want.Duration = time.Duration(seconds(want.Duration)) * time.Second
	return lease.Hold(ctx, leaseStore{t, c}, want)
}

// seconds returns d in seconds, rounded up. It is a day at most.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

// leaseStore stores the record of one lease.
type leaseStore struct {
	t    *Topology
	call adapter.Call
}

func (s leaseStore) object() string { return objectName + "-" + s.call.Name }

// Read implements lease.Store.
func (s leaseStore) Read(ctx context.Context) (lease.Record, *coordinationv1.Lease, error) {
	namespace := s.t.opts.LeaseNamespace
	have, err := s.t.clients.Leases.Get(ctx, namespace, s.object())
	switch {
	case err != nil:
		return lease.Record{}, nil, s.failed(ctx, err)
	case have.Labels[topology.LabelLease] != "true":
		return lease.Record{}, nil, s.call.Fail(topology.ErrConflict, "the Lease "+namespace+"/"+s.object()+
			" is in its place, and polyphony does not manage it; remove that Lease, or set k8s.Options.LeaseNamespace")
	default:
		return readLease(have.Spec), have, nil
	}
}

// Create implements lease.Store.
func (s leaseStore) Create(ctx context.Context, r lease.Record) error {
	namespace := s.t.opts.LeaseNamespace
	_, err := s.t.clients.Leases.Create(ctx, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: s.object(), Labels: map[string]string{topology.LabelLease: "true"},
		},
		Spec: writeLease(r),
	})
	switch {
	case apierrors.IsNotFound(err):
		return s.call.Fail(topology.ErrNotFound,
			"the namespace "+namespace+" does not exist; create it, or set k8s.Options.LeaseNamespace")
	case err != nil:
		return s.failed(ctx, err)
	default:
		return nil
	}
}

// Update implements lease.Store.
func (s leaseStore) Update(ctx context.Context, version *coordinationv1.Lease, r lease.Record) error {
	to := version.DeepCopy()
	to.Spec = writeLease(r)
	if _, err := s.t.clients.Leases.Update(ctx, to); err != nil {
		return s.failed(ctx, err)
	}
	return nil
}

// failed returns the error of a request. The refusal of an API server that is starting means that
// it is not available.
func (s leaseStore) failed(ctx context.Context, err error) error {
	if s.t.clients.Server.Starting(ctx, err) {
		return s.call.Wrap(topology.ErrUnavailable, "the API server is starting", err)
	}
	return retry.Fail(s.call, err)
}

func readLease(spec coordinationv1.LeaseSpec) lease.Record {
	return lease.Record{
		Holder:      orZero(spec.HolderIdentity),
		Duration:    time.Duration(orZero(spec.LeaseDurationSeconds)) * time.Second,
		Acquired:    orZero(spec.AcquireTime).Time,
		Renewed:     orZero(spec.RenewTime).Time,
		Transitions: int(orZero(spec.LeaseTransitions)),
	}
}

func writeLease(r lease.Record) coordinationv1.LeaseSpec {
	return coordinationv1.LeaseSpec{
		HolderIdentity:       &r.Holder,
		LeaseDurationSeconds: new(seconds(r.Duration)),
		AcquireTime:          new(metav1.NewMicroTime(r.Acquired)),
		RenewTime:            new(metav1.NewMicroTime(r.Renewed)),
		LeaseTransitions:     new(int32(r.Transitions)),
	}
}

func orZero[V any](v *V) (zero V) {
	if v == nil {
		return zero
	}
	return *v
}
