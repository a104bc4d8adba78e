package k8s

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/guardrail"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

// guarded are the kinds of objects that guardrails are about, and where they are listed. Hand-made Endpoints show as EndpointSlices.
var guarded = []struct{ path, resource, kind string }{
	{"/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim"},
	{"/api/v1", "pods", "Pod"},
	{"/api/v1", "services", "Service"},
	{"/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice"},
	{"/apis/gateway.networking.k8s.io/v1", "grpcroutes", "GRPCRoute"},
	{"/apis/gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute"},
	{"/apis/networking.k8s.io/v1", "ingresses", "Ingress"},
}

// Violations implements topology.Guardrails. It lists what the rules are about over all namespaces, a page at a time; Kinds
// that the cluster does not serve are left out, and so are Secrets, which Polyphony does not read.
func (t *Topology) Violations(ctx context.Context, rules []topology.Guardrail) ([]topology.Violation, error) {
	c := adapter.Read(topology.KindViolations, t.name)
	allowed, err := t.allAllowances(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []topology.Violation
	for _, kind := range guarded {
		if !guardrail.Tells(rules, kind.resource) {
			continue
		}
		err := t.eachObject(ctx, c, kind.path+"/"+kind.resource, func(data json.RawMessage) error {
			var meta struct {
				Metadata metav1.ObjectMeta `json:"metadata"`
			}
			if err := json.Unmarshal(data, &meta); err != nil {
				return err
			}
			allowances, isTenants := allowed[meta.Metadata.Namespace]
			if !isTenants {
				return nil
			}
			findings, err := guardrail.Existing(guardrail.Write{Rules: rules, Allowed: allowances, Resource: kind.resource, Object: data})
			for _, f := range findings {
				all = append(all, topology.Violation{Rule: f.Rule, Namespace: meta.Metadata.Namespace, Kind: kind.kind, Name: meta.Metadata.Name, Message: f.Message})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b topology.Violation) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(all), nil // a list that was read anew has shown some twice
}

// allAllowances are what each tenant is allowed, by namespace.
func (t *Topology) allAllowances(ctx context.Context, c adapter.Call) (map[string]topology.Allowances, error) {
	all := map[string]topology.Allowances{}
	err := t.retry(ctx, c, func(ctx context.Context) error {
		return t.clients.namespaces().EachPage(ctx, topology.LabelTenant, func(list *corev1.NamespaceList) {
			for i := range list.Items {
				namespace := &list.Items[i]
				if owned(namespace, namespace.Name) {
					all[namespace.Name] = readAllowances(namespace.Labels, namespace.Annotations)
				}
			}
		})
	})
	return all, err
}

// eachObject lists a resource over all namespaces, a page at a time. A list that grows old while it is read is read anew from the start.
func (t *Topology) eachObject(ctx context.Context, c adapter.Call, path string, each func(json.RawMessage) error) error {
	var page struct {
		Metadata metav1.ListMeta   `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	next := ""
	for {
		err := t.retry(ctx, c, func(ctx context.Context) error {
			page.Metadata, page.Items = metav1.ListMeta{}, nil
			request := t.clients.core().Get().MaxRetries(0).AbsPath(path).Param("limit", strconv.Itoa(pageSize)).SetHeader("Accept", "application/json")
			if next != "" {
				request.Param("continue", next)
			}
			data, err := request.DoRaw(ctx)
			switch {
			case apierrors.IsNotFound(err):
				return nil
			case apierrors.IsResourceExpired(err):
				next = ""
				return apierrors.NewTooManyRequests("the list has grown old", 0)
			case err != nil:
				return err
			}
			return json.Unmarshal(data, &page)
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
