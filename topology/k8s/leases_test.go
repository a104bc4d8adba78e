package k8s_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/topology"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

// permitLeases grants a user the right to hold leases in a namespace.
func permitLeases(t *testing.T, client *kubernetes.Clientset, namespace, user string) {
	t.Helper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: policyRules(k8s.LeasePermissions())}
	_, err := client.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{})
	require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
	_, err = client.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
	}, metav1.CreateOptions{})
	require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
}

// removeLeases removes the leases of the conformance suite and of this package from kube-system.
func removeLeases(ctx context.Context, client *kubernetes.Clientset) error {
	leases := client.CoordinationV1().Leases(metav1.NamespaceSystem)
	list, err := leases.List(ctx, metav1.ListOptions{LabelSelector: topology.LabelLease})
	if err != nil {
		return err
	}
	for _, l := range list.Items {
		name := strings.TrimPrefix(strings.TrimPrefix(l.Name, "polyphony-"), "roster-")
		if strings.HasPrefix(name, "pt-") || strings.HasPrefix(name, "pk-") {
			err = errors.Join(err, leases.Delete(ctx, l.Name, metav1.DeleteOptions{}))
		}
	}
	return err
}

func newLease(holder string, duration time.Duration) topology.Lease {
	return topology.Lease{Name: fmt.Sprintf("pk-%s-%d", runID, tenants.Add(1)), Holder: holder, Duration: duration}
}

// leaseOf reads the stored Lease.
func leaseOf(t *testing.T, namespace, name string) *coordinationv1.Lease {
	t.Helper()
	have, err := admin(t).CoordinationV1().Leases(namespace).Get(t.Context(), "polyphony-"+name, metav1.GetOptions{})
	require.NoError(t, err)
	return have
}

// holdUntilKilled takes the lease of a child process, prints a line and waits.
func holdUntilKilled(top *k8s.Topology, want topology.Lease) error {
	held, _, err := top.HoldLease(context.Background(), want)
	if err != nil {
		return err
	}
	fmt.Println("held")
	<-held.Done()
	return context.Cause(held)
}

// renewable is the first duration of a lease that a test must see renewed.
const renewable = 12 * time.Second

// Another process holds and renews the lease, and is then killed.
func TestLeaseTakeoverAfterKill(t *testing.T) {
	t.Parallel()
	withRenewedLease(t, func(duration time.Duration) (lost error) {
		want := newLease("child", duration)
		child := startHolder(t, want)
		want.Holder = "successor"
		top := cluster(t)
		waiting, expire := expiring(t.Context())
		waited := make(chan error, 1)
		go func() {
			_, release, err := top.HoldLease(waiting, want)
			if err == nil {
				release()
			}
			waited <- err
		}()
		awaitRenewal(t, want, want.Duration, child.ended)
		expire()
		err := <-waited
		if lost := child.kill(t); lost != nil {
			return lost
		}
		killed := time.Now()
		require.ErrorIs(t, err, topology.ErrTimeout, "the lease is renewed")
		require.ErrorContains(t, err, `"child/`)
		held, release, err := top.HoldLease(t.Context(), want)
		require.NoError(t, err)
		defer release()
		require.GreaterOrEqual(t, time.Since(killed), want.Duration)
		require.NoError(t, held.Err())
		require.Equal(t, int32(1), *leaseOf(t, "kube-system", want.Name).Spec.LeaseTransitions)
		return nil
	})
}

// holder is a child process that holds a lease.
type holder struct {
	cmd    *exec.Cmd
	stderr bytes.Buffer
	err    error         // of the process; read it only after ended is closed
	ended  chan struct{} // closed when the process has ended
}

// startHolder returns once the process has the lease.
func startHolder(t *testing.T, want topology.Lease) *holder {
	t.Helper()
	cmd, err := script{Kubeconfig: kubeconfig(t), Lease: &want}.command(t)
	require.NoError(t, err)
	h := &holder{cmd: cmd, ended: make(chan struct{})}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = &h.stderr
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)
	go func() {
		h.err = cmd.Wait()
		close(h.ended)
	}()
	return h
}

