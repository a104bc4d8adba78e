package kube

import (
	"context"
	"encoding/json"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

// Server sends the requests that do not belong to the objects of one kind.
type Server struct {
	core, authorization rest.Interface
	unlimited           rest.Interface // bypasses the limiter
}

// Host returns the host of the API server.
func (s Server) Host() string { return s.core.Get().URL().Host }

// Ready returns an error unless the API server reports that it is ready. It bypasses the limiter,
// because the server may become ready while the request would wait there.
func (s Server) Ready(ctx context.Context) error {
	_, err := s.unlimited.Get().MaxRetries(0).AbsPath("/readyz").DoRaw(quiet(ctx))
	return err
}

// Starting reports whether a refusal comes from an API server that has not read the grants yet.
// While it starts, it refuses every request, including its own readiness check.
func (s Server) Starting(ctx context.Context, refusal error) bool {
	return apierrors.IsForbidden(refusal) && s.Ready(ctx) != nil
}

// GetJSON reads the JSON at a path.
func (s Server) GetJSON(ctx context.Context, path string, into any) error {
	data, err := s.getRaw(ctx, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// RawPage is a page of a list whose items are not decoded.
type RawPage struct {
	Metadata metav1.ListMeta   `json:"metadata"`
	Items    []json.RawMessage `json:"items"`
}

// ListRaw reads a page of the list at a path, for kinds that Clients does not have. The token is
// the Metadata.Continue of the previous page; it is empty for the first page.
func (s Server) ListRaw(ctx context.Context, path, token string) (RawPage, error) {
	params := map[string]string{"limit": strconv.Itoa(PageSize)}
	if token != "" {
		params["continue"] = token
	}
	var page RawPage
	data, err := s.getRaw(ctx, path, params)
	if err == nil {
		err = json.Unmarshal(data, &page)
	}
	return page, err
}

func (s Server) getRaw(ctx context.Context, path string, params map[string]string) ([]byte, error) {
	request := s.core.Get().MaxRetries(0).AbsPath(path).SetHeader("Accept", "application/json")
	for name, value := range params {
		request.Param(name, value)
	}
	return request.DoRaw(quiet(ctx))
}

// Review creates an access review ("subjectaccessreviews", "selfsubjectaccessreviews") and reads
// its answer into it.
func (s Server) Review(ctx context.Context, resource string, review runtime.Object) error {
	return s.authorization.Post().MaxRetries(0).Resource(resource).Body(review).Do(quiet(ctx)).Into(review)
}

// TryNamespace returns the error that creating a namespace would return. It creates nothing.
func (s Server) TryNamespace(ctx context.Context, namespace *corev1.Namespace) error {
	opts := &metav1.CreateOptions{FieldManager: FieldManager, DryRun: []string{metav1.DryRunAll}}
	return s.core.Post().MaxRetries(0).Resource("namespaces").VersionedParams(opts, parameterCodec).
		Body(namespace).Do(quiet(ctx)).Error()
}

// As returns a request with an HTTP method that impersonates a user with groups. The caller needs
// the right to impersonate them. Warnings of the server are dropped.
func (s Server) As(user string, groups []string, method string) *rest.Request {
	request := s.core.Verb(method).MaxRetries(0).WarningHandler(rest.NoWarnings{}).
		SetHeader("Accept", "application/json").SetHeader("Impersonate-User", user)
	if len(groups) > 0 {
		request.SetHeader("Impersonate-Group", groups...)
	}
	return request
}

// Send sends a request of [Server.As]. For a watch it returns as soon as the answer begins.
func (s Server) Send(ctx context.Context, request *rest.Request, watch bool) error {
	if !watch {
		return request.Do(quiet(ctx)).Error()
	}
	stream, err := request.Stream(quiet(ctx))
	if err != nil {
		return err
	}
	return stream.Close()
}
