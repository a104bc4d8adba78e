package limiter

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/polyphony-go/polyphony/internal/kube"
	"github.com/polyphony-go/polyphony/topology"
)

// server answers each request after a second, as answer decides. It records when each request was
// sent and the largest number in flight.
type server struct {
	mu        sync.Mutex
	began     time.Time
	sent      []time.Duration
	now, most int

	answer func(n int, req *http.Request) (code int, retryAfter string) // to the nth request, from 1; code 0: the connection breaks
}

func newServer(answer func(n int, req *http.Request) (int, string)) *server {
	return &server{began: time.Now(), answer: answer}
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	s.sent = append(s.sent, time.Since(s.began))
	code, after := s.answer(len(s.sent), req)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.now--
	}()
	select {
	case <-time.After(time.Second):
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	if code == 0 {
		return nil, io.EOF
	}
	header := http.Header{}
	if after != "" {
		header.Set("Retry-After", after)
	}
	return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader("body")), Request: req}, nil
}

// peak returns the largest number of requests in flight since the last call of peak.
func (s *server) peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.most
	s.most = 0
	return most
}

func always(code int, retryAfter string) func(int, *http.Request) (int, string) {
	return func(int, *http.Request) (int, string) { return code, retryAfter }
}

// refuse refuses the first n requests and answers the others.
func refuse(n, code int, retryAfter string) func(int, *http.Request) (int, string) {
	return func(i int, _ *http.Request) (int, string) {
		if i <= n {
			return code, retryAfter
		}
		return http.StatusOK, ""
	}
}

func trySend(ctx context.Context, p *Limiter, query string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://cluster/api?"+query, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := p.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}

// sendAll sends n requests at once and waits for their answers.
func sendAll(ctx context.Context, p *Limiter, n int) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() { _, _ = trySend(ctx, p, "") })
	}
	all.Wait()
}

func TestLimiterLimitsRequestsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(always(http.StatusOK, ""))
		p := New(s, 4, time.Minute)
		sendAll(t.Context(), p, 10)
		require.Equal(t, 4, s.peak())
		require.Equal(t, 3*time.Second, time.Since(s.began), "the limit is used in full")
		require.Len(t, s.sent, 10)
	})
}

func TestLimiterHalvesOnRefusalAndGrowsAgain(t *testing.T) {
	for name, answer := range map[string]func(int, *http.Request) (int, string){
		"429 with Retry-After":    refuse(16, http.StatusTooManyRequests, "5"),
		"503 with Retry-After":    refuse(16, http.StatusServiceUnavailable, "5"),
		"429 without Retry-After": refuse(16, http.StatusTooManyRequests, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(answer)
				p := New(s, 16, time.Minute)
				sendAll(t.Context(), p, 16)
				require.Equal(t, 16, s.peak())
				require.Equal(t, 8, p.limit, "requests that are refused together halve the limit once")
				for want := 8; want <= 16; want++ { // eight answers raise the limit to nine, and so on
					sendAll(t.Context(), p, want)
					require.Equal(t, want, s.peak())
				}
				sendAll(t.Context(), p, 100)
				require.Equal(t, 16, s.peak())
				require.Equal(t, 16, p.limit)
			})
		})
	}
}

func TestLimiterNeverFallsBelowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(refuse(16+8+4+2+1+1+1, http.StatusTooManyRequests, "1"))
		p := New(s, 16, time.Minute)
		for _, want := range []int{16, 8, 4, 2, 1, 1, 1, 1, 2, 3} {
			sendAll(t.Context(), p, want)
			require.Equal(t, want, s.peak())
		}
	})
}

func TestRetryAfterReadsSecondsAndDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for value, want := range map[string]time.Duration{
			"7": 7 * time.Second, "0": 0, "": 0, "-3": 0, "soon": 0, "86400": kube.MaxRetryAfter, "99999999999999": kube.MaxRetryAfter,
			in(4 * time.Second): 4 * time.Second, in(time.Hour): kube.MaxRetryAfter, in(-time.Hour): 0,
		} {
			pause, told := retryAfter(http.Header{"Retry-After": {value}})
			require.Equal(t, want, pause, value)
			require.Equal(t, value != "" && value != "soon", told, value)
		}
	})
}

// Requests wait in the queue when the refusal comes, and others arrive later. Those that were sent
// before it end as usual.
func TestLimiterSendsNothingWhileTheServerPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(refuse(1, http.StatusTooManyRequests, "10"))
		p := New(s, 2, time.Second*2) // shorter than the pause
		var heard []topology.Progress
		ctx := topology.WithProgress(t.Context(), func(p topology.Progress) { heard = append(heard, p) })
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 5 * time.Second)
				resp, err := trySend(ctx, p, "")
				assert.NoError(t, err)
				assert.Equal(t, i == 0, resp.StatusCode == http.StatusTooManyRequests)
			})
		}
		all.Wait()
		require.Equal(t, []time.Duration{0, 11 * time.Second, 12 * time.Second}, s.sent)
		require.Equal(t, []topology.Progress{topology.Waiting{Kind: "API server", For: "take requests again"}}, heard, "the third waits for a place, not for the server")
	})
}

