package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

// meter counts what a client sends and receives.
type meter struct {
	requests, sent, received atomic.Int64
	other                    int64 // peak memory of the child process that does the work, in bytes; 0: there is none
}

// attach makes clients of the configuration count, and removes their client-side limits.
func (m *meter) attach(config *rest.Config) {
	config.QPS = -1
	config.WarningHandler = rest.NoWarnings{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return countedRequests{next, m} })
	var dialer net.Dialer
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		return countedConn{conn, m}, err
	}
}

type countedRequests struct {
	next  http.RoundTripper
	meter *meter
}

func (c countedRequests) RoundTrip(r *http.Request) (*http.Response, error) {
	c.meter.requests.Add(1)
	return c.next.RoundTrip(r)
}

type countedConn struct {
	net.Conn
	meter *meter
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.meter.received.Add(int64(n))
	return n, err
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.meter.sent.Add(int64(n))
	return n, err
}

func (m *meter) peakMemory() (int64, error) {
	if m.other > 0 {
		return m.other, nil
	}
	return peakMemory("self")
}

// peakMemory returns the highest resident size of a running process. The figure that the operating
// system reports for children that have ended would include that of their parent.
func peakMemory(pid string) (int64, error) {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, fmt.Errorf("the benchmark needs Linux: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the process has ended")
}

// watchMemory records the peak memory of a process until ctx ends.
func (m *meter) watchMemory(ctx context.Context, pid int) {
	for ctx.Err() == nil {
		if peak, err := peakMemory(strconv.Itoa(pid)); err == nil {
			m.other = max(m.other, peak)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// cpuSeconds returns the CPU time of a process, in steps of a hundredth of a second.
func cpuSeconds(pid int) (float64, error) {
	const ticks = 100 // per second, the unit of /proc on Linux
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("the benchmark needs Linux: %w", err)
	}
	// From the third field on, since the second may have spaces.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var sum float64
	for _, field := range fields[14-3 : 16-3] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		sum += n / ticks
	}
	return sum, nil
}
