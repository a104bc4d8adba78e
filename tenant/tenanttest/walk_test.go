package tenanttest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/polyphony-go/polyphony/internal/testcluster"
	"github.com/polyphony-go/polyphony/score"
	"github.com/polyphony-go/polyphony/tenant"
	"github.com/polyphony-go/polyphony/topology/k8s"
)

const module = "github.com/polyphony-go/polyphony/"

// stacks records, for each kind of object, the files of this module that are on the call stack when
// the object is created. The outermost comes first.
type stacks struct {
	next http.RoundTripper
	mu   sync.Mutex
	by   map[string][]string
}

func (s *stacks) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPost {
		resource := request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:]
		s.mu.Lock()
		s.by[resource] = callers()
		s.mu.Unlock()
	}
	return s.next.RoundTrip(request)
}

// callers returns the files of this module on the call stack, each once, without tests.
func callers() []string {
	pcs := make([]uintptr, 200)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var files []string
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		name, ok := fileOf(frame)
		if !ok {
			continue
		}
		if i := slices.Index(files, name); i >= 0 { // called back: its first visit counts
			files = slices.Delete(files, i, i+1)
		}
		files = append(files, name)
	}
	slices.Reverse(files)
	return files
}

// fileOf returns the path of the frame's file in this module. It takes the folder from the name of
// the function, since the file may be known by its name only.
func fileOf(frame runtime.Frame) (path string, ok bool) {
	name := filepath.Base(frame.File)
	function, ok := strings.CutPrefix(frame.Function, module)
	if !ok || strings.HasSuffix(name, "_test.go") {
		return "", false
	}
	last := strings.LastIndexByte(function, '/') + 1 // a dot before may be in a folder's name
	dot := last + strings.IndexByte(function[last:], '.')
	return function[:dot] + "/" + name, true
}

var (
	walkHeading = regexp.MustCompile("(?m)^## .*$")
	walkFile    = regexp.MustCompile("(?m)^[0-9]+\\. `([^`]+)`")
)

// walks returns the lists of docs/walk.md, in their order.
func walks(t *testing.T) [][]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "walk.md"))
	require.NoError(t, err)
	var lists [][]string
	for _, section := range walkHeading.Split(string(page), -1)[1:] {
		var files []string
		for _, match := range walkFile.FindAllStringSubmatch(section, -1) {
			files = append(files, match[1])
		}
		if files != nil {
			lists = append(lists, files)
		}
	}
	return lists
}

func TestWalksAreThoseOfTheCallStack(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", testcluster.Use(t).Kubeconfig())
	require.NoError(t, err)
	seen := &stacks{by: map[string][]string{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { seen.next = next; return seen })
	top, err := k8s.New(config, k8s.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { cleanUp(t, top) })
	s := tenant.TenantScore{
		TenantConfig:     tenant.TenantConfig{Name: "walk"},
		NetworkIsolation: tenant.NetworkIsolationPolicy{PublicInternetEgress: true},
		RBAC:             tenant.RBACConfig{Members: []tenant.Member{{Role: tenant.Viewer, Name: "walkers"}}},
	}
	_, err = score.Run(t.Context(), s.On(top))
	require.NoError(t, err)

	documented := walks(t)
	for i, resource := range []string{"namespaces", "rolebindings", "resourcequotas", "networkpolicies"} {
		t.Run(resource, func(t *testing.T) {
			require.NotEmpty(t, seen.by[resource], "the request was seen")
			carry := slices.DeleteFunc(slices.Clone(documented[i]), makesValue)
			require.Equal(t, seen.by[resource], carry)
			for _, file := range documented[i] {
				require.FileExists(t, filepath.Join("..", "..", filepath.FromSlash(file)))
			}
			once := slices.Compact(slices.Sorted(slices.Values(documented[i])))
			require.Len(t, once, len(documented[i]), "no file occurs twice")
		})
	}
}

// makesValue reports whether a file makes a value of a Score or renders one. It has returned when
// the request is sent.
func makesValue(file string) bool {
	folder := filepath.Dir(file)
	return folder == "tenant" && file != "tenant/score.go" && file != "tenant/provision.go" ||
		file == "topology/k8s/rbac.go"
}
