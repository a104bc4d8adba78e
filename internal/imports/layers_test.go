package imports

import (
	"encoding/json"
	"errors"
	"fmt"
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
		if l.path != p.own() && isTestSupport(p.own()) {
			continue // a tree has no rule for what is in it for tests
		}
		below, tree := strings.CutSuffix(l.path, "...")
		if fits, _ := path.Match(l.path, p.own()); fits || tree && strings.HasPrefix(p.own(), below) {
			return l, true
		}
	}
	return layer{}, false
}

// violations returns what a package imports and may not, with the reason.
func violations(p pkg) (found []string) {
	l, ok := layerOf(p)
	if !ok {
		return nil
	}
	own, others := p.imports()
	for _, imported := range own {
		if !slices.Contains(l.own, imported) && !inOneConcern(p.own(), imported) {
			found = append(found, fmt.Sprintf("%s imports %s: %s", p.own(), imported, l.why))
		}
	}
	for _, imported := range others {
		if !within(imported, l.others) {
			found = append(found, fmt.Sprintf("%s imports %s: %s", p.own(), imported, l.whyNoOthers()))
		}
	}
	return found
}

// concernOf returns the folder of the concern that a package belongs to, such as "tenant/roster".
func concernOf(own string) (folder string, ok bool) {
	parts := strings.Split(own, "/")
	if len(parts) < 2 || parts[0] != "tenant" {
		return "", false
	}
	return path.Join(parts[:2]...), true
}

// inOneConcern reports whether two packages are in the folder of the same concern.
func inOneConcern(a, b string) bool {
	ofA, ok := concernOf(a)
	ofB, ok2 := concernOf(b)
	return ok && ok2 && ofA == ofB
}

func TestEachLayerImportsOnlyWhatIsBelow(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		if l, ok := layerOf(p); ok {
			seen[l.path] = true
		}
		assert.Empty(t, violations(p))
	}
	for _, l := range layers {
		if !strings.ContainsAny(l.path, "*.") {
			assert.True(t, seen[l.path], "the layer %s has no package any more: remove it from the table", l.path)
		}
	}
}

// TestLayersRefuseWhatIsNotBelow asks the table about imports that do not exist. A new concern,
// which is in no table, gets the rule of concerns.
func TestLayersRefuseWhatIsNotBelow(t *testing.T) {
	for _, test := range []struct {
		own, imported string
		allowed       bool
	}{
		{"tenant/vpn", module + "/topology", true},
		{"tenant/vpn", module + "/interpret", true},
		{"tenant/vpn", module + "/score", true},
		{"tenant/vpn", module + "/tenant", true},
		{"tenant/vpn", module + "/tenant/roster", false},
		{"tenant/vpn", module + "/tenant/identity", false},
		{"tenant/vpn", module + "/topology/fake", false},
		{"tenant/vpn", module + "/topology/k8s", false},
		{"tenant/vpn", module + "/internal/kube", false},
		{"tenant/vpn", "k8s.io/client-go/rest", false},
		{"tenant/vpn", "example.com/wireguard", false},
		{"tenant/vpn/fake", module + "/tenant/vpn", true},
		{"tenant/vpn/fake", module + "/tenant/identity", false},
		{"tenant/vpn/fake", module + "/tenant/identity/fake", false},
		{"tenant/vpn/k8s", module + "/tenant/vpn", true},
		{"tenant/vpn/k8s", module + "/internal/kube/apply", true},
		{"tenant/vpn/k8s", module + "/topology/k8s", false},
		{"tenant/vpn/k8s", module + "/tenant/identity", false},
		{"tenant/vpn/k8s", "k8s.io/client-go/rest", true},
		{"tenant/vpn/vpntest", "github.com/stretchr/testify/require", true},
		{"topology/topologytest", module + "/topology/adapter", true},
		{"topology/topologytest", module + "/topology/fake", false},
		{"topology/topologytest", module + "/tenant", false},
		{"topology/topologytest", module + "/score", false},
		{"tenant", module + "/tenant/vpn", false},
		{"score", module + "/tenant/vpn", false},
		{"topology/k8s", module + "/tenant/vpn", false},
	} {
		found := violations(pkg{ImportPath: module + "/" + test.own, Imports: []string{test.imported}})
		assert.Equal(t, test.allowed, len(found) == 0, "%s imports %s", test.own, test.imported)
	}
}

