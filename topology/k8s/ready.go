package k8s

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/version"

	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
	"github.com/polyphony-go/polyphony/topology/rbac"
)

// Permissions are what the caller needs for every capability together, in every namespace: the rules for a ClusterRole of Polyphony's own.
// Whoever makes roles must hold all that is in them, or the verb "escalate"; whoever binds them, the same or "bind": Kubernetes' guard
// against privilege escalation.
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
		rule("tenancy.polyphony.dev", "guardrails", "bypass"), // no resource that exists, just a right: to write tenants' namespaces
	}
}

// AdmissionPermissions are what the caller needs beyond [Permissions] for [Topology.Admit], which acts for others.
func AdmissionPermissions() []rbac.Rule {
	return []rbac.Rule{{APIGroups: []string{""}, Resources: []string{"users", "groups", "serviceaccounts"}, Verbs: []string{"impersonate"}}}
}

// LeasePermissions are what the caller needs beyond [Permissions] for [Topology.HoldLease], in Options.LeaseNamespace alone: the rules for a Role. In
// "kube-system" they are worth as much as the control plane's own leases, so that a namespace of Polyphony's own is the better place.
func LeasePermissions() []rbac.Rule {
	return []rbac.Rule{{APIGroups: []string{coordinationv1.GroupName}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}}}
}

// networkPlugins recognises what enforces network policies by the API groups that it brings.
var networkPlugins = []struct{ group, name string }{
	{"cilium.io", "cilium"},
	{"crd.projectcalico.org", "calico"},
	{"projectcalico.org", "calico"},
	{"k8s.ovn.org", "ovn-kubernetes"},
	{"crd.antrea.io", "antrea"},
}

// Ready implements topology.Topology.
func (t *Topology) Ready(ctx context.Context) (topology.Readiness, error) {
	c := adapter.Read(topology.KindReadiness, "")
	ready, err := t.identify(ctx, c)
	if err != nil {
		return topology.Readiness{}, err
	}
	ready.Missing, err = t.missing(ctx, c)
	return ready, err
}

// identify finds out what the cluster is.
func (t *Topology) identify(ctx context.Context, c adapter.Call) (topology.Readiness, error) {
	ready := topology.Readiness{Distribution: "kubernetes"}
	err := t.retry(ctx, c, func(ctx context.Context) error {
		var info version.Info
		if err := t.getJSON(ctx, "/version", &info); err != nil {
			return err
		}
		groups, err := t.apiGroups(ctx)
		if err != nil {
			return err
		}
		ready.Version = info.GitVersion
		if groups.Has(openShiftGroup) {
			ready.Distribution = "openshift"
		}
		for _, plugin := range networkPlugins {
			if groups.Has(plugin.group) {
				ready.NetworkPlugin = plugin.name
				break
			}
		}
		return nil
	})
	return ready, err
}

// apiGroups are the names of the API groups that the cluster serves.
func (t *Topology) apiGroups(ctx context.Context) (sets.Set[string], error) {
	var list metav1.APIGroupList
	if err := t.getJSON(ctx, "/apis", &list); err != nil {
		return nil, err
	}
	names := sets.New[string]()
	for _, group := range list.Groups {
		names.Insert(group.Name)
	}
	return names, nil
}

func (t *Topology) getJSON(ctx context.Context, path string, into any) error {
	data, err := t.clients.core().Get().MaxRetries(0).AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// missing asks for each permission whether the caller has it.
func (t *Topology) missing(ctx context.Context, c adapter.Call) ([]string, error) {
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
				review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
					ResourceAttributes: &authorizationv1.ResourceAttributes{Group: group, Resource: resource, Verb: verb, Namespace: namespace},
				}}
				err := t.retry(ctx, c, func(ctx context.Context) error {
					return t.clients.authorization().Post().MaxRetries(0).Resource("selfsubjectaccessreviews").Body(review).Do(ctx).Into(review)
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failure = err
				} else if !review.Status.Allowed {
					missing = append(missing, verb+" "+resourceName(group, resource)+where)
				}
			})
		}
	}
	wg.Wait()
	slices.Sort(missing)
	return missing, failure
}

func resourceName(group, resource string) string {
	if group == "" {
		return resource
	}
	return resource + "." + group
}

// Authorize implements topology.Authorizer, by a SubjectAccessReview.
func (t *Topology) Authorize(ctx context.Context, q rbac.Question) (rbac.Answer, error) {
	c := adapter.Ask(topology.KindAccess, q.Namespace)
	if err := q.Validate(); err != nil {
		return rbac.Answer{}, c.Invalid(err)
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: q.User, Groups: q.Groups,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: q.Verb, Group: q.APIGroup, Resource: q.Resource, Subresource: q.Subresource, Namespace: q.Namespace, Name: q.Name,
		},
	}}
	err := t.retry(ctx, c, func(ctx context.Context) error {
		return t.clients.authorization().Post().MaxRetries(0).Resource("subjectaccessreviews").Body(review).Do(ctx).Into(review)
	})
	answer := rbac.Answer{Allowed: review.Status.Allowed, Reason: review.Status.Reason}
	if answer.Allowed && answer.Reason == "" { // some authorizers keep it to themselves
		answer.Reason = "the cluster allows it, and does not say why: the group system:masters may do everything"
	}
	return answer, err
}
