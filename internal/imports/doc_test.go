package imports

import (
	"go/doc"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxTypes bounds the types of package topology: more do not fit into a reader's head.
const maxTypes = 60

func TestTopologyListsFewTypes(t *testing.T) {
	dependOnEverything(t)
	cmd := exec.CommandContext(t.Context(), "go", "doc", "./topology")
	cmd.Dir = repository
	out, err := cmd.Output()
	require.NoError(t, err)
	types := regexp.MustCompile(`(?m)^type `).FindAllString(string(out), -1)
	require.NotEmpty(t, types)
	require.LessOrEqual(t, len(types), maxTypes, "types that go doc ./topology lists")
}

// TestPackageDocsAreMaps checks that every package has a comment, and that the comment of a public
// package names each exported type and function of it.
func TestPackageDocsAreMaps(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		documented := packageDoc(t, p)
		assert.NotEmpty(t, documented.Doc, "%s has no package comment", p.own())
		if !isPublic(p) || documented.Name == "main" {
			continue
		}
		var missing []string
		for _, name := range exportedNames(documented) {
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(documented.Doc) {
				missing = append(missing, name)
			}
		}
		assert.Empty(t, missing, "the package comment of %s does not name them", p.own())
	}
}

// isPublic reports whether another module can import the package.
func isPublic(p pkg) bool {
	return !slices.Contains(strings.Split(p.own(), "/"), "internal")
}

// packageDoc returns the documentation of a package, without its tests.
func packageDoc(t *testing.T, p pkg) *doc.Package {
	t.Helper()
	files, parsed := parseFolder(t, p.own(), isNoTest)
	documented, err := doc.NewFromFiles(files, parsed, p.ImportPath)
	require.NoError(t, err)
	return documented
}

// exportedNames returns the names of the types and functions of a package, without methods.
func exportedNames(of *doc.Package) (names []string) {
	for _, f := range of.Funcs {
		names = append(names, f.Name)
	}
	for _, t := range of.Types {
		names = append(names, t.Name)
		for _, f := range t.Funcs {
			names = append(names, f.Name)
		}
	}
	return names
}
