package k8s

import (
	"errors"
	"io"
	"net/http"
)

// answers is a transport whose answers say when they broke off: what became of the request is unknown then, and it may be repeated. client-go tells that apart
// from an answer that it cannot decode by its text alone.
type answers struct{ next http.RoundTripper }

// WrappedRoundTripper lets client-go find what it may cancel requests of.
func (a answers) WrappedRoundTripper() http.RoundTripper { return a.next }

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = answerBody{resp.Body}
	return resp, nil
}

type answerBody struct{ io.ReadCloser }

// Read leaves the ends that client-go knows, also of a watch, as they are.
func (b answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = &brokenOffError{err}
	}
	return n, err
}

// brokenOffError is why an answer broke off.
type brokenOffError struct{ error }

func (e *brokenOffError) Unwrap() error { return e.error }
