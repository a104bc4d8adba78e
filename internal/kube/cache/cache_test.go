package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/cache"
	"github.com/polyphony-go/polyphony/internal/kube/kubetest"
	"github.com/polyphony-go/polyphony/topology"
)

type memory = kubetest.Memory[*corev1.Service]

func service(namespace, name string, labels map[string]string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}}
}

// newCache returns a cache in front of a server with the services a/one, a/two and b/three.
func newCache(opts cache.Options) (*cache.Client[*corev1.Service], *memory, *cache.Store) {
	server, store := &memory{}, &cache.Store{}
	server.Put(service("a", "one", map[string]string{"polyphony/x": "1"}))
	server.Put(service("a", "two", map[string]string{"other": "1"}))
	server.Put(service("b", "three", map[string]string{"polyphony/x": "2"}))
	opts.Resource = "services"
	return cache.New(store, server, opts), server, store
}

func names(
	ctx context.Context, t *testing.T, client kube.Client[*corev1.Service], namespace, selector string,
) []string {
	t.Helper()
	all, err := kube.All(ctx, client, namespace, selector)
	require.NoError(t, err)
	var found []string
	for _, s := range all {
		found = append(found, s.Name)
	}
	return found
}

func TestCacheReadsTheListOnce(t *testing.T) {
	client, server, _ := newCache(cache.Options{})
	for range 3 {
		have, err := client.Get(t.Context(), "a", "one")
		require.NoError(t, err)
		require.Equal(t, "one", have.Name)
		_, err = client.Get(t.Context(), "a", "none")
		require.True(t, apierrors.IsNotFound(err))
	}
	require.Equal(t, []string{"List"}, server.Calls())
}

func TestCacheReadsTheListOnceForMany(t *testing.T) {
	client, server, _ := newCache(cache.Options{})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _, _ = client.Get(t.Context(), "a", "one") })
	}
	all.Wait()
	require.Equal(t, []string{"List"}, server.Calls())
}

func TestCacheAnswersListsLikeTheServer(t *testing.T) {
	for _, prefix := range []string{"", "polyphony/"} {
		client, server, _ := newCache(cache.Options{LabelPrefix: prefix})
		for _, query := range []struct{ namespace, selector string }{
			{"", ""}, {"a", ""}, {"b", ""}, {"none", ""}, {"", "polyphony/x"}, {"", "polyphony/x=1"}, {"a", "polyphony/x"},
			{"", "other"}, {"", "!other"}, {"a", "polyphony/x,other"}, {"", "polyphony/x in (1,2)"},
		} {
			require.ElementsMatch(t, names(t.Context(), t, server, query.namespace, query.selector),
				names(t.Context(), t, client, query.namespace, query.selector), "%+v with prefix %q", query, prefix)
		}
	}
}

func TestCacheRefusesABadSelector(t *testing.T) {
	client, _, _ := newCache(cache.Options{})
	_, err := kube.All(t.Context(), client, "", "a=b=c")
	require.Error(t, err)
}

func TestCacheFollowsItsWrites(t *testing.T) {
	client, server, _ := newCache(cache.Options{})
	have, err := client.Get(t.Context(), "a", "one")
	require.NoError(t, err)

	have.Spec.Type = corev1.ServiceTypeNodePort
	_, err = client.Update(t.Context(), have)
	require.NoError(t, err)
	_, err = client.Create(t.Context(), service("a", "new", nil))
	require.NoError(t, err)
	server.Calls()

	have, err = client.Get(t.Context(), "a", "one")
	require.NoError(t, err)
	require.Equal(t, corev1.ServiceTypeNodePort, have.Spec.Type)
	require.ElementsMatch(t, []string{"one", "two", "new"}, names(t.Context(), t, client, "a", ""))
	require.Empty(t, server.Calls(), "no request")

	require.NoError(t, client.Delete(t.Context(), have))
	_, err = client.Get(t.Context(), "a", "one")
	require.True(t, apierrors.IsNotFound(err))
}

func TestCacheReturnsCopies(t *testing.T) {
	client, _, _ := newCache(cache.Options{})
	have, err := client.Get(t.Context(), "a", "one")
	require.NoError(t, err)
	have.Labels["mine"] = "1"
	again, err := client.Get(t.Context(), "a", "one")
	require.NoError(t, err)
	require.NotContains(t, again.Labels, "mine")
}

