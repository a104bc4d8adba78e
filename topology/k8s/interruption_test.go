package k8s_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology"
)

var (
	tenants atomic.Int64
	runID   = strings.ToLower(rand.Text()[:6])
)

// newTenant returns a Score that uses every kind of object. Two roles have members.
func newTenant(t *testing.T, client *kubernetes.Clientset) tenant.TenantScore {
	t.Helper()
	name := fmt.Sprintf("pk-%s-%d", runID, tenants.Add(1))
	removeLater(t, client, name)
	top := cluster(t)
	t.Cleanup(func() { _, _ = top.DeleteClusterReaders(context.Background(), name) }) // it may not exist
	return tenant.TenantScore{
		TenantConfig: tenant.TenantConfig{Name: name, Labels: map[string]string{"team": "a"}},
		RBAC: tenant.RBACConfig{
			Members: []tenant.Member{
				{Role: tenant.Developer, Name: name + "-devs"},
				{Role: tenant.Viewer, Name: name + "-viewers"},
			},
			ReadVisibility: tenant.VisibilityCluster,
		},
	}
}

// cuts are the ways to end a run in the middle. Each runs the script up to the given number of
// writes, and reports whether there were as many.
var cuts = map[string]func(t *testing.T, s script, writes int) bool{
	"context ends before the write": func(t *testing.T, s script, writes int) bool { return cutContext(t, s, writes, false) },
	"context ends after the write":  func(t *testing.T, s script, writes int) bool { return cutContext(t, s, writes, true) },
	"process is killed":             func(t *testing.T, s script, writes int) bool { s.KillAfter = writes; return runToKill(t, s) },
}

func cutContext(t *testing.T, s script, writes int, after bool) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := &cutter{nth: writes, after: after, cut: cancel}
	_, err := score.Run(ctx, s.step(cluster(t, c.wrap)))
	if c.reached() && !after {
		require.ErrorIs(t, err, context.Canceled)
	}
	return c.reached()
}

// walk ends a run at each of its writes in turn, and returns the number of writes.
func walk(t *testing.T, each func(t *testing.T, writes int) (reached bool)) int {
	for writes := 1; ; writes++ {
		reached := true
		t.Run(fmt.Sprint(writes), func(t *testing.T) { reached = each(t, writes) })
		if !reached || t.Failed() {
			return writes - 1
		}
	}
}

func TestInterruptedProvisioningIsFinishedByTheNextRun(t *testing.T) {
	client := admin(t)
	reference := newTenant(t, client)
	_, err := score.Run(t.Context(), reference.On(cluster(t)))
	require.NoError(t, err)
	want := state(t, client, reference.TenantConfig.Name)
	for how, cut := range cuts {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			points := walk(t, func(t *testing.T, writes int) bool {
				s := newTenant(t, client)
				reached := cut(t, script{Kubeconfig: kubeconfig(t), Provision: &s}, writes)
				requireClosed(t, client, s.TenantConfig.Name)
				_, err := score.Run(t.Context(), s.On(cluster(t)))
				require.NoError(t, err)
				require.Equal(t, want, state(t, client, s.TenantConfig.Name))
				return reached
			})
			require.Equal(t, 9, points, "namespace, network policy, quota, limits, twice role and binding, cluster readers")
		})
	}
}

// weakened returns a tenant with members, whose fences were removed by someone else.
func weakened(t *testing.T, client *kubernetes.Clientset) tenant.TenantScore {
	t.Helper()
	s := newTenant(t, client)
	_, err := score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	name := s.TenantConfig.Name
	require.NoError(t, client.NetworkingV1().NetworkPolicies(name).Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
	require.NoError(t, client.CoreV1().LimitRanges(name).Delete(t.Context(), "polyphony", metav1.DeleteOptions{}))
	require.NoError(t, client.RbacV1().RoleBindings(name).Delete(t.Context(), "polyphony-developer", metav1.DeleteOptions{}))
	outsider{client}.RemovePodSecurity(t, name)
	return s
}

func TestInterruptedRepairIsFinishedByTheNextRun(t *testing.T) {
	client := admin(t)
	reference := newTenant(t, client)
	_, err := score.Run(t.Context(), reference.On(cluster(t)))
	require.NoError(t, err)
	want := state(t, client, reference.TenantConfig.Name)
	points := walk(t, func(t *testing.T, writes int) bool {
		s := weakened(t, client)
		reached := cutContext(t, script{Provision: &s}, writes, true)
		_, err := client.RbacV1().RoleBindings(s.TenantConfig.Name).Get(t.Context(), "polyphony-developer", metav1.GetOptions{})
		if err == nil { // the access is restored only after the fences
			requireFenced(t, client, s.TenantConfig.Name)
		}
		_, err = score.Run(t.Context(), s.On(cluster(t)))
		require.NoError(t, err)
		require.Equal(t, want, state(t, client, s.TenantConfig.Name))
		return reached
	})
	require.Equal(t, 4, points, "namespace, network policy, limits, binding")
}

func TestInterruptedOffboardingIsFinishedByTheNextRun(t *testing.T) {
	t.Parallel()
	client := admin(t)
	for how, cut := range cuts {
		t.Run(how, func(t *testing.T) {
			for writes := 1; writes <= 6; writes++ {
				t.Run(fmt.Sprint(writes), func(t *testing.T) {
					t.Parallel() // the deletion of a namespace takes seconds
					s := newTenant(t, client)
					name := s.TenantConfig.Name
					_, err := score.Run(t.Context(), s.On(cluster(t)))
					require.NoError(t, err)
					off := tenant.OffboardScore{Tenant: name, Wait: tenant.MaxDuration}
					require.True(t, cut(t, script{Kubeconfig: kubeconfig(t), Offboard: &off}, writes), "two bindings, two roles, cluster readers, namespace")
					ns, err := client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
					if err == nil && isTerminating(ns) || apierrors.IsNotFound(err) {
						requireNoAccess(t, client, name)
					} else {
						requireClosed(t, client, name)
					}
					report, err := score.Run(t.Context(), off.On(cluster(t)))
					require.NoError(t, err)
					_, err = client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{})
					require.True(t, apierrors.IsNotFound(err), report.String())
				})
			}
		})
	}
}

func TestConcurrentProgramsConverge(t *testing.T) {
	client := admin(t)
	s := newTenant(t, client)
	do := script{Kubeconfig: kubeconfig(t), Provision: &s}
	outputs := make(chan error)
	for range 3 {
		go func() { outputs <- do.run(t) }()
	}
	for range 3 {
		require.NoError(t, <-outputs)
	}
	report, err := score.Run(t.Context(), s.On(cluster(t)))
	require.NoError(t, err)
	require.False(t, report.Changed(), report.String())
}

// requireTyped requires a *topology.Error with every field.
func requireTyped(t *testing.T, err error) {
	t.Helper()
	var failure *score.Error
	require.ErrorAs(t, err, &failure)
	require.NotEmpty(t, failure.Step)
	var typed *topology.Error
	require.ErrorAs(t, err, &typed)
	require.True(t, errors.Is(err, topology.ErrUnavailable) || errors.Is(err, topology.ErrConflict), "%v", err)
}
