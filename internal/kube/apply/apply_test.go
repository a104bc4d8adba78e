package apply_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/apply"
	"github.com/polyphony-go/polyphony/internal/kube/kubetest"
	"github.com/polyphony-go/polyphony/internal/kube/retry"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/adapter"
)

const owner = "owner" // the label of Polyphony's objects

type memory = kubetest.Memory[*corev1.Service]

// service returns an object whose specification is a type.
func service(kind corev1.ServiceType) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s", Labels: map[string]string{owner: "us"}},
		Spec:       corev1.ServiceSpec{Type: kind},
	}
}

func owned(have *corev1.Service) bool { return have.Labels[owner] == "us" }

func value(s *corev1.Service) any { return s.Spec.Type }

// target makes the object in client a service of a type.
func target(client *memory, kind corev1.ServiceType) apply.Target[*corev1.Service] {
	want := service(kind)
	return apply.Target[*corev1.Service]{
		Retry: retry.Policy{MaxTries: 4}, Call: adapter.Ensure("Service", "s"), Client: client,
		Owned: owned, Want: want, Value: value,
		Merge: func(have *corev1.Service) *corev1.Service {
			to := have.DeepCopy()
			maps.Copy(to.Labels, want.Labels)
			to.Spec = want.Spec
			return to
		},
		Fields: func(have, to *corev1.Service) []topology.FieldChange {
			return []topology.FieldChange{{Path: "type", From: string(have.Spec.Type), To: string(to.Spec.Type)}}
		},
	}
}

func removal(client *memory) apply.Removal[*corev1.Service] {
	return apply.Removal[*corev1.Service]{
		Retry: retry.Policy{MaxTries: 4}, Call: adapter.Delete("Service", "s"), Client: client,
		Namespace: "ns", Name: "s", Owned: owned, Value: value,
	}
}

func stored(t *testing.T, client *memory) *corev1.Service {
	t.Helper()
	have, err := client.Get(t.Context(), "ns", "s")
	require.NoError(t, err)
	client.Calls()
	return have
}

func TestEnsureCreatesAMissingObject(t *testing.T) {
	client := &memory{}
	change, err := target(client, corev1.ServiceTypeClusterIP).Ensure(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, topology.Change{
		Kind: "Service", Name: "s", Action: topology.Created, After: corev1.ServiceTypeClusterIP,
	}, change)
	require.Equal(t, []string{"Get s", "Create s"}, client.Calls())
}

func TestEnsureWritesOnlyADifference(t *testing.T) {
	client := &memory{}
	client.Put(service(corev1.ServiceTypeClusterIP))
	change, err := target(client, corev1.ServiceTypeClusterIP).Ensure(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, topology.Change{Kind: "Service", Name: "s", Action: topology.Unchanged}, change)
	require.Equal(t, []string{"Get s"}, client.Calls())

	change, err = target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, topology.Change{
		Kind: "Service", Name: "s", Action: topology.Updated,
		Fields: []topology.FieldChange{{Path: "type", From: "ClusterIP", To: "NodePort"}},
		Before: corev1.ServiceTypeClusterIP, After: corev1.ServiceTypeNodePort,
	}, change)
	require.Equal(t, []string{"Get s", "Update s"}, client.Calls())
}

func TestEnsureStartsFromTheObjectThatTheCallerHasRead(t *testing.T) {
	client := &memory{}
	have := client.Put(service(corev1.ServiceTypeClusterIP))
	_, err := target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), have)
	require.NoError(t, err)
	require.Equal(t, []string{"Update s"}, client.Calls())

	_, err = target(client, corev1.ServiceTypeLoadBalancer).Ensure(t.Context(), have) // which is old by now
	require.NoError(t, err)
	require.Equal(t, []string{"Update s", "Get s", "Update s"}, client.Calls(), "a conflict makes it read")
	require.Equal(t, corev1.ServiceTypeLoadBalancer, stored(t, client).Spec.Type)
}

func TestEnsureKeepsLabelsOfOthers(t *testing.T) {
	client := &memory{}
	have := service(corev1.ServiceTypeClusterIP)
	have.Labels["theirs"] = "stays"
	client.Put(have)
	_, err := target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, map[string]string{owner: "us", "theirs": "stays"}, stored(t, client).Labels)
}

func TestEnsureLeavesForeignObjects(t *testing.T) {
	client := &memory{}
	have := service(corev1.ServiceTypeClusterIP)
	have.Labels = nil
	client.Put(have)
	_, err := target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), nil)
	require.ErrorIs(t, err, topology.ErrConflict)
	require.Equal(t, []string{"Get s"}, client.Calls())
	require.Equal(t, corev1.ServiceTypeClusterIP, stored(t, client).Spec.Type)
}

func TestEnsureRemovesOwnerReferences(t *testing.T) {
	client := &memory{}
	have := service(corev1.ServiceTypeClusterIP)
	have.OwnerReferences = []metav1.OwnerReference{{Kind: "ConfigMap", Name: "of-a-member"}}
	client.Put(have)
	change, err := target(client, corev1.ServiceTypeClusterIP).Ensure(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, topology.Updated, change.Action)
	require.Contains(t, change.Fields,
		topology.FieldChange{Path: "metadata.ownerReferences[0]", From: "ConfigMap/of-a-member"})
	require.Empty(t, stored(t, client).OwnerReferences)
}

func TestEnsureRefusesAnObjectThatIsBeingDeleted(t *testing.T) {
	client := &memory{}
	have := service(corev1.ServiceTypeClusterIP)
	have.DeletionTimestamp, have.Finalizers = new(metav1.Now()), []string{"example.com/hold"}
	client.Put(have)
	_, err := target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), nil)
	require.ErrorIs(t, err, topology.ErrTerminating)
	require.ErrorContains(t, err, "example.com/hold")
}

