// Package testcluster runs a real Kubernetes control plane for tests: etcd,
// kube-apiserver and kube-controller-manager, on loopback, with RBAC, the
// default admission plugins and throw-away data. There is no scheduler, no
// kubelet and no container runtime: objects are admitted, authorized, counted
// against quotas and garbage-collected exactly as in production, but no pod
// ever runs.
//
// A test package shares one cluster:
//
//	func TestMain(m *testing.M) { os.Exit(testcluster.Run(m)) }
//
//	func TestSomething(t *testing.T) {
//		cluster := testcluster.Use(t) // started by the first test that asks
//		...
//	}
//
// The binaries are compiled from the Go modules pinned in the nested module
// binaries/, once per machine and version, see [Build]. That takes minutes, and
// `go test` shows nothing of its progress when it tests several packages, so
// build them beforehand:
//
//	go run ./internal/testcluster/cmd/testcluster -build
//
// Starting takes about four seconds and half a gigabyte of memory. Nothing outlives
// the process that called [Start], not even when it is killed with SIGKILL: a watchdog
// then ends the components and removes their data. It works on Linux and macOS.
//
// Some things take their time, as in production: the namespace controller waits
// five seconds before it empties a namespace, and quotas over a custom resource are
// counted half a minute after its definition.
//
// Environment:
//
//   - KUBEBUILDER_ASSETS names a directory of ready-made binaries, as envtest
//     does; it needs a kube-controller-manager as well. Nothing is built then.
//   - POLYPHONY_TEST_CACHE says where built binaries are kept, instead of the
//     user's cache directory.
//   - USE_EXISTING_CLUSTER=true together with KUBECONFIG, as with envtest, makes
//     [Use] hand out that cluster. Nothing is started or stopped, and other users
//     are impersonated. KUBECONFIG alone is ignored on purpose: nobody's cluster
//     shall become a test bed by accident. [Start] starts one in any case.
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

// startTimeout bounds a start once everything is built. It takes seconds; the rest
// is for machines that run many other things at once.
const startTimeout = 10 * time.Minute

var (
	errStopped  = errors.New("the cluster has been stopped; start another one")
	errExisting = errors.New("the cluster comes from USE_EXISTING_CLUSTER and is not ours to restart; unset it to run this against a cluster of its own")
)

// Options of [Start]. The zero value is fine.
type Options struct {
	// Log receives progress, in lines for people. Default: os.Stderr.
	Log io.Writer
	// Dir is where the cluster keeps its data, keys and the components' logs. It
	// must be empty or absent, and is left in place for inspection. Default: a
	// temporary directory that is removed with the cluster.
	Dir string
}

// Cluster is a running control plane. Its methods may be called concurrently.
type Cluster struct {
	dir        string
	keep       bool // dir was given by the caller
	url        string
	kubeconfig string
	watchdog   *watchdog
	existing   *existing // nil for a cluster of our own

	binaries string
	port     int // of the API server
	ca       *authority
	admin    keyPair
	client   *http.Client // the administrator's

	mu                          sync.Mutex // orders starting, restarting and stopping
	stopped                     bool
	users                       int // that have got a kubeconfig
	etcd, apiserver, controller *process
}

// Start starts a cluster and returns when it is ready for use: the API server
// and the controller manager are healthy and pods can be created in the default
// namespace. The binaries are built first if need be. A ctx that ends later does
// not stop the cluster, only [Cluster.Stop] and the end of the process do.
//
// Whatever fails, nothing is left running. If a component ended by itself or
// never became ready, the error quotes the end of its log.
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
		_ = c.Stop() // the cause is what went wrong first
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	fmt.Fprintf(opts.Log, "testcluster: %s ready after %.1f s\n", c.url, time.Since(began).Seconds())
	return c, nil
}

// prepare makes the directory, the watchdog over it and the certificates.
func (c *Cluster) prepare(dir string) (err error) {
	if c.dir, c.keep, err = makeDir(dir); err != nil {
		return err
	}
	if c.watchdog, err = startWatchdog(c.dir, !c.keep); err != nil {
		return err
	}
	return c.makeCredentials()
}

// makeDir returns the absolute path of an empty directory that only we may read,
// for there will be private keys in it, and whether the caller chose it.
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
		err = fmt.Errorf("%s is not empty; give a directory without anything in it", path)
	}
	if err == nil {
		err = os.Chmod(path, 0o700)
	}
	return path, true, err
}

// URL is the address of the API server, for example https://127.0.0.1:24163.
func (c *Cluster) URL() string { return c.url }

// APIServerPID is the process id of the API server, of which the operating system can
// tell what it uses. It is 0 for a cluster that is not ours. A restart changes it.
func (c *Cluster) APIServerPID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apiserver == nil {
		return 0
	}
	return c.apiserver.cmd.Process.Pid
}

// Kubeconfig is the path of a kubeconfig whose user is in the group
// system:masters and may do anything. With USE_EXISTING_CLUSTER it is the path
// in KUBECONFIG.
func (c *Cluster) Kubeconfig() string { return c.kubeconfig }

// KubeconfigFor writes a kubeconfig that authenticates as the given user in the
// given groups (and, as always, system:authenticated), and returns its path. The
// user has the rights that RBAC gives to these names, so none by default. The file
// holds its credentials itself and lives as long as the cluster.
//
// In a cluster of our own the user has a client certificate; with
// USE_EXISTING_CLUSTER the user of KUBECONFIG impersonates them, for which it needs
// the right.
func (c *Cluster) KubeconfigFor(user string, groups ...string) (path string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return "", fmt.Errorf("testcluster: %w", errStopped)
	}
	if user == "" {
		return "", errors.New("testcluster: a kubeconfig needs the name of a user")
	}
	if path, err = c.makeKubeconfig(user, groups); err != nil {
		return "", fmt.Errorf("testcluster: kubeconfig for %s: %w", user, err)
	}
	return path, nil
}

// RestartAPIServer kills the API server without a warning and starts it again on
// the same port over the same data, as after a crash. It returns when the server is
// ready; until then connections are refused, and watches have to be taken up anew.
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

// Stop ends the cluster, waits for its processes and removes its data. It may be
// called again, and then does nothing. An error means that a component had died
// before, which a test wants to know, or that something could not be removed.
func (c *Cluster) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	c.stopped = true
	var errs []error
	// In this order nobody complains about a server that is gone.
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
