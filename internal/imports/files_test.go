package imports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxUnmapped is how many files a package has at most, besides doc.go and its tests, without a
// Files section in its comment.
const maxUnmapped = 6

// fileInComment finds the name of a file without a folder.
var fileInComment = regexp.MustCompile(`(?:^|[\s(])([a-z][a-z0-9_-]*\.(?:go|yaml))\b`)

// TestFilesSectionsNameEveryFile checks the Files section of each package comment that has one:
// every file of the package is named there, tests aside, and every name there exists. Large
// packages need the section.
func TestFilesSectionsNameEveryFile(t *testing.T) {
	sections := 0
	for _, p := range packages(t) {
		files := slices.DeleteFunc(slices.Clone(p.GoFiles), func(file string) bool { return file == "doc.go" })
		if len(files) == 0 {
			continue
		}
		section, ok := filesSection(packageDoc(t, p).Doc)
		if !ok {
			assert.LessOrEqual(t, len(files), maxUnmapped,
				"the package comment of %s has no section Files, which says what is in which file", p.own())
			continue
		}
		sections++
		named := namesOfFiles(section)
		for _, file := range files {
			assert.Contains(t, named, file, "the section Files of %s does not name it", p.own())
		}
		for _, file := range named {
			assert.FileExists(t, filepath.Join(repository, filepath.FromSlash(p.own()), file),
				"the section Files of %s names it", p.own())
		}
	}
	require.NotZero(t, sections)
}

// filesSection returns the section Files of a package comment.
func filesSection(comment string) (section string, ok bool) {
	_, rest, ok := strings.Cut("\n"+comment, "\n# Files\n")
	section, _, _ = strings.Cut(rest, "\n# ")
	return section, ok
}

// namesOfFiles returns the names of files in a section.
func namesOfFiles(section string) (names []string) {
	for _, match := range fileInComment.FindAllStringSubmatch(section, -1) {
		names = append(names, match[1])
	}
	return names
}

func TestFilesSectionEndsAtTheNextHeading(t *testing.T) {
	section, ok := filesSection("Package a does b.\n\n# Files\n\na.go has c (see d_e.go, f-g.yaml), internal/h.go\n\n# More\n\ni.go\n")
	require.True(t, ok)
	require.Equal(t, []string{"a.go", "d_e.go", "f-g.yaml"}, namesOfFiles(section))
	_, ok = filesSection("Package a does b in a.go.\n")
	require.False(t, ok)
}

// adapters are the folders of the adapters of package topology.
var adapters = []string{"topology/k8s", "topology/fake"}

// TestCapabilitiesHaveOneFileInEachRoom checks that who knows the file of a port knows those of its
// adapters and its suite: adapters implement topology/quotas.go in quotas.go, or in a file such as
// quotas_usage.go, and the suite of topology.Quotas is in topologytest/quotas.go.
func TestCapabilitiesHaveOneFileInEachRoom(t *testing.T) {
	methods := map[string]map[string]string{}
	for _, folder := range adapters {
		methods[folder] = methodFiles(t, folder, "Topology")
	}
	suites := methodFiles(t, "topology/topologytest", "")
	ports := portsOf(t)
	require.Greater(t, len(ports), 15)
	for name, port := range ports {
		base := strings.TrimSuffix(port.file, ".go")
		for _, folder := range adapters {
			for _, method := range port.methods {
				file := methods[folder][method]
				assert.True(t, file == port.file || strings.HasPrefix(file, base+"_"),
					"%s implements %s.%s of topology/%s in %q", folder, name, method, port.file, file)
			}
		}
		assert.Equal(t, port.file, suites[name], "the suite of %s", name)
	}
}

// port is a capability of package topology.
type port struct {
	file    string
	methods []string
}

// portsOf returns the interfaces of package topology that an adapter can implement.
func portsOf(t *testing.T) map[string]port {
	t.Helper()
	ports := map[string]port{}
	eachFile(t, "topology", func(file string, parsed *ast.File) {
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			of, ok := spec.Type.(*ast.InterfaceType)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			p := port{file: file}
			for _, method := range of.Methods.List {
				for _, name := range method.Names {
					if !name.IsExported() {
						return true // nobody else can implement it
					}
					p.methods = append(p.methods, name.Name)
				}
			}
			ports[spec.Name.Name] = p
			return true
		})
	})
	return ports
}

// methodFiles returns the file of each method of a type, or of each function if the type is empty.
func methodFiles(t *testing.T, folder, of string) map[string]string {
	t.Helper()
	files := map[string]string{}
	eachFile(t, folder, func(file string, parsed *ast.File) {
		for _, decl := range parsed.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			on := ""
			if function.Recv != nil {
				on = receiver(function.Recv.List[0].Type)
			}
			if on == of {
				files[function.Name.Name] = file
			}
		}
	})
	return files
}

// eachFile calls each for every file of a package, tests aside.
func eachFile(t *testing.T, folder string, each func(file string, parsed *ast.File)) {
	t.Helper()
	files, parsed := parseFolder(t, folder, isNoTest)
	require.NotEmpty(t, parsed)
	for _, file := range parsed {
		each(filepath.Base(files.Position(file.Package).Filename), file)
	}
}

// parseFolder parses the Go files of a folder whose path passes the filter, with their comments.
func parseFolder(t *testing.T, folder string, filter func(path string) bool) (*token.FileSet, []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(repository, filepath.FromSlash(folder), "*.go"))
	require.NoError(t, err)
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, path := range paths {
		if !filter(path) {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		parsed = append(parsed, file)
	}
	return files, parsed
}

func isNoTest(path string) bool { return !strings.HasSuffix(path, "_test.go") }