// TestOnlyProgramsJoinConcerns also covers the packages that have no layer.
func TestOnlyProgramsJoinConcerns(t *testing.T) {
	for _, p := range packages(t) {
		if within(p.own(), []string{"cmd", "examples"}) || isTestSupport(p.own()) {
			continue
		}
		var joined []string
		own, _ := p.imports()
		for _, imported := range own {
			if folder, ok := concernOf(imported); ok && !slices.Contains(joined, folder) {
				joined = append(joined, folder)
			}
		}
		assert.LessOrEqual(t, len(joined), 1, "%s joins concerns: %v; only cmd and examples do", p.own(), joined)
	}
}

func TestEveryPackageBelowTopologyIsALayer(t *testing.T) {
	for _, p := range packages(t) {
		if path.Dir(p.own()) == "topology" {
			_, ok := layerOf(p)
			assert.True(t, ok, "%s has no layer: add it to the table in table_test.go", p.own())
		}
	}
}

// TestKubernetesStaysInItsAdapter also covers the packages that have no layer.
func TestKubernetesStaysInItsAdapter(t *testing.T) {
	for _, p := range packages(t) {
		adapterOfConcern, _ := path.Match("tenant/*/k8s", p.own())
		mayUse := p.own() == "topology/k8s" || adapterOfConcern || isTestSupport(p.own()) ||
			within(p.own(), []string{"cmd", "examples", "internal"})
		_, others := p.imports()
		for _, imported := range others {
			assert.True(t, mayUse || !within(imported, []string{"k8s.io/api", "k8s.io/client-go"}),
				"%s imports %s", p.own(), imported)
		}
	}
}

// TestTestSupportStaysInTests keeps what is for tests out of every importer's program.
func TestTestSupportStaysInTests(t *testing.T) {
	for _, p := range packages(t) {
		assert.Empty(t, importsForTests(p), "%s imports what is for tests only", p.own())
	}
}

// TestTestSupportIsRefusedOutsideOfTests asks the rule about imports that do not exist.
func TestTestSupportIsRefusedOutsideOfTests(t *testing.T) {
	for _, test := range []struct {
		own, imported string
		allowed       bool
	}{
		{"tenant/roster", module + "/tenant/tenanttest", false},
		{"tenant/vpn", module + "/tenant/vpn/vpntest", false},
		{"topology/fake", module + "/topology/topologytest", false},
		{"topology/k8s", module + "/internal/testcluster", false},
		{"internal/kube/cache", module + "/internal/kube/kubetest", false},
		{"score", module + "/internal/faketest", false},
		{"score", module + "/internal/valuetest", false},
		{"score", module + "/internal/puppet", false},
		{"examples/minimal", module + "/score/scoretest", false},
		{"tenant", "github.com/stretchr/testify/require", false},
		{"tenant", "github.com/google/go-cmp/cmp", false},
		{"tenant/tenanttest", module + "/topology/topologytest", true},
		{"tenant/vpn/vpntest", "github.com/stretchr/testify/require", true},
		{"internal/puppet", "github.com/google/go-cmp/cmp", true},
		{"internal/testcluster/cmd/testcluster", module + "/internal/testcluster", true},
		{"tenant", module + "/topology", true},
	} {
		found := importsForTests(pkg{ImportPath: module + "/" + test.own, Imports: []string{test.imported}})
		assert.Equal(t, test.allowed, len(found) == 0, "%s imports %s", test.own, test.imported)
	}
}

// importsForTests returns what a package imports that only test support may import.
func importsForTests(p pkg) (found []string) {
	if isTestSupport(p.own()) {
		return nil
	}
	own, others := p.imports()
	found = slices.DeleteFunc(own, func(imported string) bool { return !isTestSupport(imported) })
	for _, imported := range others {
		if within(imported, testLibraries) {
			found = append(found, imported)
		}
	}
	return found
}

// isTestSupport reports whether a package exists for tests: its name ends in "test", as that of
// topologytest, or the table lists it.
func isTestSupport(own string) bool {
	return strings.HasSuffix(path.Base(own), "test") || within(own, testSupport)
}

// within reports whether a path is one of those, or below one of them.
func within(p string, those []string) bool {
	return slices.ContainsFunc(those, func(that string) bool { return p == that || strings.HasPrefix(p, that+"/") })
}
