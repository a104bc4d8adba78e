package k8s

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/polyphony-go/polyphony/topology"
)

// pace is a transport that sends as many requests at a time as the API server takes. It starts with most. When the server says that it
// is too many (429, or 503 with a Retry-After), the number is halved and nothing is sent for as long as it asks; with every so many
// answers it grows by one again. Watches are not counted, as they last.
//
// A request's time runs from when it is sent, so that waiting here uses up neither that nor a try.
type pace struct {
	next    http.RoundTripper
	most    int
	timeout time.Duration

	mu       sync.Mutex
	allowed  int // at a time
	inFlight int
	answers  int             // since allowed was last changed
	epoch    int             // how often allowed was halved
	until    time.Time       // nothing is sent before
	queue    []chan struct{} // of those who wait for a place, each closed when it has one
}

func newPace(next http.RoundTripper, most int, timeout time.Duration) *pace {
	return &pace{next: next, most: most, timeout: timeout, allowed: most}
}

// WrappedRoundTripper lets client-go find what it may cancel requests of.
func (p *pace) WrappedRoundTripper() http.RoundTripper { return p.next }

func (p *pace) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, timed := req.Context(), !isWatch(req)
	if timed {
		if err := p.enter(ctx); err != nil {
			return nil, unsent(req, err)
		}
		defer p.leave()
	}
	epoch, err := p.rest(ctx)
	if err != nil {
		return nil, unsent(req, err)
	}
	cancel := func() {}
	if timed {
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
	}
	resp, err := p.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	p.heed(epoch, resp)
	resp.Body = timedBody{resp.Body, cancel}
	return resp, nil
}

func isWatch(req *http.Request) bool {
	watch, err := strconv.ParseBool(req.URL.Query().Get("watch"))
	return err == nil && watch
}

// unsent does what a transport owes a request that it does not send.
func unsent(req *http.Request, why error) error {
	if req.Body != nil {
		_ = req.Body.Close() // nobody has read it
	}
	return why
}

// timedBody is the body of a response whose time ends when it is closed.
type timedBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b timedBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// enter waits for a place, in turn.
func (p *pace) enter(ctx context.Context) error {
	p.mu.Lock()
	turn := make(chan struct{})
	p.queue = append(p.queue, turn)
	p.admit()
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.queue, turn); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	} else { // it came at the same moment
		p.inFlight--
		p.admit()
	}
	return ctx.Err()
}

func (p *pace) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	p.admit()
}

// admit gives places to those who wait. p is locked.
func (p *pace) admit() {
	for len(p.queue) > 0 && p.inFlight < p.allowed {
		close(p.queue[0])
		p.queue = p.queue[1:]
		p.inFlight++
	}
}

// rest waits until the server wants requests again. It returns the epoch in which the request is sent.
func (p *pace) rest(ctx context.Context) (epoch int, err error) {
	for waited := false; ; waited = true {
		p.mu.Lock()
		pause, epoch := time.Until(p.until), p.epoch
		p.mu.Unlock()
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

// heed takes note of the answer to a request that was sent in an epoch.
func (p *pace) heed(epoch int, resp *http.Response) {
	pause, told := retryAfter(resp.Header)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && told:
		p.slow(epoch, time.Now().Add(pause))
	case code < http.StatusInternalServerError:
		p.answers++
		if p.answers >= p.allowed && p.allowed < p.most {
			p.allowed, p.answers = p.allowed+1, 0
			p.admit()
		}
	}
}

// slow takes note of a refusal. Requests that were under way together are refused together, which halves once. p is locked.
func (p *pace) slow(epoch int, until time.Time) {
	if until.After(p.until) {
		p.until = until
	}
	p.answers = 0
	if epoch == p.epoch {
		p.epoch++
		p.allowed = max(p.allowed/2, 1)
	}
}

// retryAfter is for how long the server asks not to be asked, in seconds or up to a date, and whether it asks at all.
func retryAfter(header http.Header) (pause time.Duration, told bool) {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		pause, told = time.Duration(min(max(seconds, 0), int(maxDelay/time.Second)))*time.Second, true
	} else if date, err := http.ParseTime(value); err == nil {
		pause, told = max(time.Until(date), 0), true
	}
	return min(pause, maxDelay), told
}