// A write that fails says that the table is behind, or leaves open what happened.
func TestCacheAsksTheServerAfterAFailedWrite(t *testing.T) {
	client, server, _ := newCache(cache.Options{})
	have, err := client.Get(t.Context(), "a", "one")
	require.NoError(t, err)
	theirs := service("a", "one", nil)
	theirs.Spec.Type = corev1.ServiceTypeLoadBalancer
	server.Put(theirs)
	server.Calls()

	_, err = client.Update(t.Context(), have)
	require.True(t, apierrors.IsConflict(err))
	have, err = client.Get(t.Context(), "a", "one")
	require.NoError(t, err)
	require.Equal(t, corev1.ServiceTypeLoadBalancer, have.Spec.Type)
	require.Equal(t, []string{"Update one", "Get one"}, server.Calls(), "one object, not the list")

	server.Lose = func(string, string) error { return &kube.BrokenAnswerError{Cause: errors.New("reset")} }
	_, err = client.Create(t.Context(), service("a", "lost", nil))
	require.Error(t, err)
	require.Contains(t, names(t.Context(), t, client, "a", ""), "lost", "the write happened")
}

func TestCacheDoesNotSeeWritesOfOthersUnlessLive(t *testing.T) {
	client, server, _ := newCache(cache.Options{})
	require.Len(t, names(t.Context(), t, client, "", ""), 3)
	server.Put(service("b", "four", nil))
	server.Drop("a", "one")

	require.Len(t, names(t.Context(), t, client, "", ""), 3, "the table")
	live := topology.Live(t.Context())
	require.ElementsMatch(t, []string{"two", "three", "four"}, names(live, t, client, "", ""))
	_, err := client.Get(live, "a", "one")
	require.True(t, apierrors.IsNotFound(err))
	_, err = client.Get(t.Context(), "a", "one")
	require.True(t, apierrors.IsNotFound(err), "a live read refreshes its entry")
}

func TestStoreInvalidateMakesAllTablesReadAgain(t *testing.T) {
	client, server, store := newCache(cache.Options{})
	require.Len(t, names(t.Context(), t, client, "", ""), 3)
	server.Put(service("b", "four", nil))
	server.Calls()
	store.Invalidate()
	require.Empty(t, server.Calls(), "it sends no request")
	require.Len(t, names(t.Context(), t, client, "", ""), 4)
}

func TestStoreReadAheadReadsTheTablesThatAskForIt(t *testing.T) {
	for _, ahead := range []bool{true, false} {
		client, server, store := newCache(cache.Options{ReadAhead: ahead})
		store.ReadAhead(t.Context())
		require.Equal(t, ahead, len(server.Calls()) == 1)
		_, err := client.Get(t.Context(), "a", "one")
		require.NoError(t, err)
	}
}

func TestCacheReadsAgainAfterAListThatFailed(t *testing.T) {
	client, server, _ := newCache(cache.Options{})
	refused := errors.New("refused")
	server.Fail = func(string, string) error { return refused }
	_, err := client.Get(t.Context(), "a", "one")
	require.ErrorIs(t, err, refused)
	server.Fail = nil
	_, err = client.Get(t.Context(), "a", "one")
	require.NoError(t, err)
}

// While someone follows an object, one watch keeps the table up to date.
func TestFollowBringsEventsToTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := newCache(cache.Options{})
		_, err := client.Get(t.Context(), "a", "one")
		require.NoError(t, err)
		next, stop := client.Follow("a", "one")
		other, stopOther := client.Follow("a", "two")
		synctest.Wait() // until the watch has begun
		require.Equal(t, []string{"List", "Watch"}, server.Calls())

		event, quiet := next(), other()
		server.Drop("a", "one")
		<-event
		_, err = client.Get(t.Context(), "a", "one")
		require.True(t, apierrors.IsNotFound(err))
		require.Empty(t, server.Calls())
		select {
		case <-quiet:
			require.FailNow(t, "the event of another object")
		default:
		}

		event = next()
		server.Put(service("a", "one", nil))
		<-event
		_, err = client.Get(t.Context(), "a", "one")
		require.NoError(t, err)

		stop()
		stopOther()
		synctest.Wait()
		server.Drop("a", "one")
		_, err = client.Get(t.Context(), "a", "one")
		require.NoError(t, err, "nobody follows any more")
	})
}

// A watch that fails is followed by another one, which starts with all objects.
func TestFollowOutlivesAFailedWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, _ := newCache(cache.Options{})
		failures := 2
		server.Fail = func(method, _ string) error {
			if method != "Watch" || failures == 0 {
				return nil
			}
			failures--
			return errors.New("refused")
		}
		_, err := client.Get(t.Context(), "a", "one")
		require.NoError(t, err)
		next, stop := client.Follow("a", "one")
		defer stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Zero(t, failures)
		event := next()
		server.Drop("a", "one")
		<-event
	})
}
