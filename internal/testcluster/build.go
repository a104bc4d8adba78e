package testcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// required are the ones without which there is no cluster.
var required = []string{"etcd", "kube-apiserver", "kube-controller-manager"}

// progressInterval is how often a running build says that it still runs.
var progressInterval = 10 * time.Second

// Build returns the directory that holds etcd, kube-apiserver,
// kube-controller-manager and kubectl, after building what is missing there. The
// first time takes some minutes and about 2 GB of disk, most of it in Go's own
// caches; progress goes to log. An interrupted build goes on where it was, and two
// processes that build at once do the work once.
//
// The directory is within the user's cache directory or POLYPHONY_TEST_CACHE. Its
// name depends on the pinned modules, on the Go version and on the platform, so an
// upgrade of any of them builds anew; directories of older ones can be deleted at any
// time. With KUBEBUILDER_ASSETS set, that directory is returned as it is, provided that
// it holds what a cluster needs.
func Build(ctx context.Context, log io.Writer) (dir string, err error) {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		dir, err = checkAssets(assets)
	} else {
		dir, err = buildCached(ctx, log)
	}
	if err != nil {
		return "", fmt.Errorf("testcluster: %w", err)
	}
	return dir, nil
}

func checkAssets(assets string) (dir string, err error) {
	if dir, err = filepath.Abs(assets); err != nil {
		return "", err
	}
	for _, name := range required {
		if !isExecutable(filepath.Join(dir, name)) {
			return "", fmt.Errorf("KUBEBUILDER_ASSETS is set to %s, which has no executable %s; put it there, or unset KUBEBUILDER_ASSETS to have all of them built", assets, name)
		}
	}
	return dir, nil
}

func buildCached(ctx context.Context, log io.Writer) (string, error) {
	src, err := findSource()
	if err != nil {
		return "", err
	}
	dir, err := src.cacheDir()
	if err != nil {
		return "", err
	}
	return dir, src.provide(ctx, log, dir)
}

// provide makes dir hold all of the programs.
func (s source) provide(ctx context.Context, log io.Writer, dir string) error {
	if len(s.missing(dir)) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w; set POLYPHONY_TEST_CACHE to a directory that can be written", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, ".lock"), func() {
		fmt.Fprintf(log, "testcluster: another process is building into %s; waiting for it\n", dir)
	})
	if err != nil {
		return err
	}
	defer unlock()
	todo := s.missing(dir) // whoever had the lock may have built everything
	if len(todo) == 0 {
		return nil
	}
	leftovers, _ := filepath.Glob(filepath.Join(dir, ".building-*")) // the pattern is well-formed
	for _, path := range leftovers {
		_ = os.RemoveAll(path) // they only take space
	}
	began := time.Now()
	fmt.Fprintf(log, "testcluster: building Kubernetes %s into %s; this happens once and takes some minutes\n", s.version, dir)
	for _, i := range todo {
		if err := s.build(ctx, log, dir, i); err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "testcluster: all built after %s\n", seconds(time.Since(began)))
	return nil
}

// missing lists the indices of the programs that dir does not have.
func (s source) missing(dir string) (todo []int) {
	for i, p := range s.programs {
		if !isExecutable(filepath.Join(dir, p.name)) {
			todo = append(todo, i)
		}
	}
	return todo
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// build builds one program and moves it into dir when it is complete, so that a
// file in dir is always one that works. The caller holds the lock.
func (s source) build(ctx context.Context, log io.Writer, dir string, i int) error {
	program := s.programs[i]
	what := fmt.Sprintf("%s (%d of %d)", program.name, i+1, len(s.programs))
	fmt.Fprintf(log, "testcluster: building %s\n", what)
	began := time.Now()
	stop := every(progressInterval, func() {
		fmt.Fprintf(log, "testcluster: building %s, %s so far\n", what, seconds(time.Since(began)))
	})
	defer stop()

	// A directory of its own, for the compiler of a process that was killed may
	// still be at work on the same.
	temp, err := os.MkdirTemp(dir, ".building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	output := filepath.Join(temp, program.name)
	if err := s.goBuild(ctx, program.pkg, output); err != nil {
		return fmt.Errorf("build %s in %s: %w", program.name, s.dir, err)
	}
	if err := os.Rename(output, filepath.Join(dir, program.name)); err != nil {
		return err
	}
	stop()
	fmt.Fprintf(log, "testcluster: built %s in %s\n", what, seconds(time.Since(began)))
	return nil
}

// goBuild compiles a main package of the pinned modules, the way Kubernetes
// compiles its releases, and stamps its version into it.
func (s source) goBuild(ctx context.Context, pkg, output string) error {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("the go command is needed to build the control plane, or KUBEBUILDER_ASSETS to name one: %w", err)
	}
	cmd := exec.CommandContext(ctx, goCommand, append(append([]string{"build"}, s.buildFlags()...), "-o", output, pkg)...)
	cmd.Dir = s.dir
	// The developer's own settings are for their code, not for this.
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	// Interrupted, the go command ends its compilers and removes what they left.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("go build: %w", err), errors.New(lastLines(out, 20, 600)))
	}
	return nil
}

func (s source) buildFlags() []string {
	const stamp = " -X k8s.io/component-base/version."
	major, minor, _ := strings.Cut(strings.TrimPrefix(s.version, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	return []string{
		"-mod=readonly", "-trimpath", "-buildvcs=false",
		"-tags=grpcnotrace", // lets the linker drop what is never called
		"-ldflags=-s -w" + stamp + "gitVersion=" + s.version + stamp + "gitMajor=" + major + stamp + "gitMinor=" + minor + stamp + "gitCommit=unknown" + stamp + "gitTreeState=clean",
	}
}

// every calls f in intervals until stop is called, which may happen twice.
func every(interval time.Duration, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
