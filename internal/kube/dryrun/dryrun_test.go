package dryrun_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/internal/kube/dryrun"
)

// recorder is a server that refuses every request and remembers its method.
type recorder struct {
	mu      sync.Mutex
	methods []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.methods = append(r.methods, request.Method)
	w.WriteHeader(http.StatusTeapot)
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	methods := r.methods
	r.methods = nil
	return methods
}

func unlimited(next http.RoundTripper, _ time.Duration) http.RoundTripper { return next }

// Clients must decorate every field of kube.Clients, also those that are added later. So this test
// finds the fields by reflection, and looks at the wire.
func TestClientsSendReadsAndNoWrites(t *testing.T) {
	server := &recorder{}
	listener := httptest.NewServer(server)
	defer listener.Close()
	clients, err := kube.New(&rest.Config{Host: listener.URL}, unlimited)
	require.NoError(t, err)
	dry := reflect.ValueOf(dryrun.Clients(clients))
	tested := 0
	for i := range dry.NumField() {
		name := dry.Type().Field(i).Name
		if name == "Server" {
			continue
		}
		tested++
		t.Run(name, func(t *testing.T) {
			client := dry.Field(i)
			require.False(t, client.IsNil(), "add the field to dryrun.Clients")
			call := func(method string, args ...any) error { return callMethod(t, client, method, args...) }
			object := newObject(t, client)
			require.NoError(t, call("Create", object))
			require.NoError(t, call("Update", object))
			require.NoError(t, call("Delete", object))
			require.Empty(t, server.take(), "writes")

			require.Error(t, call("Get", "ns", "name"), "the server refuses")
			require.Error(t, call("Watch", kube.WatchOptions{}))
			require.Equal(t, []string{http.MethodGet, http.MethodGet}, server.take(), "reads")

			client = reflect.ValueOf(clients).Field(i)
			require.Error(t, call("Create", object))
			require.Error(t, call("Update", object))
			require.Error(t, call("Delete", object))
			require.Equal(t, []string{http.MethodPost, http.MethodPut, http.MethodDelete}, server.take(),
				"the same writes without the decorator")
		})
	}
	require.Greater(t, tested, 15)
	require.Equal(t, clients.Server, dryrun.Clients(clients).Server, "reviews and requests with dryRun=All go through")
}

// callMethod calls a method of a kube.Client, and returns its error.
func callMethod(t *testing.T, client reflect.Value, method string, args ...any) error {
	t.Helper()
	in := []reflect.Value{reflect.ValueOf(t.Context())}
	for _, arg := range args {
		in = append(in, reflect.ValueOf(arg))
	}
	out := client.MethodByName(method).Call(in)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// newObject returns an object of the kind of a client.
func newObject(t *testing.T, client reflect.Value) kube.Object {
	t.Helper()
	get, ok := client.Type().MethodByName("Get")
	require.True(t, ok)
	object, ok := reflect.New(get.Type.Out(0).Elem()).Interface().(kube.Object)
	require.True(t, ok)
	object.SetName("name")
	return object
}

func TestNewReturnsWhatIsWritten(t *testing.T) {
	client := dryrun.New[*corev1.Namespace](nil) // no read, no next client
	object := &corev1.Namespace{}
	for _, write := range []func(context.Context, *corev1.Namespace) (*corev1.Namespace, error){
		client.Create, client.Update,
	} {
		stored, err := write(t.Context(), object)
		require.NoError(t, err)
		require.Same(t, object, stored)
	}
}
