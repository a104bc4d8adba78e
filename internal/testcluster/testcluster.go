// Package testcluster runs a real Kubernetes control plane for tests: etcd, kube-apiserver and
// kube-controller-manager. They listen on loopback, with RBAC, the default admission plugins and
// temporary data. Objects are authorized, admitted, counted against quotas and garbage-collected as
// in production. No pod ever runs: there is no scheduler, no kubelet and no container runtime.
//
// All tests of a package share one cluster:
//
//	func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }
//
//	func TestSomething(t *testing.T) {
//		cluster := testcluster.Use(t) // the first call starts it
//		...
//	}
//
// [Build] compiles the binaries from the Go modules that the nested module binaries/ pins, once for
// each machine and version. That takes some minutes, and `go test` does not show the progress when
// it tests several packages. So build them first:
//
//	go run ./internal/testcluster/cmd/testcluster -build
//
// A start takes about four seconds and half a gigabyte of memory. Nothing outlives the process that
// called [Start], even if it is killed with SIGKILL: a watchdog then ends the components and
// removes their data. The package works on Linux and macOS.
//
// Some things are slow, as in production. The namespace controller waits five seconds before it
// empties a namespace. Quotas on a custom resource count half a minute after its definition.
//
// # Files
//
//   - the API: testcluster.go (start, stop, users) and use.go (one cluster for all tests of a
//     package)
//   - binaries: source.go (which versions) and build.go
//   - running: start.go, components.go (the arguments of each), process.go, watchdog.go,
//     system_unix.go
//   - access: pki.go, credentials.go, kubeconfig.go
//   - a cluster of yours: existing.go
//
// # Environment
//
//   - KUBEBUILDER_ASSETS names a directory with the binaries, as for envtest. It must also have
//     a kube-controller-manager. Nothing is built then.
//   - POLYPHONY_TEST_CACHE names the directory for the binaries that are built. By default it is
//     in the user's cache directory.
//   - USE_EXISTING_CLUSTER=true with KUBECONFIG makes [Use] return that cluster, as with envtest.
//     Nothing is started or stopped, and other users are impersonated. KUBECONFIG alone is
//     ignored, so that no test runs against a cluster by accident. [Start] ignores both.
package testcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// startTimeout bounds a start, not the build before it. A start takes seconds, but many times
// longer on a busy machine.
const startTimeout = 10 * time.Minute

var (
	errStopped  = errors.New("the cluster has been stopped; start another one")
	errExisting = errors.New("an existing cluster cannot be restarted; unset USE_EXISTING_CLUSTER to start a cluster")
)

// Options are the options of [Start]. The zero value uses the defaults.
type Options struct {
	// Log receives the progress, in lines for people. Nil: os.Stderr.
	Log io.Writer
	// Dir is the directory for the cluster's data, keys and logs. It must be empty or absent,
	// and it is kept for inspection. Empty: a temporary directory, which Stop removes.
	Dir string
}

// Cluster is a running control plane. Its methods may be called concurrently.
type Cluster struct {
	dir        string
	keep       bool // dir was given by the caller
	url        string
	kubeconfig string
	watchdog   *watchdog
	existing   *existing // nil for a cluster that this package started

	binaries string
	port     int // of the API server
	ca       *authority
	admin    keyPair
	client   *http.Client // of the administrator

	mu                          sync.Mutex // orders starting, restarting and stopping
	stopped                     bool
	users                       int // how many have a kubeconfig
	etcd, apiserver, controller *process
}

