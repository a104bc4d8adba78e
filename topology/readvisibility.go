package topology

import (
	"context"
	"slices"

	"github.com/polyphony-go/polyphony/topology/rbac"
)

// ReadVisibility lets groups read beyond their own namespace.
type ReadVisibility interface {
	// ClusterReaders reads which of a tenant's groups may read everywhere. None is ErrNotFound.
	ClusterReaders(ctx context.Context, tenant string) (ClusterReaders, error)

	// EnsureClusterReaders makes the tenant's cluster readers exactly those of want. If want has no
	// groups, it does what DeleteClusterReaders does.
	EnsureClusterReaders(ctx context.Context, want ClusterReaders) (Change, error)

	// DeleteClusterReaders takes the right away from the tenant's groups. A group that another
	// tenant has among its cluster readers keeps it.
	DeleteClusterReaders(ctx context.Context, tenant string) (Change, error)
}

// ClusterReaders are the groups of one tenant that may read the workloads of all namespaces, but
// never their Secrets. [ClusterReadRules] lists what counts as a workload.
type ClusterReaders struct {
	Tenant string   `json:"tenant"` // the name of the tenant
	Groups []string `json:"groups"` // names of groups, sorted, without duplicates; empty: none
}

// Clone returns a copy that shares nothing with c.
func (c ClusterReaders) Clone() ClusterReaders {
	c.Groups = slices.Clone(c.Groups)
	return c
}

// ClusterReadRules returns what cluster readers may read in every namespace. Secrets and ConfigMaps
// are left out, and so are all subresources (logs, exec) and all verbs that write. Source: the
// read-visibility ADR, "What IS Enforced"; see docs/sources.md.
func ClusterReadRules() []rbac.Rule {
	read := []string{"get", "list", "watch"}
	return []rbac.Rule{
		{APIGroups: []string{""}, Resources: []string{"namespaces", "pods", "services", "replicationcontrollers"}, Verbs: read},
		{APIGroups: []string{"apps"}, Resources: []string{"daemonsets", "deployments", "replicasets", "statefulsets"}, Verbs: read},
		{APIGroups: []string{"batch"}, Resources: []string{"cronjobs", "jobs"}, Verbs: read},
		{APIGroups: []string{"autoscaling"}, Resources: []string{"horizontalpodautoscalers"}, Verbs: read},
		{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses"}, Verbs: read},
		{APIGroups: []string{"policy"}, Resources: []string{"poddisruptionbudgets"}, Verbs: read},
	}
}
