package testcluster

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the cluster that all tests of this process share.
var shared struct {
	mu      sync.Mutex
	started bool
	cluster *Cluster
	err     error
}

// Use returns the cluster that all tests of a package share. The first call starts it. If that
// fails, every test that calls Use fails with the same error. Tests keep apart by using different
// names for their objects.
func Use(t testing.TB) *Cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.started {
		shared.started = true
		shared.cluster, shared.err = open()
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// open returns the existing cluster that the environment names, or starts one. It does not use the
// context of a test, because the cluster outlives the test.
func open() (*Cluster, error) {
	if useExisting() {
		return openExisting(os.Stderr)
	}
	return Start(context.Background(), Options{})
}

// Run runs the tests of a package, and then stops the cluster if one of them called [Use]. It
// returns the exit code for [os.Exit], which is not 0 if a component ended by itself.
func Run(m *testing.M) int {
	code := m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster == nil {
		return code
	}
	if err := shared.cluster.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}
