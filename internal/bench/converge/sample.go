package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"

	"github.com/polyphony-go/polyphony/internal/bench/roster"
	"github.com/polyphony-go/polyphony/topology"
)

// sampleName is the name of the tenant in templates.
const sampleName = "sample-tenant"

// object is the template of an object.
type object struct {
	Resource schema.GroupVersionResource
	Content  *unstructured.Unstructured
}

var (
	namespaces      = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	networkPolicies = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
)

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = roster.Name(i)
	}
	return all
}

// of returns the object of a tenant.
func (o object) of(tenant string) *unstructured.Unstructured {
	content, _ := rename(o.Content.Object, tenant).(map[string]any) // a map stays a map
	return &unstructured.Unstructured{Object: content}
}

func rename(value any, tenant string) any {
	switch value := value.(type) {
	case string:
		return strings.ReplaceAll(value, sampleName, tenant)
	case []any:
		renamed := make([]any, len(value))
		for i, v := range value {
			renamed[i] = rename(v, tenant)
		}
		return renamed
	case map[string]any:
		renamed := make(map[string]any, len(value))
		for k, v := range value {
			renamed[strings.ReplaceAll(k, sampleName, tenant)] = rename(v, tenant)
		}
		return renamed
	default:
		return value
	}
}

// render returns all objects of one tenant, the namespace first.
func render(objects []object, tenant string) []*unstructured.Unstructured {
	all := make([]*unstructured.Unstructured, len(objects))
	for i, o := range objects {
		all[i] = o.of(tenant)
	}
	return all
}

// readSample reads the objects of every kind of the sample tenant. Its namespace comes first.
func readSample(ctx context.Context, server discovery.DiscoveryInterface, client dynamic.Interface) ([]object, error) {
	kinds, err := listable(server)
	if err != nil {
		return nil, err
	}
	var all []object
	for _, kind := range append([]schema.GroupVersionResource{namespaces}, kinds...) {
		opts := metav1.ListOptions{LabelSelector: topology.LabelTenant + "=" + sampleName}
		list, err := client.Resource(kind).List(ctx, opts)
		if err != nil {
			return nil, err
		}
		for _, item := range list.Items {
			strip(&item)
			all = append(all, object{Resource: kind, Content: &item})
		}
	}
	return all, nil
}

// listable returns all namespaced kinds that can be listed.
func listable(server discovery.DiscoveryInterface) ([]schema.GroupVersionResource, error) {
	groups, err := server.ServerPreferredNamespacedResources()
	if err != nil {
		return nil, err
	}
	var kinds []schema.GroupVersionResource
	for _, group := range discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"create", "list"}}, groups) {
		gv, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range group.APIResources {
			kinds = append(kinds, gv.WithResource(resource.Name))
		}
	}
	return kinds, nil
}

// kindsOf returns the kinds of the objects, each once.
func kindsOf(objects []object) []schema.GroupVersionResource {
	var kinds []schema.GroupVersionResource
	for _, o := range objects {
		if !slices.Contains(kinds, o.Resource) {
			kinds = append(kinds, o.Resource)
		}
	}
	return kinds
}

// strip removes the fields that the server adds.
func strip(o *unstructured.Unstructured) {
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "status")
	if o.GetKind() == "Namespace" {
		unstructured.RemoveNestedField(o.Object, "spec")
		unstructured.RemoveNestedField(o.Object, "metadata", "labels", "kubernetes.io/metadata.name")
	}
}

// verify compares all objects in the namespaces of the tenants with the templates.
func verify(ctx context.Context, client dynamic.Interface, objects []object, tenants []string) error {
	found := 0
	for _, kind := range kindsOf(objects) {
		err := eachItem(ctx, client, kind, func(item *unstructured.Unstructured) error {
			tenant := item.GetLabels()[topology.LabelTenant]
			if !slices.Contains(tenants, tenant) {
				return nil
			}
			strip(item)
			for _, o := range objects {
				if o.Resource == kind && rename(o.Content.GetName(), tenant) == item.GetName() {
					found++
					return sameObject(item, o.of(tenant))
				}
			}
			return fmt.Errorf("%s has an unexpected %s %q", tenant, item.GetKind(), item.GetName())
		})
		if err != nil {
			return err
		}
	}
	if want := len(tenants) * len(objects); found != want {
		return fmt.Errorf("got %d objects, want %d", found, want)
	}
	return nil
}

func sameObject(have, want *unstructured.Unstructured) error {
	if reflect.DeepEqual(have.Object, want.Object) {
		return nil
	}
	haveText, _ := json.Marshal(have) // parsed JSON always marshals
	wantText, _ := json.Marshal(want)
	return fmt.Errorf("objects differ: got %s, want %s", haveText, wantText)
}

func verifyGone(ctx context.Context, client dynamic.Interface, tenants []string) error {
	return eachItem(ctx, client, namespaces, func(item *unstructured.Unstructured) error {
		if slices.Contains(tenants, item.GetName()) {
			return fmt.Errorf("namespace %s still exists", item.GetName())
		}
		return nil
	})
}

// eachItem lists the tenants' objects of one kind, page by page.
func eachItem(
	ctx context.Context,
	client dynamic.Interface,
	kind schema.GroupVersionResource,
	do func(*unstructured.Unstructured) error,
) error {
	opts := metav1.ListOptions{LabelSelector: topology.LabelTenant, Limit: 500}
	for {
		list, err := client.Resource(kind).List(ctx, opts)
		if err != nil {
			return err
		}
		for i := range list.Items {
			if err := do(&list.Items[i]); err != nil {
				return err
			}
		}
		if opts.Continue = list.GetContinue(); opts.Continue == "" {
			return nil
		}
	}
}
