package k8s

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// Tenants implements topology.Rosters. On a snapshot it also reads the other kinds, which a run
// over all tenants needs.
func (t *Topology) Tenants(ctx context.Context) ([]topology.Namespace, error) {
	t.snapshot.readAhead(ctx)
	var all []topology.Namespace
	err := t.retry.Do(ctx, adapter.Read(topology.KindTenants, t.name), func(ctx context.Context) error {
		all = nil
		return kube.Each(ctx, t.clients.Namespaces, topology.LabelTenant, func(have *corev1.Namespace) {
			if ns := toNamespace(have); ns.Managed {
				all = append(all, ns)
			}
		})
	})
	slices.SortFunc(all, func(a, b topology.Namespace) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}
