package k8s_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
)

// tripper is a transport that is one function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

const nextPage = "?continue"

// recorder counts the requests that pass it.
type recorder struct {
	mu       sync.Mutex
	requests []string // such as "GET /api/v1/...", with nextPage appended for the further pages of a list
}

func (r *recorder) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(req *http.Request) (*http.Response, error) {
		line := req.Method + " " + req.URL.Path
		if req.URL.Query().Has("continue") {
			line += nextPage
		}
		r.mu.Lock()
		r.requests = append(r.requests, line)
		r.mu.Unlock()
		return next.RoundTrip(req)
	})
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.requests)
}

func (r *recorder) take() (all, writes []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all, r.requests = r.requests, nil
	for _, line := range all {
		method, path, _ := strings.Cut(line, " ")
		if isWrite(method, path) {
			writes = append(writes, line)
		}
	}
	return all, writes
}

// isWrite reports whether a request changes the cluster. A review is a question, although a POST
// sends it.
func isWrite(method, path string) bool {
	return method != http.MethodGet && !strings.HasSuffix(path, "accessreviews")
}

// fault is a failure of a request.
type fault struct {
	name   string
	writes bool // only writes fail
	happen func(req *http.Request, next http.RoundTripper) (*http.Response, error)
}

var errReset = &netError{syscall.ECONNRESET}

type netError struct{ error }

func (e *netError) Timeout() bool   { return false }
func (e *netError) Temporary() bool { return true }
func (e *netError) Unwrap() error   { return e.error }

func answer(code int, reason string, headers ...string) func(*http.Request, http.RoundTripper) (*http.Response, error) {
	return func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		body := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"injected","reason":%q,"code":%d}`, reason, code)
		header := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(headers); i += 2 {
			header.Set(headers[i], headers[i+1])
		}
		return &http.Response{
			StatusCode: code, Status: http.StatusText(code), Header: header, Body: io.NopCloser(bytes.NewReader([]byte(body))),
			ContentLength: int64(len(body)), Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	}
}

// lost sends a request and drops its answer.
func lost(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close() // an error is dropped too
	}
	return nil, errReset
}

// breakOff breaks the connection while the answer is read. Only the text of client-go's error shows
// that.
func breakOff(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	if err == nil {
		resp.Body = brokenBody{resp.Body}
	}
	return resp, err
}

type brokenBody struct{ io.ReadCloser }

func (brokenBody) Read([]byte) (int, error) {
	return 0, errors.New("client connection force closed")
}

// timeOut fails like a request whose deadline passes, but at once. With a short timeout instead,
// slow answers would fail too. In TestUnansweredRequestTimesOut a timeout passes.
func timeOut(*http.Request, http.RoundTripper) (*http.Response, error) {
	return nil, context.DeadlineExceeded
}

// hang waits until the client gives up.
func hang(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// transient are faults that a run survives.
var transient = []fault{
	{"429 without Retry-After", false, answer(http.StatusTooManyRequests, "TooManyRequests")},
	{"429 with Retry-After", false, answer(http.StatusTooManyRequests, "TooManyRequests", "Retry-After", "0")},
	{"500", false, answer(http.StatusInternalServerError, "InternalError")},
	{"503", false, answer(http.StatusServiceUnavailable, "ServiceUnavailable")},
	{"504", false, answer(http.StatusGatewayTimeout, "Timeout")},
	{"connection reset", false, func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errReset }},
	{"connection refused", false, func(*http.Request, http.RoundTripper) (*http.Response, error) {
		return nil, &netError{syscall.ECONNREFUSED}
	}},
	{"EOF", false, func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, io.EOF }},
	{"answer lost", true, lost},
	{"answer breaks off", false, breakOff},
	{"no answer in the time", false, timeOut},
	{"conflict", true, answer(http.StatusConflict, "Conflict")},
	{"already exists", true, answer(http.StatusConflict, "AlreadyExists")},
}

// injector injects a fault into the nth request that it applies to, and into all later ones if
// always is set.
type injector struct {
	fault  fault
	nth    int
	always bool

	mu   sync.Mutex
	seen int
	hit  bool
}

func (i *injector) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(req *http.Request) (*http.Response, error) {
		if i.due(req) {
			return i.fault.happen(req, next)
		}
		return next.RoundTrip(req)
	})
}

func (i *injector) due(req *http.Request) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fault.writes && !isWrite(req.Method, req.URL.Path) {
		return false
	}
	i.seen++
	if i.seen == i.nth || i.always && i.seen > i.nth {
		i.hit = true
		return true
	}
	return false
}

var errCut = errors.New("cut")

// cutter calls cut instead of the nth write, or right after it.
type cutter struct {
	nth   int
	after bool
	cut   func()

	mu   sync.Mutex
	seen int
}

func (c *cutter) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(req *http.Request) (*http.Response, error) {
		if !isWrite(req.Method, req.URL.Path) {
			return next.RoundTrip(req)
		}
		c.mu.Lock()
		c.seen++
		due := c.seen == c.nth
		c.mu.Unlock()
		if due && !c.after {
			c.cut()
			return nil, errCut
		}
		resp, err := next.RoundTrip(req)
		if due {
			c.cut()
		}
		return resp, err
	})
}

func (c *cutter) reached() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen >= c.nth
}