// Start starts a cluster and returns when it is ready: the API server and the controller manager
// are healthy, and pods can be created in the default namespace. It builds missing binaries first.
// The context bounds the start only. The cluster runs until [Cluster.Stop] or the end of the
// process.
//
// After an error nothing is left running. If a component ended by itself or did not become ready,
// the error quotes the end of its log.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	if opts.Log == nil {
		opts.Log = os.Stderr
	}
	binaries, err := Build(ctx, opts.Log)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	c := &Cluster{binaries: binaries}
	if err := c.prepare(opts.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("testcluster: %w", err), c.Stop())
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.start(ctx); err != nil {
		_ = c.Stop() // the first error is the cause
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	fmt.Fprintf(opts.Log, "testcluster: %s ready after %.1f s\n", c.url, time.Since(began).Seconds())
	return c, nil
}

// prepare creates the directory, starts the watchdog and writes the credentials.
func (c *Cluster) prepare(dir string) (err error) {
	if c.dir, c.keep, err = makeDir(dir); err != nil {
		return err
	}
	if c.watchdog, err = startWatchdog(c.dir, !c.keep); err != nil {
		return err
	}
	return c.writeCredentials()
}

// makeDir creates an empty directory that only its owner can read, since it will hold private keys.
// It returns the absolute path, and whether the caller chose the directory.
func makeDir(dir string) (path string, given bool, err error) {
	if dir == "" {
		path, err = os.MkdirTemp("", "polyphony-testcluster-")
		return path, false, err
	}
	if path, err = filepath.Abs(dir); err != nil {
		return "", true, err
	}
	if err = os.MkdirAll(path, 0o700); err != nil {
		return "", true, err
	}
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty; set Options.Dir to an empty directory", path)
	}
	if err == nil {
		err = os.Chmod(path, 0o700)
	}
	return path, true, err
}

// URL returns the address of the API server, for example https://127.0.0.1:24163.
func (c *Cluster) URL() string { return c.url }

// APIServerPID returns the process id of the API server, with which its use of CPU and memory can
// be measured. It is 0 for an existing cluster. A restart changes it.
func (c *Cluster) APIServerPID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiserver == nil {
		return 0
	}
	return c.apiserver.cmd.Process.Pid
}

// Kubeconfig returns the path of a kubeconfig whose user is in the group system:masters and may do
// everything. For an existing cluster it is the path in KUBECONFIG.
func (c *Cluster) Kubeconfig() string { return c.kubeconfig }

// KubeconfigFor writes a kubeconfig that authenticates as the user in the groups, and in
// system:authenticated, and returns its path. The user has the rights that RBAC grants to these
// names, so none by default. The file contains its credentials and exists as long as the cluster.
//
// In a cluster that this package started, the user has a client certificate. In an existing
// cluster, the user of KUBECONFIG impersonates it, and needs the right to do so.
func (c *Cluster) KubeconfigFor(user string, groups ...string) (path string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return "", fmt.Errorf("testcluster: %w", errStopped)
	}
	if user == "" {
		return "", errors.New("testcluster: KubeconfigFor needs the name of a user")
	}
	if path, err = c.writeUserKubeconfig(user, groups); err != nil {
		return "", fmt.Errorf("testcluster: kubeconfig for %s: %w", user, err)
	}
	return path, nil
}

// RestartAPIServer kills the API server and starts it again with the same port and data, as after a
// crash. It returns when the server is ready. Until then connections are refused, and every watch
// ends.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stopped:
		return fmt.Errorf("testcluster: restart kube-apiserver: %w", errStopped)
	case c.existing != nil:
		return fmt.Errorf("testcluster: restart kube-apiserver: %w", errExisting)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.restartAPIServer(ctx); err != nil {
		return fmt.Errorf("testcluster: restart: %w", err)
	}
	return nil
}

// Stop stops the cluster, waits for its processes and removes its data. Further calls do nothing.
// It is an error if a component had ended before, or if the data cannot be removed.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	var errs []error
	// In this order no component logs errors about one that has stopped.
	for _, p := range []*process{c.controller, c.apiserver, c.etcd} {
		errs = append(errs, p.stop())
	}
	if c.dir != "" && !c.keep {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	errs = append(errs, c.watchdog.dismiss())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("testcluster: %w", err)
	}
	return nil
}
