package kube_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/klog/v2"

	"github.com/polyphony-go/polyphony/internal/kube"
)

// nuisance is an API server, or a limit, about which client-go has something to log.
type nuisance struct {
	answer  func(req *http.Request) *http.Response
	limiter flowcontrol.RateLimiter
	logs    string // what client-go logs by itself
}

const namespaceJSON = `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"acme"}}`

var nuisances = map[string]nuisance{
	"a warning of the API server": {
		answer: answering(http.StatusOK, strings.NewReader(namespaceJSON), "Warning", `299 - "it is deprecated"`),
		logs:   "Warning: it is deprecated",
	},
	"an answer that breaks off": {
		answer: answering(http.StatusOK, brokenBody{}),
		logs:   "Unexpected error when reading response body",
	},
	"a watch that breaks off": {
		answer: answering(http.StatusOK, strings.NewReader(`{"type":"ADDED",`)),
		logs:   "Unexpected EOF during watch stream event decoding",
	},
	"a server that is busy": {
		answer: answering(http.StatusTooManyRequests, strings.NewReader(`{"kind":"Status","code":429}`), "Retry-After", "1"),
		logs:   "Got a Retry-After response",
	},
	"a limit of the caller": {
		answer:  answering(http.StatusOK, strings.NewReader(namespaceJSON)),
		limiter: slowLimiter{flowcontrol.NewFakeAlwaysRateLimiter()},
		logs:    "Waited before sending request",
	},
}

// answering returns a server that gives the same answer to every request.
func answering(code int, body io.Reader, headers ...string) func(*http.Request) *http.Response {
	data, err := io.ReadAll(body)
	return func(req *http.Request) *http.Response {
		header := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(headers); i += 2 {
			header.Set(headers[i], headers[i+1])
		}
		sent := io.Reader(strings.NewReader(string(data)))
		if err != nil {
			sent = body
		}
		return &http.Response{
			StatusCode: code, Header: header, Body: io.NopCloser(sent), Request: req, ContentLength: -1,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, errors.New("client connection force closed") }

// slowLimiter makes each request wait so long that client-go reports it.
type slowLimiter struct{ flowcontrol.RateLimiter }

func (slowLimiter) Wait(context.Context) error {
	time.Sleep(time.Minute)
	return nil
}

type tripper func(*http.Request) *http.Response

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req), nil }

// capture collects all lines that are logged through klog until the end of the test, those for
// debugging too.
func capture(t *testing.T) (take func() string) {
	t.Helper()
	t.Cleanup(klog.CaptureState().Restore)
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	require.NoError(t, flags.Set("v", "10"))
	var mu sync.Mutex
	var lines []string
	klog.SetLogger(funcr.New(func(_, line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}, funcr.Options{Verbosity: 10}))
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		all := strings.Join(lines, "\n")
		lines = nil
		return all
	}
}

// requests are all kinds of requests. Their errors do not matter.
func requests(clients kube.Clients) map[string]func(ctx context.Context) {
	namespaces, server := clients.Namespaces, clients.Server
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "acme", UID: "1", ResourceVersion: "1"}}
	as := func() *rest.Request {
		return server.As("jane", []string{"devs"}, http.MethodGet).AbsPath("/api/v1/namespaces/acme")
	}
	return map[string]func(ctx context.Context){
		"Get": func(ctx context.Context) { _, _ = namespaces.Get(ctx, "", "acme") },
		"List": func(ctx context.Context) {
			_ = namespaces.List(ctx, kube.ListOptions{}, func(kube.Page[*corev1.Namespace]) error { return nil })
		},
		"Create": func(ctx context.Context) { _, _ = namespaces.Create(ctx, object) },
		"Update": func(ctx context.Context) { _, _ = namespaces.Update(ctx, object) },
		"Delete": func(ctx context.Context) { _ = namespaces.Delete(ctx, object) },
		"Watch": func(ctx context.Context) {
			if stream, err := namespaces.Watch(ctx, kube.WatchOptions{}); err == nil {
				drain(stream.ResultChan())
			}
		},
		"Ready":   func(ctx context.Context) { _ = server.Ready(ctx) },
		"GetJSON": func(ctx context.Context) { _ = server.GetJSON(ctx, "/version", &struct{}{}) },
		"ListRaw": func(ctx context.Context) { _, _ = server.ListRaw(ctx, "/apis/example.com/v1/things", "") },
		"Review": func(ctx context.Context) {
			_ = server.Review(ctx, "subjectaccessreviews", &authorizationv1.SubjectAccessReview{})
		},
		"TryNamespace":    func(ctx context.Context) { _ = server.TryNamespace(ctx, object) },
		"Send":            func(ctx context.Context) { _ = server.Send(ctx, as(), false) },
		"Send of a watch": func(ctx context.Context) { _ = server.Send(ctx, as(), true) },
	}
}

func drain[V any](values <-chan V) {
	for range values { //nolint:revive // until the end
	}
}

// What client-go logs goes to the standard error of the whole program. The errors that it returns
// say the same.
func TestClientsLogNothing(t *testing.T) {
	for name, n := range nuisances {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logged := capture(t)
				cfg := &rest.Config{Host: "https://cluster", Transport: tripper(n.answer), RateLimiter: n.limiter}
				sendByClientGo(t, cfg)
				require.Contains(t, logged(), n.logs, "the test sees what client-go logs by itself")
				clients, err := kube.New(cfg, func(next http.RoundTripper, _ time.Duration) http.RoundTripper { return next })
				require.NoError(t, err)
				for method, send := range requests(clients) {
					send(t.Context())
					require.Empty(t, logged(), method)
				}
			})
		})
	}
}

// sendByClientGo sends two requests without the clients of this package.
func sendByClientGo(t *testing.T, cfg *rest.Config) {
	t.Helper()
	cfg = rest.CopyConfig(cfg)
	cfg.GroupVersion, cfg.APIPath = &corev1.SchemeGroupVersion, "/api"
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(kube.Scheme).WithoutConversion()
	client, err := rest.RESTClientFor(cfg)
	require.NoError(t, err)
	_ = client.Get().Resource("namespaces").Name("acme").Do(t.Context()).Error()
	if stream, err := client.Get().Resource("namespaces").Watch(t.Context()); err == nil {
		drain(stream.ResultChan())
	}
}

// handler records warnings.
type handler struct{ warnings []string }

func (h *handler) HandleWarningHeader(_ int, _, text string) { h.warnings = append(h.warnings, text) }

func TestWarningsReachTheHandlerOfTheCaller(t *testing.T) {
	var mine handler
	warned := nuisances["a warning of the API server"]
	cfg := &rest.Config{Host: "https://cluster", Transport: tripper(warned.answer), WarningHandler: &mine}
	clients, err := kube.New(cfg, func(next http.RoundTripper, _ time.Duration) http.RoundTripper { return next })
	require.NoError(t, err)
	_, err = clients.Namespaces.Get(t.Context(), "", "acme")
	require.NoError(t, err)
	require.Equal(t, []string{"it is deprecated"}, mine.warnings)
}
