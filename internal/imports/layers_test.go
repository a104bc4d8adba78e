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

// The linter holds the same lines and says why each of them is there (depguard in .golangci.yml). This is stricter, since it lists what is
// allowed, and notices a layer that nobody has drawn a line for.

const module = "github.com/polyphony-go/polyphony"

// pkg is what the go command says of a package. Imports are those of its tests not.
type pkg struct {
	ImportPath string
	Imports    []string
}

// own is the path within the module.
func (p pkg) own() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// imports are the paths that p imports: those of this module, as paths within it, and those of other modules.
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
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...")
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

// layer is a package, or with "/..." at its end everything below it, and what it may import besides the standard library.
type layer struct {
	path   string
	own    []string // of this module
	others []string // prefixes
}

// light is what the core may import of other modules: no client of any infrastructure.
var light = []string{
	"github.com/hashicorp/go-multierror",
	"k8s.io/apimachinery/pkg/api/resource",
	"k8s.io/apimachinery/pkg/util/validation",
	"sigs.k8s.io/json",
}

// layers from the bottom up. The first that fits a package is its own; packages that none fits (cmd, examples, the rest of internal, test
// support) may import what they like.
var layers = []layer{
	{"topology", nil, light},
	{"internal/guardrail", []string{"topology"}, light},
	{"internal/lease", []string{"topology"}, nil},
	{"internal/podsecurity", []string{"topology"}, light},
	{"topology/fake", []string{"topology", "internal/guardrail", "internal/lease", "internal/podsecurity"}, light},
	{"topology/k8s", []string{"topology", "internal/guardrail", "internal/lease"}, []string{"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/utils", "sigs.k8s.io/yaml"}},
	{"interpret", []string{"topology"}, light},
	{"score", []string{"topology", "interpret"}, light},
	{"score/progress", []string{"score"}, []string{"github.com/schollz/progressbar/v3", "golang.org/x/term"}},
	{"tenant", []string{"topology", "interpret", "score"}, light},
	{"tenant/...", []string{"topology", "interpret", "score", "tenant"}, light},
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
			assert.Contains(t, l.own, imported, "%s imports %s of this module; see docs/adr and CONTRIBUTING.md for the layers", p.own(), imported)
		}
		for _, imported := range others {
			assert.True(t, within(imported, l.others), "%s imports %s, which is not for its layer", p.own(), imported)
		}
	}
	for _, l := range layers {
		if !strings.HasSuffix(l.path, "...") {
			assert.True(t, seen[l.path], "the layer %s has no package any more: put this test right", l.path)
		}
	}
}

func TestEveryAdapterIsALayer(t *testing.T) {
	for _, p := range packages(t) {
		if path.Dir(p.own()) == "topology" && !isTestSupport(p.own()) {
			_, ok := layerOf(p)
			assert.True(t, ok, "%s is an adapter: say here and in .golangci.yml what it may import", p.own())
		}
	}
}

// TestKubernetesStaysInItsAdapter also covers the packages that are no layer.
func TestKubernetesStaysInItsAdapter(t *testing.T) {
	for _, p := range packages(t) {
		mayUse := p.own() == "topology/k8s" || isTestSupport(p.own()) || within(p.own(), []string{"cmd", "examples", "internal"})
		_, others := p.imports()
		for _, imported := range others {
			assert.True(t, mayUse || !within(imported, []string{"k8s.io/api", "k8s.io/client-go"}), "%s imports %s", p.own(), imported)
		}
	}
}

// TestTestSupportStaysInTests: what is for tests would come into every importer's program.
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

// isTestSupport tells packages that exist for tests: topologytest, scoretest and the like, and the control plane.
func isTestSupport(own string) bool {
	return strings.HasSuffix(path.Base(own), "test") || within(own, []string{"internal/testcluster"})
}

func isTestLibrary(imported string) bool {
	return within(imported, []string{"github.com/stretchr/testify", "github.com/google/go-cmp"})
}

// within tells whether a path is one of those, or below one.
func within(p string, those []string) bool {
	return slices.ContainsFunc(those, func(that string) bool { return p == that || strings.HasPrefix(p, that+"/") })
}
