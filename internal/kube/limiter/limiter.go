// Package limiter adapts the number of requests in flight to what an API server takes.
//
// # Where its numbers come from
//
//   - The maximum, in requests, is k8s.Options.MaxInFlight. Its default and its validation are in
//     topology/k8s/topology.go, and [New] gets it from k8s.New. There is one limiter for each
//     k8s.New, and the views of a topology share it. Requests about leases do not pass it.
//   - The timeout of a request is rest.Config.Timeout, or the default in internal/kube/clients.go.
//   - The longest pause that a server can ask for is kube.MaxRetryAfter, a constant in
//     internal/kube/client.go. Package retry has the same bound.
package limiter

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// Limiter is a transport that limits the number of requests in flight.
//
// It starts with the maximum. When the server refuses a request because of load (429, or 503 with a
// Retry-After), the limiter halves the limit and sends nothing for as long as the server asks. The
// limit grows by one after as many answers as the limit is. Watches do not count, since they last.
//
// The timeout of a request starts when the request is sent. Waiting here uses up neither that nor
// an attempt.
type Limiter struct {
	next    http.RoundTripper
	maximum int
	timeout time.Duration

	mu       sync.Mutex
	limit    int
	inFlight int
	answers  int             // since the limit last changed
	epoch    int             // number of times that the limit was halved
	until    time.Time       // nothing is sent before
	queue    []chan struct{} // of waiting requests; each is closed when its request may be sent
}

// New returns a limiter that sends at most maximum requests at a time to next, each with the
// timeout. The maximum is at least 1; k8s.New replaces 0 by the default. A watch has no timeout.
func New(next http.RoundTripper, maximum int, timeout time.Duration) *Limiter {
	return &Limiter{next: next, maximum: maximum, timeout: timeout, limit: maximum}
}

// WrappedRoundTripper lets client-go find the transport that cancels requests.
func (l *Limiter) WrappedRoundTripper() http.RoundTripper { return l.next }

// RoundTrip implements http.RoundTripper.
func (l *Limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, limited := req.Context(), !isWatch(req)
	if limited {
		if err := l.acquire(ctx); err != nil {
			return nil, unsent(req, err)
		}
		defer l.release()
	}
	epoch, err := l.pause(ctx)
	if err != nil {
		return nil, unsent(req, err)
	}
	cancel := func() {}
	if limited {
		ctx, cancel = context.WithTimeout(ctx, l.timeout)
	}
	resp, err := l.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	l.adapt(epoch, resp)
	resp.Body = timedBody{resp.Body, cancel}
	return resp, nil
}

func isWatch(req *http.Request) bool {
	watch, err := strconv.ParseBool(req.URL.Query().Get("watch"))
	return err == nil && watch
}

// unsent closes the body of a request that is not sent, as a transport must.
func unsent(req *http.Request, why error) error {
	if req.Body != nil {
		_ = req.Body.Close() // nobody has read it
	}
	return why
}

// timedBody is the body of a response whose timeout ends when it is closed.
type timedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// acquire waits until the request may be sent. Requests are served in order.
func (l *Limiter) acquire(ctx context.Context) error {
	l.mu.Lock()
	turn := make(chan struct{})
	l.queue = append(l.queue, turn)
	l.admit()
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, turn); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	} else { // admitted at the same moment
		l.inFlight--
		l.admit()
	}
	return ctx.Err()
}

func (l *Limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	l.admit()
}

// admit lets waiting requests pass, up to the limit. The caller holds the lock.
func (l *Limiter) admit() {
	for len(l.queue) > 0 && l.inFlight < l.limit {
		close(l.queue[0])
		l.queue = l.queue[1:]
		l.inFlight++
	}
}

// pause waits until the server takes requests again. It returns the epoch in which the request is
// sent.
func (l *Limiter) pause(ctx context.Context) (epoch int, err error) {
	for waited := false; ; waited = true {
		l.mu.Lock()
		pause, epoch := time.Until(l.until), l.epoch
		l.mu.Unlock()
		if pause <= 0 {
			return epoch, ctx.Err()
		}
		if !waited {
			topology.ReportProgress(ctx, topology.Waiting{Kind: "API server", For: "take requests again"})
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return epoch, ctx.Err()
		}
	}
}

// adapt changes the limit after the answer to a request that was sent in an epoch.
func (l *Limiter) adapt(epoch int, resp *http.Response) {
	pause, asked := retryAfter(resp.Header)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && asked:
		l.refused(epoch, time.Now().Add(pause))
	case code < http.StatusInternalServerError:
		l.answers++
		if l.answers >= l.limit && l.limit < l.maximum {
			l.limit, l.answers = l.limit+1, 0
			l.admit()
		}
	}
}

// refused halves the limit, once for all requests of an epoch: those are refused together. The
// caller holds the lock.
func (l *Limiter) refused(epoch int, until time.Time) {
	if until.After(l.until) {
		l.until = until
	}
	l.answers = 0
	if epoch == l.epoch {
		l.epoch++
		l.limit = max(l.limit/2, 1)
	}
}

// retryAfter returns for how long the server asks to wait, given in seconds or as a date, and
// whether it asks at all.
func retryAfter(header http.Header) (pause time.Duration, asked bool) {
	const most = int(kube.MaxRetryAfter / time.Second)
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		pause, asked = time.Duration(min(max(seconds, 0), most))*time.Second, true
	} else if date, err := http.ParseTime(value); err == nil {
		pause, asked = max(time.Until(date), 0), true
	}
	return min(pause, kube.MaxRetryAfter), asked
}
