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
	"slices"
	"strings"
	"time"
)

// required are the programs that every cluster needs.
var required = []string{"etcd", "kube-apiserver", "kube-controller-manager"}

// progressInterval is the time between two reports of a running build.
var progressInterval = 10 * time.Second

// Build returns a directory with etcd, kube-apiserver, kube-controller-manager and kubectl. It
// builds those that are missing, and reports its progress to log. The first build takes some
// minutes and about 2 GB of disk, most of it in Go's caches. An interrupted build continues where
// it stopped. If several processes build at the same time, one builds and the others wait.
//
// The directory is in POLYPHONY_TEST_CACHE, or in the user's cache directory. Its name depends on
// the pinned modules, the Go version and the platform, so an upgrade of any of them builds again.
// Directories of older versions can be deleted at any time.
//
// If KUBEBUILDER_ASSETS is set, Build returns that directory and builds nothing. It is an error if
// a program that a cluster needs is missing there.
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
			return "", fmt.Errorf("KUBEBUILDER_ASSETS is set to %s, which has no executable %s; "+
				"put it there, or unset KUBEBUILDER_ASSETS to build the control plane", assets, name)
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
	return dir, src.buildMissing(ctx, log, dir)
}

// buildMissing builds the programs that dir does not have.
func (s source) buildMissing(ctx context.Context, log io.Writer, dir string) error {
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
	todo := s.missing(dir) // the previous holder of the lock may have built them
	if len(todo) == 0 {
		return nil
	}
	leftovers, _ := filepath.Glob(filepath.Join(dir, ".building-*")) // the pattern is well-formed
	for _, path := range leftovers {
		_ = os.RemoveAll(path) // an error only costs disk space
	}
	began := time.Now()
	fmt.Fprintf(log, "testcluster: building Kubernetes %s into %s; this happens once and takes some minutes\n",
		s.version, dir)
	for _, i := range todo {
		if err := s.build(ctx, log, dir, i); err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "testcluster: all built after %s\n", seconds(time.Since(began)))
	return nil
}

// missing returns the indices of the programs that dir does not have.
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

// build builds one program, and moves it into dir when it is complete. So every file in dir works.
// The caller holds the lock.
func (s source) build(ctx context.Context, log io.Writer, dir string, i int) error {
	program := s.programs[i]
	what := fmt.Sprintf("%s (%d of %d)", program.name, i+1, len(s.programs))
	fmt.Fprintf(log, "testcluster: building %s\n", what)
	began := time.Now()
	stop := every(progressInterval, func() {
		fmt.Fprintf(log, "testcluster: building %s, %s so far\n", what, seconds(time.Since(began)))
	})
	defer stop()

	// The compiler of a process that was killed may still write into its own directory.
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

// goBuild compiles a main package of the pinned modules as Kubernetes compiles its releases, with
// the version in it.
func (s source) goBuild(ctx context.Context, pkg, output string) error {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("building the control plane needs the go command; put it into PATH, "+
			"or set KUBEBUILDER_ASSETS to a directory with the binaries: %w", err)
	}
	args := slices.Concat([]string{"build"}, s.buildFlags(), []string{"-o", output, pkg})
	cmd := exec.CommandContext(ctx, goCommand, args...)
	cmd.Dir = s.dir
	// Settings of the developer must not change the build.
	cmd.Env = append(cmd.Environ(),
		"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	// On an interrupt, the go command ends its compilers and removes their files.
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
		"-tags=grpcnotrace", // lets the linker drop unused methods
		"-ldflags=-s -w" + stamp + "gitVersion=" + s.version +
			stamp + "gitMajor=" + major + stamp + "gitMinor=" + minor +
			stamp + "gitCommit=unknown" + stamp + "gitTreeState=clean",
	}
}

// every calls f at each interval until stop is called. Stop may be called more than once.
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
