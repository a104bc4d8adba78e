package k8s

import (
	"context"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Permissions returns the rights that the caller needs for all capabilities together, in every
// namespace: the rules for a ClusterRole of Polyphony's own.
//
// Kubernetes prevents privilege escalation. To write a role, a user needs every right in it or the
// verb "escalate". To bind a role, a user needs every right in it or the verb "bind". The rules
// have both verbs.
func Permissions() []rbac.Rule {
	rule := func(group, resource string, verbs ...string) rbac.Rule {
		return rbac.Rule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
	}
	return []rbac.Rule{
		rule("", "namespaces", "get", "list", "watch", "create", "update", "delete"),
		rule("", "nodes", "list"),
		rule("", "pods", "list"),
		rule("", "services", "list"),
		rule("", "persistentvolumeclaims", "list"),
		rule("", "persistentvolumes", "list"),
		rule("", "resourcequotas", "get", "list", "watch", "create", "update", "delete"),
		rule("", "limitranges", "get", "list", "create", "update", "delete"),
		rule("admissionregistration.k8s.io", "validatingadmissionpolicies", "get", "list", "create", "update", "delete"),
		rule("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "get", "list", "create", "update", "delete"),
		rule("apps", "daemonsets", "get"),
		rule("authorization.k8s.io", "subjectaccessreviews", "create"),
		rule("discovery.k8s.io", "endpointslices", "list"),
		rule("gateway.networking.k8s.io", "grpcroutes", "list"),
		rule("gateway.networking.k8s.io", "httproutes", "list"),
		rule("networking.k8s.io", "ingresses", "list"),
		rule("networking.k8s.io", "networkpolicies", "get", "list", "create", "update", "delete"),
		rule("networking.k8s.io", "servicecidrs", "list"),
		rule("rbac.authorization.k8s.io", "roles", "get", "list", "create", "update", "delete", "escalate", "bind"),
		rule("rbac.authorization.k8s.io", "rolebindings", "get", "list", "create", "update", "delete"),
		rule("rbac.authorization.k8s.io", "clusterroles", "get", "list", "create", "update", "escalate", "bind"),
		rule("rbac.authorization.k8s.io", "clusterrolebindings", "get", "list", "create", "update", "delete"),
		rule("scheduling.k8s.io", "priorityclasses", "list"),
		rule("storage.k8s.io", "storageclasses", "list"),
		// No such resource exists: it is the right to write tenants' namespaces.
		rule("tenancy.polyphony.dev", "guardrails", "bypass"),
	}
}

// AdmissionPermissions returns the rights that the caller needs beyond [Permissions] for
// [Topology.Admit], which impersonates the senders of requests.
func AdmissionPermissions() []rbac.Rule {
	return []rbac.Rule{{
		APIGroups: []string{""}, Resources: []string{"users", "groups", "serviceaccounts"}, Verbs: []string{"impersonate"},
	}}
}

// LeasePermissions returns the rights that the caller needs beyond [Permissions] for
// [Topology.HoldLease], only in Options.LeaseNamespace: the rules for a Role. In "kube-system" they
// include the leases of the control plane, so a separate namespace is better.
func LeasePermissions() []rbac.Rule {
	return []rbac.Rule{{
		APIGroups: []string{coordinationv1.GroupName}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"},
	}}
}

// findMissing returns the permissions that the caller does not have, sorted.
func (t *Topology) findMissing(ctx context.Context, c adapter.Call) ([]string, error) {
	var mu sync.Mutex
	var missing []string
	var failure error
	var wg sync.WaitGroup
	for _, p := range slices.Concat(Permissions(), LeasePermissions()) {
		group, resource, namespace, where := p.APIGroups[0], p.Resources[0], "", ""
		if group == coordinationv1.GroupName {
			namespace, where = t.opts.LeaseNamespace, " in "+t.opts.LeaseNamespace
		}
		for _, verb := range p.Verbs {
			wg.Go(func() {
				allowed, err := t.mayI(ctx, c, authorizationv1.ResourceAttributes{
					Group: group, Resource: resource, Verb: verb, Namespace: namespace,
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failure = err
				} else if !allowed {
					missing = append(missing, verb+" "+resourceName(group, resource)+where)
				}
			})
		}
	}
	wg.Wait()
	slices.Sort(missing)
	return missing, failure
}

func (t *Topology) mayI(ctx context.Context, c adapter.Call, to authorizationv1.ResourceAttributes) (bool, error) {
	review := &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &to},
	}
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		return t.clients.Server.Review(ctx, "selfsubjectaccessreviews", review)
	})
	return review.Status.Allowed, err
}

func resourceName(group, resource string) string {
	if group == "" {
		return resource
	}
	return resource + "." + group
}