// kill kills the process. It returns an error if the process had lost the lease before.
func (h *holder) kill(t *testing.T) (lost error) {
	t.Helper()
	killErr := h.cmd.Process.Signal(syscall.SIGKILL)
	<-h.ended
	require.Error(t, h.err)
	if strings.Contains(h.stderr.String(), "could not be renewed") {
		return fmt.Errorf("%w: %s", topology.ErrUnavailable, h.stderr.String())
	}
	require.NoError(t, killErr)
	require.ErrorContains(t, h.err, "killed", h.stderr.String())
	return nil
}

func TestHoldLeaseStoresALease(t *testing.T) {
	t.Parallel()
	withRenewedLease(t, func(duration time.Duration) (lost error) {
		want := newLease("host-a", duration-500*time.Millisecond)
		start := time.Now().Add(-time.Second) // stored times are rounded
		held, release, err := tryHold(t, cluster(t), want)
		if err != nil {
			return err
		}
		have := leaseOf(t, "kube-system", want.Name)
		require.Equal(t, map[string]string{"tenancy.polyphony.dev/lease": "true"}, have.Labels)
		require.Regexp(t, "^host-a/[a-z2-7]{6}$", *have.Spec.HolderIdentity)
		require.Equal(t, int32(duration/time.Second), *have.Spec.LeaseDurationSeconds, "rounded up")
		require.Equal(t, int32(0), *have.Spec.LeaseTransitions)
		require.True(t, have.Spec.AcquireTime.After(start))
		require.Eventually(t, func() bool {
			later := leaseOf(t, "kube-system", want.Name)
			renewed := later.Spec.RenewTime.After(have.Spec.RenewTime.Time)
			return held.Err() != nil || renewed && later.Spec.AcquireTime.Equal(have.Spec.AcquireTime)
		}, eventuallyWait, eventuallyTick)

		note := []byte(`{"metadata":{"annotations":{"example.com/note":"mine"}}}`)
		_, err = admin(t).CoordinationV1().Leases("kube-system").Patch(
			t.Context(), have.Name, "application/merge-patch+json", note, metav1.PatchOptions{})
		require.NoError(t, err)
		if held.Err() != nil {
			return context.Cause(held)
		}
		began := time.Now()
		release()
		if time.Since(began) > 4*time.Second {
			return fmt.Errorf("%w: the release gives up after 5s", topology.ErrUnavailable)
		}
		have = leaseOf(t, "kube-system", want.Name)
		require.Empty(t, *have.Spec.HolderIdentity)
		require.Equal(t, "mine", have.Annotations["example.com/note"])
		return nil
	})
}

func TestHoldLeaseRefusesAForeignLease(t *testing.T) {
	leases := admin(t).CoordinationV1().Leases("kube-system")
	for why, labels := range map[string]map[string]string{"no label": nil, "another value": {"tenancy.polyphony.dev/lease": "false"}} {
		t.Run(why, func(t *testing.T) {
			want := newLease("host-a", time.Minute)
			foreign := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "polyphony-" + want.Name, Labels: labels}}
			before, err := leases.Create(t.Context(), foreign, metav1.CreateOptions{})
			require.NoError(t, err)
			_, _, err = cluster(t).HoldLease(t.Context(), want)
			require.ErrorIs(t, err, topology.ErrConflict)
			require.ErrorContains(t, err, "kube-system/polyphony-"+want.Name)
			require.Equal(t, before.ResourceVersion, leaseOf(t, "kube-system", want.Name).ResourceVersion)
		})
	}
}

