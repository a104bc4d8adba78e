package main

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// fieldManager is the field manager of the contestants that use server-side apply.
const fieldManager = "bench"

// applier applies each object with the client of controller-runtime.
type applier struct {
	client  client.Client
	objects []object
}

func enterRuntime(s setting) (map[phase]work, error) {
	c, err := newRuntimeClient(s)
	if err != nil {
		return nil, err
	}
	a := applier{c, s.objects}
	return map[phase]work{provisioning: a.apply, unchanged: a.apply, drifted: a.apply, removing: a.remove}, nil
}

func newRuntimeClient(s setting) (client.Client, error) {
	ctrllog.SetLogger(logr.Discard())
	return client.New(s.config, client.Options{})
}

func (a applier) apply(ctx context.Context, tenants []string) error {
	return inParallel(ctx, inFlight, tenants, func(ctx context.Context, tenant string) error {
		for _, content := range render(a.objects, tenant) {
			object := client.ApplyConfigurationFromUnstructured(content)
			if err := a.client.Apply(ctx, object, client.FieldOwner(fieldManager), client.ForceOwnership); err != nil {
				return err
			}
		}
		return nil
	})
}

func (a applier) remove(ctx context.Context, tenants []string) error {
	err := inParallel(ctx, inFlight, tenants, func(ctx context.Context, tenant string) error {
		return a.client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tenant}})
	})
	if err != nil {
		return err
	}
	return untilGone(ctx, tenants, func(have sets.Set[string]) error {
		var list corev1.NamespaceList
		if err := a.client.List(ctx, &list); err != nil {
			return err
		}
		for _, item := range list.Items {
			have.Insert(item.Name)
		}
		return nil
	})
}

// untilGone lists namespaces until all those of the tenants are gone.
func untilGone(ctx context.Context, tenants []string, list func(have sets.Set[string]) error) error {
	for {
		have := sets.New[string]()
		if err := list(have); err != nil || !have.HasAny(tenants...) {
			return err
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
