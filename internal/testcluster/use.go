package testcluster

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the cluster of the test package that this process runs.
var shared struct {
	mu      sync.Mutex
	started bool
	cluster *Cluster
	err     error
}

// Use returns the cluster that all tests of a package share. The first call starts
// it; where that fails, every test that needs the cluster fails with the reason.
// Tests keep apart by their names, as tenants would.
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

// open takes the existing cluster that the environment names, or starts one. It is
// not bound to the context of a test, which it outlives.
func open() (*Cluster, error) {
	if useExisting() {
		return openExisting(os.Stderr)
	}
	return Start(context.Background(), Options{})
}

// Run runs the tests of a package and then stops the cluster that they shared, if
// any of them called [Use]. It returns the exit code for [os.Exit], which is not 0 if
// a component died on the way.
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