// The user may hold leases in one namespace only.
func TestHoldLeaseNeedsRightsInItsNamespaceOnly(t *testing.T) {
	client := admin(t)
	user := newLease("", 0).Name
	_, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: user}}, metav1.CreateOptions{})
	require.NoError(t, err)
	removeLater(t, client, user)
	permitLeases(t, client, user, user)
	path, err := testcluster.Use(t).KubeconfigFor(user)
	require.NoError(t, err)
	in := func(namespace string) *k8s.Topology {
		top, err := k8s.New(load(t, path), k8s.Options{LeaseNamespace: namespace})
		require.NoError(t, err)
		return top
	}
	want := newLease("host-a", time.Minute)
	require.Eventually(t, func() bool { // until the API server applies the rights
		_, release, err := in(user).HoldLease(t.Context(), want)
		if err == nil {
			release()
		}
		return err == nil
	}, eventuallyWait, eventuallyTick)
	require.Empty(t, *leaseOf(t, user, want.Name).Spec.HolderIdentity)
	ready, err := in(user).Ready(t.Context())
	require.NoError(t, err)
	require.NotContains(t, strings.Join(ready.Missing, "\n"), "leases")

	_, _, err = in("").HoldLease(t.Context(), want)
	require.ErrorIs(t, err, topology.ErrForbidden)
	ready, err = in("").Ready(t.Context())
	require.NoError(t, err)
	for _, verb := range []string{"get", "create", "update"} {
		require.Contains(t, ready.Missing, verb+" leases.coordination.k8s.io in kube-system")
	}
}

func TestHoldLeaseRefusesAMissingNamespace(t *testing.T) {
	top, err := k8s.New(load(t, testcluster.Use(t).Kubeconfig()), k8s.Options{LeaseNamespace: "pk-missing"})
	require.NoError(t, err)
	_, _, err = top.HoldLease(t.Context(), newLease("host-a", time.Minute))
	require.ErrorIs(t, err, topology.ErrNotFound)
	require.ErrorContains(t, err, "pk-missing does not exist")
}

// The holder no longer reaches the API server, once with each fault.
func TestLeaseIsLostWithTheAPIServer(t *testing.T) {
	for _, f := range transient {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			want := newLease("cut-off", renewable)
			var cut atomic.Bool
			top := cluster(t, func(next http.RoundTripper) http.RoundTripper {
				return tripper(func(req *http.Request) (*http.Response, error) {
					if cut.Load() && (!f.writes || isWrite(req.Method, req.URL.Path)) {
						return f.happen(req, next)
					}
					return next.RoundTrip(req)
				})
			})
			held, release, err := top.HoldLease(t.Context(), want)
			require.NoError(t, err)
			cut.Store(true)
			_, next, err := cluster(t).HoldLease(t.Context(), want)
			require.NoError(t, err)
			defer next()
			require.ErrorIs(t, context.Cause(held), topology.ErrUnavailable, "the lease is lost before it expires")
			release()
		})
	}
}

// One request may be in flight, and one request gets no answer.
func TestLeaseIsRenewedWhileOtherRequestsWait(t *testing.T) {
	t.Parallel()
	cfg := load(t, kubeconfig(t))
	var stuck sync.WaitGroup
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/namespaces/stuck") {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return next.RoundTrip(req)
		})
	})
	top, err := k8s.New(cfg, k8s.Options{MaxInFlight: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	stuck.Go(func() { _, _ = top.Namespace(ctx, "stuck") })
	withRenewedLease(t, func(duration time.Duration) (lost error) {
		want := newLease("host-a", duration)
		held, release, err := tryHold(t, top, want)
		if err != nil {
			return err
		}
		defer release()
		first := leaseOf(t, "kube-system", want.Name).Spec.RenewTime
		require.Eventually(t, func() bool {
			return held.Err() != nil || leaseOf(t, "kube-system", want.Name).Spec.RenewTime.After(first.Time)
		}, eventuallyWait, eventuallyTick)
		return context.Cause(held)
	})
	cancel()
	stuck.Wait()
}
