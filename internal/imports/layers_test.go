package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/polyphony-go/polyphony"

// pkg is what the go command reports about a package. The imports of its tests are left out.
type pkg struct {
	ImportPath string
	Imports    []string
	GoFiles    []string // none if the package has tests only
}

// own returns the path within the module.
func (p pkg) own() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// imports returns the paths that p imports: those of this module, as paths within it, and those of
// other modules.
func (p pkg) imports() (own, others []string) {
	for _, imported := range p.Imports {
		first, _, _ := strings.Cut(imported, "/")
		switch within, ok := strings.CutPrefix(imported, module+"/"); {
		case ok:
			own = append(own, within)
		case strings.Contains(first, "."):
			others = append(others, imported)
		}
	}
	return own, others
}

func packages(t *testing.T) []pkg {
	t.Helper()
	dependOnEverything(t)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,GoFiles", module+"/...")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoError(t, err, &problems)
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

func layerOf(p pkg) (layer, bool) {
	for _, l := range layers {
		below, tree := strings.CutSuffix(l.path, "...")
		if p.own() == l.path || tree && strings.HasPrefix(p.own(), below) {
			return l, true
		}
	}
	return layer{}, false
}

func TestEachLayerImportsOnlyWhatIsBelow(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		l, ok := layerOf(p)
		if !ok || isTestSupport(p.own()) {
			continue
		}
		seen[l.path] = true
		own, others := p.imports()
		for _, imported := range own {
			assert.Contains(t, l.own, imported, "%s imports %s: %s", p.own(), imported, l.why)
		}
		for _, imported := range others {
			assert.True(t, within(imported, l.others), "%s imports %s: %s", p.own(), imported, l.whyNoOthers())
		}
	}
	for _, l := range layers {
		if !strings.HasSuffix(l.path, "...") {
			assert.True(t, seen[l.path], "the layer %s has no package any more: remove it from the table", l.path)
		}
	}
}

func TestEveryPackageBelowTopologyIsALayer(t *testing.T) {
	for _, p := range packages(t) {
		if path.Dir(p.own()) == "topology" && !isTestSupport(p.own()) {
			_, ok := layerOf(p)
			assert.True(t, ok, "%s has no layer: add it to the table in table_test.go", p.own())
		}
	}
}

// TestKubernetesStaysInItsAdapter also covers the packages that have no layer.
func TestKubernetesStaysInItsAdapter(t *testing.T) {
	for _, p := range packages(t) {
		mayUse := p.own() == "topology/k8s" || isTestSupport(p.own()) || within(p.own(), []string{"cmd", "examples", "internal"})
		_, others := p.imports()
		for _, imported := range others {
			assert.True(t, mayUse || !within(imported, []string{"k8s.io/api", "k8s.io/client-go"}), "%s imports %s", p.own(), imported)
		}
	}
}

// TestTestSupportStaysInTests keeps what is for tests out of every importer's program.
func TestTestSupportStaysInTests(t *testing.T) {
	for _, p := range packages(t) {
		if isTestSupport(p.own()) {
			continue
		}
		own, others := p.imports()
		assert.False(t, slices.ContainsFunc(own, isTestSupport), "%s imports test support: %v", p.own(), own)
		assert.False(t, slices.ContainsFunc(others, isTestLibrary), "%s imports a test library: %v", p.own(), others)
	}
}

// isTestSupport reports whether a package exists for tests: topologytest, scoretest and the like, and
// the control plane.
func isTestSupport(own string) bool {
	return strings.HasSuffix(path.Base(own), "test") || within(own, []string{"internal/testcluster"})
}

func isTestLibrary(imported string) bool {
	return within(imported, []string{"github.com/stretchr/testify", "github.com/google/go-cmp"})
}

// within reports whether a path is one of those, or below one of them.
func within(p string, those []string) bool {
	return slices.ContainsFunc(those, func(that string) bool { return p == that || strings.HasPrefix(p, that+"/") })
}