func TestEnsureReplacesWhatCannotBeUpdated(t *testing.T) {
	client := &memory{}
	client.Put(service(corev1.ServiceTypeClusterIP))
	replacing := target(client, corev1.ServiceTypeNodePort)
	replacing.Replaceable = func(*corev1.Service) bool { return false }
	change, err := replacing.Ensure(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, topology.Updated, change.Action)
	require.Equal(t, []string{"Get s", "Delete s", "Create s"}, client.Calls())
}

func TestEnsureMarksValuesThatAreNotTheWholeObject(t *testing.T) {
	for _, inexact := range []bool{true, false} {
		client := &memory{}
		client.Put(service(corev1.ServiceTypeClusterIP))
		to := target(client, corev1.ServiceTypeNodePort)
		to.Inexact = func(*corev1.Service) bool { return inexact }
		change, err := to.Ensure(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, inexact, change.Inexact)
	}
}

func TestEnsureInAMissingNamespaceIsErrNotFound(t *testing.T) {
	client := &memory{Fail: func(method, name string) error {
		if method == "Create" {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, name)
		}
		return nil
	}}
	_, err := target(client, corev1.ServiceTypeClusterIP).Ensure(t.Context(), nil)
	require.ErrorIs(t, err, topology.ErrNotFound)
	require.ErrorContains(t, err, "the namespace does not exist")
}

// The answer to a write can be lost after the write has happened. The change must still say what
// was done.
func TestEnsureSaysWhatWasDoneIfTheAnswerIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		have *corev1.Service
		want topology.Action
	}{
		"create": {nil, topology.Created},
		"update": {service(corev1.ServiceTypeClusterIP), topology.Updated},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the pauses take no time
				lost := 0
				client := &memory{Lose: func(string, string) error {
					if lost++; lost == 1 {
						return &kube.BrokenAnswerError{Cause: errors.New("connection reset")}
					}
					return nil
				}}
				if test.have != nil {
					client.Put(test.have)
				}
				change, err := target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), nil)
				require.NoError(t, err)
				require.Equal(t, test.want, change.Action)
				require.Equal(t, 1, lost)
			})
		})
	}
}

func TestEnsureCreatesWhatIsDeletedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &memory{}
		have := client.Put(service(corev1.ServiceTypeClusterIP))
		client.Drop("ns", "s")
		change, err := target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), have)
		require.NoError(t, err)
		require.Equal(t, []string{"Update s", "Get s", "Create s"}, client.Calls())
		require.Equal(t, topology.Updated, change.Action, "the caller saw an object before")
		require.Equal(t, corev1.ServiceTypeNodePort, stored(t, client).Spec.Type)
	})
}

func TestEnsureGivesUpIfSomeoneKeepsDeleting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &memory{Fail: func(method, _ string) error {
			if method == "Update" {
				return kube.ErrVanished
			}
			return nil
		}}
		client.Put(service(corev1.ServiceTypeClusterIP))
		_, err := target(client, corev1.ServiceTypeNodePort).Ensure(t.Context(), nil)
		require.ErrorIs(t, err, topology.ErrConflict)
		require.ErrorContains(t, err, "someone else keeps deleting it")
	})
}

func TestEnsureWithACancelledContextWritesNothing(t *testing.T) {
	client := &memory{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := target(client, corev1.ServiceTypeClusterIP).Ensure(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, client.Calls())
}

func TestDeleteRemovesTheObjectOnce(t *testing.T) {
	client := &memory{}
	client.Put(service(corev1.ServiceTypeNodePort))
	change, err := removal(client).Delete(t.Context())
	require.NoError(t, err)
	require.Equal(t, topology.Change{
		Kind: "Service", Name: "s", Action: topology.Deleted, Before: corev1.ServiceTypeNodePort,
	}, change)
	change, err = removal(client).Delete(t.Context())
	require.NoError(t, err)
	require.Equal(t, topology.Change{Kind: "Service", Name: "s", Action: topology.Unchanged}, change)
	require.Equal(t, []string{"Get s", "Delete s", "Get s"}, client.Calls())
}

func TestDeleteLeavesForeignObjects(t *testing.T) {
	client := &memory{}
	have := service(corev1.ServiceTypeClusterIP)
	have.Labels[owner] = "them"
	client.Put(have)
	_, err := removal(client).Delete(t.Context())
	require.ErrorIs(t, err, topology.ErrConflict)
	require.Equal(t, []string{"Get s"}, client.Calls())
	stored(t, client)
}

// A held object is in force until it is gone. The call that deletes it says so, and later calls say
// that it is still there.
func TestDeleteOfAHeldObjectIsErrTerminating(t *testing.T) {
	client := &memory{}
	have := service(corev1.ServiceTypeClusterIP)
	have.Finalizers = []string{"example.com/hold"}
	client.Put(have)
	for _, want := range []topology.Action{topology.Deleted, topology.Unchanged} {
		change, err := removal(client).Delete(t.Context())
		require.ErrorIs(t, err, topology.ErrTerminating)
		require.ErrorContains(t, err, "example.com/hold")
		require.Equal(t, want, change.Action)
	}
}

func TestIgnoreReturnsOtherErrors(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "services"}, "s")
	held := kube.Held(service(corev1.ServiceTypeClusterIP))
	other := errors.New("other")
	require.NoError(t, apply.IgnoreNotFound(missing))
	require.NoError(t, apply.IgnoreNotFound(nil))
	require.Equal(t, other, apply.IgnoreNotFound(other))
	require.NoError(t, apply.IgnoreHeld(held))
	require.NoError(t, apply.IgnoreHeld(nil))
	require.Equal(t, other, apply.IgnoreHeld(other))
}
