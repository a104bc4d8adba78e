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

// Server sends the requests that are not about the objects of one kind.
type Server struct {
	core, authorization rest.Interface
	unlimited           rest.Interface // its requests do not wait for others
}

// Host returns the host of the API server.
func (s Server) Host() string { return s.core.Get().URL().Host }

// Ready returns an error unless the API server reports that it is ready. It does not wait for other
// requests, since the server may be ready before its turn comes.
func (s Server) Ready(ctx context.Context) error {
	_, err := s.unlimited.Get().MaxRetries(0).AbsPath("/readyz").DoRaw(quiet(ctx))
	return err
}

// Starting reports whether a refusal comes from an API server that does not know yet who may do
// what: while it starts, it refuses everybody everything, also the question whether it is ready.
func (s Server) Starting(ctx context.Context, refusal error) bool {
	return apierrors.IsForbidden(refusal) && s.Ready(ctx) != nil
}

// GetJSON reads what is served at a path.
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
// that of the page before, in Metadata.Continue; empty for the first page.
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

// As returns a request with an HTTP method in the name of a user and their groups. The caller of
// the API needs the right to impersonate them. Warnings of the server are dropped.
func (s Server) As(user string, groups []string, method string) *rest.Request {
	request := s.core.Verb(method).MaxRetries(0).WarningHandler(rest.NoWarnings{}).
		SetHeader("Accept", "application/json").SetHeader("Impersonate-User", user)
	if len(groups) > 0 {
		request.SetHeader("Impersonate-Group", groups...)
	}
	return request
}

// Send sends a request of [Server.As]. If it is a watch, the beginning of the answer is enough.
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
