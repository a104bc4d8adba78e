package k8s

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/version"

	"github.com/polyphony-go/polyphony/topology"
)

// permission is something that the caller must be allowed to do in every namespace.
type permission struct {
	group, resource string
	verbs           []string
}

// permissions are what every capability together needs. Whoever makes roles must hold all that is in them, or the verb "escalate"; whoever binds
// them, the same or "bind" (Kubernetes' guard against privilege escalation).
var permissions = []permission{
	{"", "namespaces", []string{"get", "create", "update", "delete"}},
	{"", "nodes", []string{"list"}},
	{"", "services", []string{"list"}},
	{"", "persistentvolumeclaims", []string{"list"}},
	{"", "resourcequotas", []string{"get", "create", "update", "delete"}},
	{"", "limitranges", []string{"get", "create", "update", "delete"}},
	{"apps", "daemonsets", []string{"get"}},
	{"authorization.k8s.io", "subjectaccessreviews", []string{"create"}},
	{"discovery.k8s.io", "endpointslices", []string{"list"}},
	{"networking.k8s.io", "networkpolicies", []string{"get", "create", "update", "delete"}},
	{"networking.k8s.io", "servicecidrs", []string{"list"}},
	{"rbac.authorization.k8s.io", "roles", []string{"get", "list", "create", "update", "delete", "escalate", "bind"}},
	{"rbac.authorization.k8s.io", "rolebindings", []string{"get", "list", "create", "update", "delete"}},
	{"rbac.authorization.k8s.io", "clusterroles", []string{"get", "create", "update", "escalate", "bind"}},
	{"rbac.authorization.k8s.io", "clusterrolebindings", []string{"get", "create", "update", "delete"}},
	{"storage.k8s.io", "storageclasses", []string{"list"}},
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
	c := call{op: "read", kind: "Readiness"}
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
	if err != nil {
		return topology.Readiness{}, err
	}
	ready.Missing, err = t.missing(ctx, c)
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
	data, err := t.clients.core().Get().AbsPath(path).SetHeader("Accept", "application/json").DoRaw(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// missing asks for each permission whether the caller has it.
func (t *Topology) missing(ctx context.Context, c call) ([]string, error) {
	var mu sync.Mutex
	var missing []string
	var failure error
	var wg sync.WaitGroup
	for _, p := range permissions {
		for _, verb := range p.verbs {
			wg.Go(func() {
				review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
					ResourceAttributes: &authorizationv1.ResourceAttributes{Group: p.group, Resource: p.resource, Verb: verb},
				}}
				err := t.retry(ctx, c, func(ctx context.Context) error {
					return t.clients.authorization().Post().Resource("selfsubjectaccessreviews").Body(review).Do(ctx).Into(review)
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failure = err
				} else if !review.Status.Allowed {
					missing = append(missing, verb+" "+resourceName(p.group, p.resource))
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
func (t *Topology) Authorize(ctx context.Context, q topology.AccessQuestion) (topology.AccessAnswer, error) {
	c := call{"ask", "Access", q.Namespace}
	if err := q.Check(); err != nil {
		return topology.AccessAnswer{}, err
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: q.User, Groups: q.Groups,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: q.Verb, Group: q.APIGroup, Resource: q.Resource, Subresource: q.Subresource, Namespace: q.Namespace, Name: q.Name,
		},
	}}
	err := t.retry(ctx, c, func(ctx context.Context) error {
		return t.clients.authorization().Post().Resource("subjectaccessreviews").Body(review).Do(ctx).Into(review)
	})
	return topology.AccessAnswer{Allowed: review.Status.Allowed, Reason: review.Status.Reason}, err
}