// Other failures carry no information about load.
func TestLimiterIgnoresOtherFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, answer := range map[string]func(int, *http.Request) (int, string){
			"500": always(http.StatusInternalServerError, ""), "503": always(http.StatusServiceUnavailable, ""), "no answer": always(0, ""),
			"500 with Retry-After": always(http.StatusInternalServerError, "9"),
		} {
			s := newServer(answer)
			p := New(s, 4, time.Minute)
			p.limit = 2
			sendAll(t.Context(), p, 20)
			require.Equal(t, 2, p.limit, name)
			require.Equal(t, 10*time.Second, time.Since(s.began), name)
		}
		for _, code := range []int{http.StatusOK, http.StatusNotFound, http.StatusConflict, http.StatusForbidden} {
			p := New(newServer(always(code, "")), 4, time.Minute)
			p.limit = 2
			sendAll(t.Context(), p, 20)
			require.Equal(t, 4, p.limit, "%d is an answer", code)
		}
	})
}

// Of the requests in flight, one is refused later than the others. It was sent under the old limit.
func TestLimiterHalvesOncePerEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(always(http.StatusTooManyRequests, "3"))
		p := New(s, 8, time.Minute)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 200 * time.Millisecond)
				_, _ = trySend(t.Context(), p, "")
			})
		}
		all.Wait()
		require.Equal(t, 4, p.limit)
		require.Equal(t, 4600*time.Millisecond, p.until.Sub(s.began), "the latest time that the server asks for counts")
		_, _ = trySend(t.Context(), p, "")
		require.Equal(t, 2, p.limit)
	})
}

func waiting(p *Limiter) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

func TestLimiterEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(refuse(1, http.StatusTooManyRequests, "20"))
		p := New(s, 1, time.Minute)
		_, _ = trySend(t.Context(), p, "")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var ended atomic.Int32
		for range 3 { // one has the place and waits for the server, two wait for the place
			go func() {
				_, err := trySend(ctx, p, "")
				if errors.Is(err, context.DeadlineExceeded) {
					ended.Add(1)
				}
			}()
		}
		synctest.Wait()
		require.Zero(t, ended.Load())
		require.Equal(t, 2, waiting(p))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 3, ended.Load())
		require.Len(t, s.sent, 1)
		require.Zero(t, waiting(p))
		resp, err := trySend(t.Context(), p, "")
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, []time.Duration{0, 21 * time.Second}, s.sent, "no place is lost")
	})
}

// Contexts end while places become free, in any order.
func TestLimiterLosesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(newServer(always(http.StatusOK, "")), 3, time.Minute)
		var all sync.WaitGroup
		for i := range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%5)*time.Second)
			all.Go(func() {
				defer cancel()
				_, _ = trySend(ctx, p, "")
			})
		}
		all.Wait()
		require.Zero(t, p.inFlight)
		require.Empty(t, p.queue)
	})
}

// Watches last, so they take no place and have no timeout. They wait for the server like all
// requests, and its refusals of them count.
func TestLimiterDoesNotCountWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := make(chan struct{})
		watching := func(next http.RoundTripper) http.RoundTripper {
			return roundTripper(func(req *http.Request) (*http.Response, error) {
				if isWatch(req) {
					<-last
				}
				return next.RoundTrip(req)
			})
		}
		s := newServer(refuse(1, http.StatusTooManyRequests, "10"))
		p := New(watching(s), 1, 2*time.Second)
		var all sync.WaitGroup
		for _, query := range []string{"watch=true", "watch=1&resourceVersion=7"} {
			all.Go(func() {
				_, err := trySend(t.Context(), p, query)
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		_, _ = trySend(t.Context(), p, "watch=false")
		require.Len(t, s.sent, 1, "a request does not wait for watches")
		all.Go(func() {
			_, err := trySend(t.Context(), p, "watch=true")
			assert.NoError(t, err)
		})
		time.Sleep(5 * time.Second)
		close(last)
		all.Wait()
		require.Equal(t, []time.Duration{0, 6 * time.Second, 6 * time.Second, 11 * time.Second}, s.sent)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestLimiterKeepsTheTimeoutOfARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(always(http.StatusOK, ""))
		_, err := trySend(t.Context(), New(s, 1, 500*time.Millisecond), "")
		require.ErrorIs(t, err, context.DeadlineExceeded)

		p := New(s, 1, 3*time.Second) // the last request waits longer than that before it is sent
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				_, err := trySend(t.Context(), p, "")
				assert.NoError(t, err)
			})
		}
		all.Wait()

		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://cluster/api", http.NoBody)
		require.NoError(t, err)
		var within context.Context
		resp, err := New(roundTripper(func(req *http.Request) (*http.Response, error) {
			within = req.Context()
			return s.RoundTrip(req)
		}), 1, 3*time.Second).RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, within.Err(), "the body was not read yet")
		require.NoError(t, resp.Body.Close())
		require.ErrorIs(t, within.Err(), context.Canceled)
	})
}
