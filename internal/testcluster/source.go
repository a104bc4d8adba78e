package testcluster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// source is the nested module that pins the control plane.
type source struct {
	dir      string
	version  string // of Kubernetes, such as "v1.36.3"
	sums     []byte // the contents of go.mod and go.sum
	programs []program
}

// program is one main package of the module, and the name of its binary.
type program struct{ name, pkg string }

// controlPlane are the tools of the nested go.mod.
var controlPlane = []program{
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
	{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
}

// nested is the directory of the module in the repository.
const nested = "internal/testcluster/binaries"

var (
	rootModule = regexp.MustCompile(`(?m)^module github\.com/polyphony-go/polyphony$`)
	kubernetes = regexp.MustCompile(`(?m)^(?:require)?\s+k8s\.io/kubernetes (v[0-9]\S*)`)
)

// findSource looks for the repository in and above the working directory, and then in and above the
// directory of this source file. The latter is not known to a binary built with -trimpath.
func findSource() (source, error) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	return findSourceAbove(starts...)
}

func findSourceAbove(starts ...string) (source, error) {
	for _, dir := range starts {
		for {
			if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && rootModule.Match(mod) {
				return readSource(filepath.Join(dir, filepath.FromSlash(nested)))
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return source{}, fmt.Errorf("no checkout of polyphony in or above %s, so there is no %s to build the control plane from; "+
		"run inside a checkout, or set KUBEBUILDER_ASSETS to a directory with %s",
		strings.Join(starts, " or "), nested, strings.Join(required, ", "))
}

func readSource(dir string) (source, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return source{}, err
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return source{}, err
	}
	match := kubernetes.FindSubmatch(mod)
	if match == nil {
		return source{}, errors.New(filepath.Join(dir, "go.mod") +
			" requires no k8s.io/kubernetes, which sets the version of the control plane")
	}
	return source{dir: dir, version: string(match[1]), sums: append(mod, sum...), programs: controlPlane}, nil
}

// cacheDir returns the directory for the binaries of this module, Go version and platform.
func (s source) cacheDir() (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), s.buildFlags(), s.programs)
	hash.Write(s.sums)
	key := fmt.Sprintf("%s-%s-%s-%.6x", s.version, runtime.GOOS, runtime.GOARCH, hash.Sum(nil))
	if dir := os.Getenv("POLYPHONY_TEST_CACHE"); dir != "" {
		dir, err := filepath.Abs(dir)
		return filepath.Join(dir, key), err
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w; set POLYPHONY_TEST_CACHE to a directory that can be written", err)
	}
	return filepath.Join(dir, "polyphony", "testcluster", key), nil
}
