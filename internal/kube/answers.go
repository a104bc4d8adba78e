package kube

import (
	"errors"
	"io"
	"net/http"
)

// answers is a transport that marks the errors of answers that end in the middle. Without the mark,
// only the text distinguishes them from answers that client-go cannot decode.
type answers struct{ next http.RoundTripper }

// WrappedRoundTripper lets client-go find the transport that cancels requests.
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

// Read passes through the errors that client-go recognises as the end of a body.
func (b answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = &BrokenAnswerError{err}
	}
	return n, err
}
