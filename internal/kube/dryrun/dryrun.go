// Package dryrun drops writes: reads go through, and writes do nothing and succeed. Waits and
// leases are not its part; the adapter returns from them at once on a dry run.
package dryrun

import (
	"context"

	"github.com/polyphony-go/polyphony/internal/kube"
)

// Clients returns clients that read with the given ones, and whose writes do nothing and succeed.
func Clients(c kube.Clients) kube.Clients {
	return kube.Clients{
		Claims:              New(c.Claims),
		ClusterRoleBindings: New(c.ClusterRoleBindings),
		ClusterRoles:        New(c.ClusterRoles),
		DaemonSets:          New(c.DaemonSets),
		EndpointSlices:      New(c.EndpointSlices),
		Leases:              New(c.Leases),
		LimitRanges:         New(c.LimitRanges),
		Namespaces:          New(c.Namespaces),
		NetworkPolicies:     New(c.NetworkPolicies),
		Nodes:               New(c.Nodes),
		Policies:            New(c.Policies),
		PolicyBindings:      New(c.PolicyBindings),
		PriorityClasses:     New(c.PriorityClasses),
		Quotas:              New(c.Quotas),
		RoleBindings:        New(c.RoleBindings),
		Roles:               New(c.Roles),
		ServiceCIDRs:        New(c.ServiceCIDRs),
		Services:            New(c.Services),
		StorageClasses:      New(c.StorageClasses),
		Volumes:             New(c.Volumes),
		Server:              c.Server,
	}
}

// New returns a client that reads with next, and whose writes do nothing and succeed. A write
// returns the object that it was given. Later reads do not show it.
func New[T kube.Object](next kube.Client[T]) kube.Client[T] { return client[T]{next} }

type client[T kube.Object] struct{ kube.Client[T] }

func (client[T]) Create(_ context.Context, object T) (T, error) { return object, nil }
func (client[T]) Update(_ context.Context, object T) (T, error) { return object, nil }
func (client[T]) Delete(context.Context, T) error               { return nil }
