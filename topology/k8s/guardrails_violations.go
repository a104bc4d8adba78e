package k8s

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/guardrail"
	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// guarded are the kinds of objects that guardrails check, with the paths of their lists. Kubernetes
// mirrors Endpoints to EndpointSlices.
var guarded = []struct{ path, resource, kind string }{
	{"/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim"},
	{"/api/v1", "pods", "Pod"},
	{"/api/v1", "services", "Service"},
	{"/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice"},
	{"/apis/gateway.networking.k8s.io/v1", "grpcroutes", "GRPCRoute"},
	{"/apis/gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute"},
	{"/apis/networking.k8s.io/v1", "ingresses", "Ingress"},
}

// Violations implements topology.Guardrails. It lists the objects that the rules check in all
// namespaces, page by page. It leaves out kinds that the cluster does not serve, and Secrets, which
// Polyphony does not read.
func (t *Topology) Violations(ctx context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	c := adapter.Read(topology.KindViolations, t.name)
	allowed, err := t.readAllAllowances(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []topology.Violation
	for _, kind := range guarded {
		if !guardrail.FindsExisting(rules, kind.resource) {
			continue
		}
		err := t.eachObject(ctx, c, kind.path+"/"+kind.resource, func(data json.RawMessage) error {
			var object struct {
				Metadata metav1.ObjectMeta `json:"metadata"`
			}
			if err := json.Unmarshal(data, &object); err != nil {
				return err
			}
			namespace := object.Metadata.Namespace
			allowances, isTenants := allowed[namespace]
			if !isTenants {
				return nil
			}
			findings, err := guardrail.Existing(guardrail.Write{
				Rules: rules, Allowed: allowances, Resource: kind.resource, Object: data,
			})
			for _, f := range findings {
				all = append(all, topology.Violation{
					Rule: f.Rule, Namespace: namespace, Kind: kind.kind, Name: object.Metadata.Name, Message: f.Message,
				})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b topology.Violation) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all), nil // a list that was read again shows some objects twice
}

// readAllAllowances returns the allowances of each tenant, by namespace.
func (t *Topology) readAllAllowances(ctx context.Context, c adapter.Call) (map[string]topology.Allowances, error) {
	all := map[string]topology.Allowances{}
	err := t.retry.Do(ctx, c, func(ctx context.Context) error {
		return kube.Each(ctx, t.clients.Namespaces, topology.LabelTenant, func(namespace *corev1.Namespace) {
			if owned(namespace, namespace.Name) {
				all[namespace.Name] = readAllowances(namespace.Labels, namespace.Annotations)
			}
		})
	})
	return all, err
}

// eachObject lists a resource over all namespaces, page by page. If the version of the list expires
// in between, it starts again.
func (t *Topology) eachObject(ctx context.Context, c adapter.Call, path string, each func(json.RawMessage) error) error {
	next := ""
	for {
		var page kube.RawPage
		err := t.retry.Do(ctx, c, func(ctx context.Context) (err error) {
			page, err = t.clients.Server.ListRaw(ctx, path, next)
			switch {
			case apierrors.IsNotFound(err):
				page, err = kube.RawPage{}, nil
			case apierrors.IsResourceExpired(err):
				next = ""
				err = apierrors.NewTooManyRequests("the version of the list has expired", 0)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if next = page.Metadata.Continue; next == "" {
			return nil
		}
	}
}
