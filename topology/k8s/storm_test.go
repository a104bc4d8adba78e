package k8s_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// storm injects random faults.
type storm struct {
	faults []likely

	mu   sync.Mutex
	dice *rand.Rand
	hits map[string]int // by fault
}

// likely is a fault and its probability, as a number of 10,000 requests.
type likely struct {
	fault
	of int
}

// newStorm returns a storm in which one request in seven fails. Answers with a Retry-After of
// seconds are rare, since they stop all requests.
func newStorm(seed uint64) *storm {
	reset := func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errReset }
	return &storm{dice: rand.New(rand.NewPCG(seed, seed)), hits: map[string]int{}, faults: []likely{
		{fault{"429", false, answer(http.StatusTooManyRequests, "TooManyRequests")}, 250},
		{
			fault{"429, Retry-After: 0", false, answer(http.StatusTooManyRequests, "TooManyRequests", "Retry-After", "0")},
			246,
		},
		{fault{"429, Retry-After: 1", false, answer(http.StatusTooManyRequests, "TooManyRequests", "Retry-After", "1")}, 4},
		{fault{"500", false, answer(http.StatusInternalServerError, "InternalError")}, 250},
		{fault{"503", false, answer(http.StatusServiceUnavailable, "ServiceUnavailable")}, 250},
		{fault{"connection reset", false, reset}, 250},
		{fault{"answer lost", true, lost}, 250},
		{fault{"answer breaks off", false, breakOff}, 50},
	}}
}

func (s *storm) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(req *http.Request) (*http.Response, error) {
		if f := s.next(isWrite(req.Method, req.URL.Path)); f != nil {
			return f.happen(req, next)
		}
		return next.RoundTrip(req)
	})
}

// next returns the fault of a request, or nil.
func (s *storm) next(write bool) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.dice.IntN(10_000)
	for i := range s.faults {
		f := &s.faults[i]
		if n -= f.of; n >= 0 {
			continue
		}
		if f.writes && !write {
			return nil
		}
		s.hits[f.name]++
		return &f.fault
	}
	return nil
}

// stall makes the nth write and all later ones hang, except those of leases. 0: none.
func stall(nth int) func(http.RoundTripper) http.RoundTripper {
	var seen atomic.Int64
	return func(next http.RoundTripper) http.RoundTripper {
		return tripper(func(req *http.Request) (*http.Response, error) {
			write := isWrite(req.Method, req.URL.Path) && !strings.Contains(req.URL.Path, "/leases")
			if nth > 0 && write && seen.Add(1) >= int64(nth) {
				select {} // even if its context ends
			}
			return next.RoundTrip(req)
		})
	}
}
