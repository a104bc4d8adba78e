package k8s

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/cache"
	"github.com/polyphony-go/polyphony/internal/kube/dryrun"
	"github.com/polyphony-go/polyphony/internal/kube/retry"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Snapshot returns a view of the same cluster with a cache. It reads all objects of a kind when the
// first of them is needed, and updates the cache when it writes. A run over many tenants then costs
// one list for each kind, plus the writes. The kinds are Namespaces, Roles, RoleBindings,
// ClusterRoleBindings, the ResourceQuotas, LimitRanges and NetworkPolicies with the name of
// Polyphony's own, and the ClusterRole of groups that may read everywhere. [Topology.Tenants] reads
// all of them but the last, at the same time. Every other kind is read from the server.
//
// After a write that fails, and after each deletion, the next read of that object asks the server.
// Waits for a namespace or for a quota share one watch of the kind, which also updates the cache. A
// snapshot notices no other change by others. Use one for one run, or call [Topology.Refresh]. A
// roster calls it once it holds the lease. [topology.Live] bypasses the cache.
func (t *Topology) Snapshot() *Topology {
	view := *t
	view.snapshot, view.reads = newSnapshot(t.server)
	view.clients = view.reads
	if view.dry {
		view.clients = dryrun.Clients(view.reads)
	}
	return &view
}

// Refresh implements topology.Snapshots. It sends no request. The discovered platform stays cached,
// for up to a minute.
func (t *Topology) Refresh() {
	if t.snapshot != nil {
		t.snapshot.refresh()
	}
}

// snapshot is the cache of a view.
type snapshot struct {
	store      cache.Store
	namespaces *cache.Client[*corev1.Namespace]
	quotas     *cache.Client[*corev1.ResourceQuota]

	mu            sync.Mutex
	accountGrants map[string][]string // nil: not read yet
}

// newSnapshot returns an empty snapshot of the kinds that a run over many tenants reads, and the
// clients that read from it. It selects objects by name: a selection by labels would miss those
// that have lost the label.
func newSnapshot(server kube.Clients) (*snapshot, kube.Clients) {
	s, c := &snapshot{}, server
	own := "metadata.name=" + objectName
	s.namespaces = cache.New(&s.store, server.Namespaces,
		cache.Options{Resource: "namespaces", LabelPrefix: adapter.LabelDomain, ReadAhead: true})
	s.quotas = cache.New(&s.store, server.Quotas, cache.Options{Resource: "resourcequotas", Fields: own, ReadAhead: true})
	c.Namespaces, c.Quotas = s.namespaces, s.quotas
	c.LimitRanges = cache.New(&s.store, server.LimitRanges,
		cache.Options{Resource: "limitranges", Fields: own, ReadAhead: true})
	c.NetworkPolicies = cache.New(&s.store, server.NetworkPolicies,
		cache.Options{Resource: "networkpolicies", Fields: own, ReadAhead: true})
	c.Roles = cache.New(&s.store, server.Roles, cache.Options{Resource: "roles", ReadAhead: true})
	c.RoleBindings = cache.New(&s.store, server.RoleBindings, cache.Options{Resource: "rolebindings", ReadAhead: true})
	c.ClusterRoles = cache.New(&s.store, server.ClusterRoles,
		cache.Options{Resource: "clusterroles", Fields: "metadata.name=" + readersRole})
	c.ClusterRoleBindings = cache.New(&s.store, server.ClusterRoleBindings,
		cache.Options{Resource: "clusterrolebindings", ReadAhead: true})
	return s, c
}

func (s *snapshot) refresh() {
	s.store.Invalidate()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accountGrants = nil
}

// readAhead reads what a run over all tenants needs. Without a snapshot it does nothing.
func (s *snapshot) readAhead(ctx context.Context) {
	if s != nil {
		s.store.ReadAhead(ctx)
	}
}

// namespaceEvents returns the events of a namespace, nil without a snapshot.
func (s *snapshot) namespaceEvents(name string) retry.Events {
	if s == nil {
		return nil
	}
	return func() (func() <-chan struct{}, func()) { return s.namespaces.Follow("", name) }
}

// quotaEvents returns the events of a tenant's quota, nil without a snapshot.
func (s *snapshot) quotaEvents(namespace string) retry.Events {
	if s == nil {
		return nil
	}
	return func() (func() <-chan struct{}, func()) { return s.quotas.Follow(namespace, objectName) }
}
